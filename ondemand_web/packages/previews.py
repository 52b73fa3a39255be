# SPDX-License-Identifier: MIT
"""What references would become, told within a few seconds: what takes longer is marked and known at the next time.

Reads repositories as they were read last; makes no build and touches no database.
"""

from __future__ import annotations

import functools
import logging
import pathlib
import time
from collections.abc import Iterator, Mapping, Sequence

from ondemand import deadlines, errors, plugins, references, releases
from ondemand.builds import Failure
from ondemand.resolutions import REFUSED, ResolvedBuild, ResolvedPackage, ResolvedReference, ResolveRecord
from ondemand_web.packages import resolving, trust
from ondemand_web.packages.catalog import Catalog, Find, newest_first, no_uploads
from ondemand_web.packages.jobs import Jobs
from ondemand_web.packages.pools import Pools

log = logging.getLogger(__name__)
BUDGET = 3.0
"""Seconds that one answer may take."""
KEEP, KEEP_PARTIAL = 60.0, 5.0
"""Seconds that what a reference became is told again without asking, and that a source is left alone which was away."""


class Previews:
    """Looks references up, many at once; one for a process."""

    def __init__(
        self,
        sources: Mapping[str, plugins.Source],
        folder: pathlib.Path,
        pools: Pools,
        uploads: Find = no_uploads,
        *,
        budget: float = BUDGET,
    ) -> None:
        """`folder` keeps snapshots, `budget` is in seconds."""
        self._sources, self._folder, self._pools, self._budget = sources, folder, pools, budget
        self._uploads = uploads
        self._jobs: Jobs[ResolvedReference] = Jobs(lambda answer: KEEP_PARTIAL if answer.partial else KEEP)
        self._session = deadlines.session()

    def of(self, texts: Sequence[str], release: releases.Release, arch: str) -> ResolveRecord:
        """What each different text becomes for the release and architecture, or why not."""
        end = time.monotonic() + self._budget
        catalog = Catalog(release, arch, self._folder, self._session, self._pools, self._uploads, kept=True)
        look = functools.partial(_look, release=release, arch=arch, sources=self._sources, catalog=catalog)
        different = list(dict.fromkeys(texts))
        asked = [self._jobs.ask((release.name, arch, text), functools.partial(look, text)) for text in different]
        found = []
        for text, future in zip(different, asked, strict=True):
            try:
                if future is None:
                    raise TimeoutError
                found.append(future.result(max(0.0, end - time.monotonic())))
            except TimeoutError:
                found.append(_late(text, self._budget))
        return ResolveRecord(
            release=release.name, arch=arch, references=tuple(found), partial=any(each.partial for each in found)
        )


def _late(text: str, seconds: float) -> ResolvedReference:
    error = errors.SourceUnavailable(
        f"«{text[:200]}» is not looked up yet",
        cause=f"its source needs more than {seconds:.0f} seconds",
        remedy="ask again in a moment",
    )
    return _failed(text, error)


def _failed(text: str, error: errors.OndemandError) -> ResolvedReference:
    try:
        reference = str(references.parse(text))
    except errors.UnknownReference:
        reference = None
    failure = Failure.model_validate(error.as_dict())
    return ResolvedReference(text=text, reference=reference, error=failure, partial=error.retryable)


def _look(
    text: str, *, release: releases.Release, arch: str, sources: Mapping[str, plugins.Source], catalog: Catalog
) -> ResolvedReference:
    try:
        found = resolving.resolve(text, release, arch, sources, catalog)
        warnings = list(found.warnings)
        for build in found.builds:
            warnings += _refusals(build, release)
            if found.reference.kind != "package":
                warnings += _newer(build, catalog)
        return ResolvedReference(
            text=text,
            reference=str(found.reference),
            identity=found.identity,
            builds=tuple(_build(build, release, catalog) for build in found.builds),
            warnings=tuple(dict.fromkeys(warnings)),
        )
    except errors.OndemandError as error:
        return _failed(text, error)
    except Exception:
        log.exception("looking up %r broke", text)
        return _failed(text, errors.ServiceError("The look-up broke", cause="of an error in the service itself"))


def _build(build: plugins.SourceBuild, release: releases.Release, catalog: Catalog) -> ResolvedBuild:
    packages = tuple(
        ResolvedPackage(
            nevra=f"{rpm.name}-{resolving.nevra(rpm)[1]}.{rpm.arch}",
            origin=rpm.origin if build.scratch else _origin(rpm, catalog),
            trust=trust.expected(rpm, release)[0],
            size=rpm.size,
        )
        for rpm in build.rpms
    )
    return ResolvedBuild(nvr=build.nvr, scratch=build.scratch, packages=packages)


def _origin(rpm: plugins.SourceRpm, catalog: Catalog) -> str:
    """The stable repository that has exactly this package, since the check takes it from there; else the source's."""
    try:
        known = catalog.so_named(rpm.name)
    except errors.SourceUnavailable:
        return rpm.origin
    stable = (each.rpm for each in known if each.role is releases.Role.STABLE)
    return next((each.origin for each in stable if resolving.nevra(each) == resolving.nevra(rpm)), rpm.origin)


def _refusals(build: plugins.SourceBuild, release: releases.Release) -> Iterator[str]:
    for rpm in build.rpms:
        expected, why = trust.expected(rpm, release)
        if expected == REFUSED:
            yield f"A request with {build.nvr} is refused, because {why}."


def _newer(build: plugins.SourceBuild, catalog: Catalog) -> Iterator[str]:
    """That a repository has a newer build of the same package, as it was read last."""
    if build.scratch or not build.rpms:
        return
    mine = build.rpms[0]
    try:
        known = catalog.so_named(mine.name)
    except errors.SourceUnavailable:
        return
    this = plugins.CatalogPackage(rpm=mine, role=releases.Role.TESTING, source=build.nvr)
    first = newest_first([this, *known])[0]
    if first is not this:
        goes_down = first.role is releases.Role.STABLE
        what = "the image goes down to the one named" if goes_down else "name it to take it"
        yield f"{first.rpm.origin} has a newer build, {first.source}: {what}."
