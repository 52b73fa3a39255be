# SPDX-License-Identifier: MIT
"""References become builds with exact RPMs, by the source plugins. Chooses nothing and touches no database."""

from __future__ import annotations

import concurrent.futures
import pathlib
from collections.abc import Callable, Iterator, Mapping, Sequence

import requests

from ondemand import errors, plugins, references, releases
from ondemand_web.packages import trust
from ondemand_web.packages.universe import Nevra

PARALLEL = 8


def resolve_all(
    texts: Sequence[str],
    release: releases.Release,
    arch: str,
    sources: Mapping[str, plugins.Source],
    folder: pathlib.Path,
    session: requests.Session,
    catalog: plugins.Catalog,
) -> tuple[list[plugins.Resolution], list[errors.OndemandError]]:
    """What the references became, in their order, and every refusal; raises errors.ServiceError: then try later."""

    def tried(text: str) -> plugins.Resolution | errors.OndemandError:
        try:
            return trust.pinned(resolve(text, release, arch, sources, catalog), folder, session)
        except errors.ServiceError:
            raise
        except errors.OndemandError as error:
            return error

    if not texts:
        return [], []
    with concurrent.futures.ThreadPoolExecutor(PARALLEL) as pool:
        answers = list(pool.map(tried, dict.fromkeys(texts)))
    found = [answer for answer in answers if isinstance(answer, plugins.Resolution)]
    refused = [answer for answer in answers if isinstance(answer, errors.OndemandError)]
    return found, [*refused, *contradictions(found)]


def resolve(
    text: str,
    release: releases.Release,
    arch: str,
    sources: Mapping[str, plugins.Source],
    catalog: plugins.Catalog,
) -> plugins.Resolution:
    """What its source says of one reference; raises errors.UnknownReference or errors.SourceUnavailable."""
    reference = references.parse(text)
    if reference.kind not in sources:
        raise errors.UnknownReference(
            f"«{text}» can't be looked up",
            cause=f"no source plugin for {reference.kind} is installed",
            remedy="ask the operator to install it",
        )
    return sources[reference.kind].resolve(reference, release, arch, catalog)


def nevra(rpm: plugins.SourceRpm) -> Nevra:
    """The package's identity as libsolv has it."""
    epoch = f"{rpm.epoch}:" if rpm.epoch else ""
    return rpm.name, f"{epoch}{rpm.version}-{rpm.release}", rpm.arch


def clashes(
    resolutions: Sequence[plugins.Resolution],
    has: Callable[[Nevra], bool],
    same: Callable[[Nevra, str], bool] = lambda *_: False,
) -> Iterator[errors.OndemandError]:
    """A refusal for every scratch build whose name and version a package of the repositories has already.

    Not for an upload that is the repositories' own file: `same` tells by its SHA-256.
    """
    for resolution in resolutions:
        for build in resolution.builds:
            held = [rpm for rpm in build.rpms if build.scratch and has(nevra(rpm))]
            taken = [rpm for rpm in held if not same(nevra(rpm), rpm.checksums.get("sha256", ""))]
            if taken:
                name, evr, arch = nevra(taken[0])
                yield errors.Unsolvable(
                    f"{resolution.reference.text} holds {name}-{evr}.{arch}",
                    cause="the release's repositories have another package of that very name and version",
                    remedy="build it again with a release number of its own",
                )


def contradictions(resolutions: Sequence[plugins.Resolution]) -> Iterator[errors.OndemandError]:
    """A refusal for every name that two references want at different versions, or with different bytes."""
    seen: dict[tuple[str, str], tuple[plugins.SourceRpm, str]] = {}
    for resolution in resolutions:
        for build in resolution.builds:
            for rpm in build.rpms:
                first, its = seen.setdefault((rpm.name, rpm.arch), (rpm, resolution.reference.text))
                one, other = (f"{nevra(each)[1]} (of {of})" for each, of in ((first, its), (rpm, resolution.reference.text)))
                if nevra(first) != nevra(rpm) or _other_bytes(first, rpm):
                    yield errors.Unsolvable(
                        f"{rpm.name} is wanted at {one} and at {other}", remedy="leave one of the two out"
                    )


def _other_bytes(one: plugins.SourceRpm, other: plugins.SourceRpm) -> bool:
    return any(one.checksums[kind] != other.checksums[kind] for kind in one.checksums.keys() & other.checksums.keys())
