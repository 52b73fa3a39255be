# SPDX-License-Identifier: MIT
"""What references would become, told within a few seconds: what takes longer is marked and known at the next time.

Reads repositories as they were read last; makes no build and touches no database.
"""

from __future__ import annotations

import dataclasses
import functools
import logging
import pathlib
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future as _Future
from typing import TypeVar

from ondemand import deadlines, errors, plugins, references, releases
from ondemand.builds import Failure
from ondemand.resolutions import (
    REFUSED,
    ResolvedBuild,
    ResolvedImage,
    ResolvedPackage,
    ResolvedReference,
    ResolvedUpdate,
    ResolveRecord,
)
from ondemand_web.packages import latest, newer, places, presence, resolving, trust
from ondemand_web.packages.catalog import Catalog, Find, no_uploads
from ondemand_web.packages.jobs import Jobs
from ondemand_web.packages.pools import Pools

log = logging.getLogger(__name__)
BUDGET = 3.0
"""Seconds that one answer may take."""
KEEP, KEEP_PARTIAL = 60.0, 5.0
"""Seconds that what a reference became is told again without asking, and that a source is left alone which was away."""
Answer = TypeVar("Answer")


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Looked:
    """What is told of a reference, and what it became where it became something."""

    told: ResolvedReference
    found: plugins.Resolution | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Latest:
    """What the sources got last; `away` where one could not say."""

    known: Mapping[str, plugins.LatestBuild] = dataclasses.field(default_factory=dict)
    away: bool = False


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
        age: float = latest.DAY,
    ) -> None:
        """`folder` keeps snapshots, `budget` is in seconds; of repositories read `age` seconds ago it is said so."""
        self._sources, self._folder, self._pools, self._budget, self._age = sources, folder, pools, budget, age
        self._uploads = uploads
        self._jobs: Jobs[_Looked] = Jobs(lambda answer: KEEP_PARTIAL if answer.told.partial else KEEP)
        self._latest: Jobs[_Latest] = Jobs(lambda answer: KEEP_PARTIAL if answer.away else KEEP, threads=4)
        self._images: Jobs[presence.Contents] = Jobs(
            lambda answer: KEEP_PARTIAL if answer.error and answer.error.retryable else KEEP, threads=4
        )
        self._session = deadlines.session()

    def of(
        self, texts: Sequence[str], release: releases.Release, arch: str, image: presence.Image | None = None
    ) -> ResolveRecord:
        """What each different text becomes for the release and architecture, or why not, and what of it `image` would hold."""
        end = time.monotonic() + self._budget
        catalog = Catalog(release, arch, self._folder, self._session, self._pools, self._uploads, kept=True)
        looked = self._looked(list(dict.fromkeys(texts)), release, arch, catalog, end)
        # Both are asked before either is waited for.
        newest, contents = self._ask_latest(looked, release), self._ask_image(image, looked) if image else None
        told, warnings = [each.told for each in looked], list(places.outdated(release, arch, self._folder, self._age))
        known, seen = _by(newest, end) or _Latest(away=True), None
        if known.away:
            warnings.append("Whether there are newer builds in Koji is not known yet: ask again in a moment.")
        told = [_outdated(each.told, each.found, known.known) for each in looked]
        if image:
            seen, told = _imaged(image, _by(contents, end), told, self._budget)
        partial = known.away or any(each.partial for each in told) or bool(seen and seen.partial)
        return ResolveRecord(
            release=release.name,
            arch=arch,
            references=tuple(told),
            image=seen,
            warnings=tuple(dict.fromkeys(warnings)),
            partial=partial,
        )

    def _looked(
        self, texts: Sequence[str], release: releases.Release, arch: str, catalog: Catalog, end: float
    ) -> list[_Looked]:
        look = functools.partial(_look, release=release, arch=arch, sources=self._sources, catalog=catalog)
        asked = [self._jobs.ask((release.name, arch, text), functools.partial(look, text)) for text in texts]
        answers = [_by(future, end) for future in asked]
        return [
            answer or _Looked(told=_failed(text, _late(f"«{text[:200]}» is not looked up yet", "its source", self._budget)))
            for text, answer in zip(texts, answers, strict=True)
        ]

    def _ask_latest(self, looked: Sequence[_Looked], release: releases.Release) -> _Future[_Latest] | None:
        names = newer.packages(build for each in looked if each.found for build in each.found.builds)
        asked = [source for source in self._sources.values() if isinstance(source, plugins.LatestBuilds)]
        if names and asked:
            return self._latest.ask((release.name, names), functools.partial(_ask, names, release, asked))
        nothing: _Future[_Latest] = _Future()
        nothing.set_result(_Latest())
        return nothing

    def _ask_image(self, image: presence.Image, looked: Sequence[_Looked]) -> _Future[presence.Contents] | None:
        found = [each.found for each in looked if each.found and not _refused(each.told)]
        # A reference that means something else by now makes another image.
        means = tuple((str(each.reference), each.identity, tuple(build.nvr for build in each.builds)) for each in found)
        key = (image.owner, image.request(()).digest(), means)
        return self._images.ask(key, functools.partial(presence.contents, image, found))


