# SPDX-License-Identifier: MIT
"""Source `set`: a set becomes what its references become. Part of the master, since sets lie in its database."""

from __future__ import annotations

import concurrent.futures
from collections.abc import Mapping
from typing import ClassVar

from ondemand import errors, plugins, references, releases
from ondemand_web.database import Database
from ondemand_web.packages import resolving
from ondemand_web.sets import services


class Sets:
    """Asks the database for the list, and the other sources for what is on it."""

    kind: ClassVar[str] = "set"

    def __init__(self, database: Database, sources: Mapping[str, plugins.Source]) -> None:
        """`sources` are those that a set's references may need."""
        self._database, self._sources = database, sources

    def resolve(
        self, reference: references.Reference, release: releases.Release, arch: str, catalog: plugins.Catalog
    ) -> plugins.Resolution:
        """The builds of all references of the set, whose version is pinned in the answer's reference.

        Raises errors.UnknownReference with every refused reference in `details`, and errors.SourceUnavailable.
        """
        name, _, version = reference.value.partition("@")
        try:
            with self._database.reading() as session:
                held = services.get(session, name, int(version or 0) or None)
        except errors.UnknownSet as error:
            raise errors.UnknownReference(error.happened, cause=error.cause, remedy=error.remedy) from error
        pinned = f"set:{held.name}@{held.version}"

        def tried(text: str) -> plugins.Resolution | errors.RequestError | errors.ContentError:
            try:
                return resolving.resolve(text, release, arch, self._sources, catalog)
            except (errors.RequestError, errors.ContentError) as error:
                return error

        with concurrent.futures.ThreadPoolExecutor(resolving.PARALLEL) as pool:
            answers = list(pool.map(tried, held.references))
        refused = [answer.sentence for answer in answers if isinstance(answer, errors.OndemandError)]
        if refused:
            cause = refused[0].rstrip(".")
            raise errors.UnknownReference(f"{pinned} can't be used", cause=cause, details=tuple(refused))
        found = [answer for answer in answers if isinstance(answer, plugins.Resolution)]
        return plugins.Resolution(
            reference=references.Reference(kind="set", value=f"{held.name}@{held.version}", text=pinned),
            builds=tuple({build.nvr: build for each in found for build in each.builds}.values()),
            warnings=tuple(dict.fromkeys(warning for each in found for warning in each.warnings)),
            identity=pinned,
            install=tuple(dict.fromkeys(name for each in found for name in each.install)),
        )