def _refused(told: ResolvedReference) -> bool:
    """Whether a request with it is refused whatever else it holds; the rest of the image is worth telling all the same."""
    return any(package.trust == REFUSED for build in told.builds for package in build.packages)


def _by(future: _Future[Answer] | None, end: float) -> Answer | None:
    """The answer, if it is there by then."""
    try:
        return future.result(max(0.0, end - time.monotonic())) if future else None
    except TimeoutError:
        return None


def _ask(names: Sequence[str], release: releases.Release, sources: Sequence[plugins.LatestBuilds]) -> _Latest:
    try:
        return _Latest(known=newer.latest(names, release, sources))
    except errors.OndemandError as error:
        log.info("what is newer is not known: %s", error)
    except Exception:
        log.exception("asking what is newer broke")
    return _Latest(away=True)


def _imaged(
    image: presence.Image, of: presence.Contents | None, told: list[ResolvedReference], seconds: float
) -> tuple[ResolvedImage, list[ResolvedReference]]:
    if of is None:
        of = presence.Contents(error=_late("The image is not solved yet", "that", seconds))
    return presence.told(image.kind, of), [presence.marked(each, of) for each in told]


def _outdated(
    told: ResolvedReference, found: plugins.Resolution | None, known: Mapping[str, plugins.LatestBuild]
) -> ResolvedReference:
    """The reference with what the sources got after its builds."""
    if found is None:
        return told
    builds, warnings = [], list(told.warnings)
    for each, build in zip(told.builds, found.builds, strict=True):
        other = newer.than(build, known)
        if other and other.nvr not in each.newer:
            each = each.model_copy(update={"newer": (*each.newer, other.nvr)})
            warnings.append(f"{other.where} has a newer build, {other.nvr}: name it to take it.")
        builds.append(each)
    return told.model_copy(update={"builds": tuple(builds), "warnings": tuple(dict.fromkeys(warnings))})


def _late(what: str, who: str, seconds: float) -> errors.SourceUnavailable:
    return errors.SourceUnavailable(
        what, cause=f"{who} needs more than {seconds:.0f} seconds", remedy="ask again in a moment"
    )


def _failed(text: str, error: errors.OndemandError) -> ResolvedReference:
    try:
        reference = str(references.parse(text))
    except errors.UnknownReference:
        reference = None
    failure = Failure.model_validate(error.as_dict())
    return ResolvedReference(text=text, reference=reference, error=failure, partial=error.retryable)


def _look(
    text: str, *, release: releases.Release, arch: str, sources: Mapping[str, plugins.Source], catalog: Catalog
) -> _Looked:
    try:
        found = resolving.resolve(text, release, arch, sources, catalog)
        warnings, builds = list(found.warnings), []
        for build in found.builds:
            warnings += _refusals(build, release)
            made, said = _build(build, release, catalog)
            builds.append(made)
            # Of a package by its name the source itself says which place has a newer one.
            warnings += said if found.reference.kind != "package" else ()
        told = ResolvedReference(
            text=text,
            reference=str(found.reference),
            identity=found.identity,
            builds=tuple(builds),
            warnings=tuple(dict.fromkeys(warnings)),
        )
        return _Looked(told=told, found=found)
    except errors.OndemandError as error:
        return _Looked(told=_failed(text, error))
    except Exception:
        log.exception("looking up %r broke", text)
        broke = errors.ServiceError("The look-up broke", cause="of an error in the service itself")
        return _Looked(told=_failed(text, broke))


def _build(
    build: plugins.SourceBuild, release: releases.Release, catalog: Catalog
) -> tuple[ResolvedBuild, tuple[str, ...]]:
    """The build with its packages, and what is to be said of it."""
    packages = []
    for rpm in build.rpms:
        origin = rpm.origin if build.scratch else _origin(rpm, catalog)
        packages.append(
            ResolvedPackage(
                nevra=f"{rpm.name}-{resolving.nevra(rpm)[1]}.{rpm.arch}",
                origin=origin,
                trust=trust.expected(rpm, release)[0],
                size=rpm.size,
                update=_update(rpm, origin, catalog),
            )
        )
    found = newer.in_repositories(build, catalog)
    made = ResolvedBuild(
        nvr=build.nvr, scratch=build.scratch, packages=tuple(packages), newer=(found[0],) if found else ()
    )
    return made, (found[1],) if found else ()


def _update(rpm: plugins.SourceRpm, origin: str, catalog: Catalog) -> ResolvedUpdate | None:
    advisory = catalog.advisory(rpm, origin)
    return ResolvedUpdate(alias=advisory.update, kind=advisory.kind, severity=advisory.severity) if advisory else None


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
