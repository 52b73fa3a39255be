# SPDX-License-Identifier: MIT
"""The check: a request becomes a lock and a kickstart, or is refused with every reason at once.

Asks sources and repositories; touches no database.
"""

from __future__ import annotations

import dataclasses
import difflib
import functools
import pathlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import requests

from ondemand import addresses, build_requests, deadlines, errors, kickstarts, locks, plugins, releases
from ondemand_web.packages import advisories, latest, places, questions, resolving, solving, trees, trust
from ondemand_web.packages.catalog import Catalog, Find, no_uploads
from ondemand_web.packages.pools import Pools
from ondemand_web.packages.universe import Found, Nevra, Universe

_T = TypeVar("_T")


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Task:
    """What one check works on."""

    request: build_requests.BuildRequest
    release: releases.Release
    kickstart: kickstarts.Kickstart
    places: Sequence[places.Place]
    resolutions: Sequence[plugins.Resolution]
    folder: pathlib.Path
    session: requests.Session
    pools: Pools
    recommends: bool = False

    @property
    def wanted(self) -> tuple[solving.WantedBuild, ...]:
        """The wanted builds as the solver takes them."""
        return tuple(
            solving.WantedBuild(
                reference=resolution.reference.text,
                nvr=build.nvr,
                packages=tuple(map(resolving.nevra, build.rpms)),
                required=resolution.required,
            )
            for resolution in self.resolutions
            for build in resolution.builds
        )


def check(
    request: build_requests.BuildRequest,
    release: releases.Release,
    preset_text: str,
    sources: Mapping[str, plugins.Source],
    folder: pathlib.Path,
    guard: addresses.Guard = addresses.Guard(),
    *,
    pools: Pools | None = None,
    uploads: Find = no_uploads,
    kept: bool = False,
    age: float = latest.DAY,
    recommends: bool = False,
) -> tuple[locks.Lock, kickstarts.Kickstart]:
    """What the request is resolved to. `folder` keeps snapshots and headers; `preset_text` is a kickstart.
    `guard` says where the request's own repositories may be; by default nowhere. `pools` keep what was loaded, `uploads` finds one.
    With `kept` the release's repositories are taken as they were read last, else they are read anew;
    one that can't be is taken as it was less than `age` seconds ago. With `recommends` weak dependencies come, too.

    Raises errors.RequestError or errors.ContentError with every reason in `details`, and
    errors.SourceUnavailable when a source or repository is away: then try again later.
    """
    if request.arch not in release.arches:
        raise errors.UnknownImageType(
            f"Release {release.name} has no architecture «{request.arch}»",
            remedy=f"ask for one of: {', '.join(release.arches)}",
        )
    release.definition(request.image_type)
    kickstart = kickstarts.edited(request.kickstart or preset_text, request, release.kickstart_syntax)
    with deadlines.session() as session, guard.session() as guarded:
        pools = pools or Pools()
        known = Catalog(release, request.arch, folder, session, pools, uploads, kept=kept)
        # In the order of the alphabet: requests that differ only in their order have the same lock.
        resolutions, refused = resolving.resolve_all(
            sorted(request.builds), release, request.arch, sources, folder, session, known
        )
        task = _Task(
            request=request,
            release=release,
            kickstart=kickstart,
            places=places.all_places(request, release, folder, session, guarded, kept=kept, age=age),
            resolutions=resolutions,
            folder=folder,
            session=session,
            pools=pools,
            recommends=recommends,
        )
        try:
            lock = _solve(task, list(refused), filelists=False)
        except solving.NeedsFilelists:
            lock = _solve(task, list(refused), filelists=True)
    return lock, kickstart


def _solve(task: _Task, refused: list[errors.OndemandError], *, filelists: bool) -> locks.Lock:
    with task.pools.borrow(task.places, task.request.arch, filelists=filelists) as universe:
        return _solve_in(universe, task, refused)


def _solve_in(universe: Universe, task: _Task, refused: list[errors.OndemandError]) -> locks.Lock:
    side = _side(task, universe, refused)
    # A build that is refused already must not be refused again for what follows from that.
    wanted = tuple(b for b in task.wanted if all(universe.has(p) or p in side for p in b.packages))
    names = {name for build in wanted for name, _, _ in build.packages}
    install = [name for found in task.resolutions for name in found.install if name in names]
    asked = questions.ask(task.request, task.release, task.kickstart, install, wanted, universe, task.recommends)
    refused += [_unknown_group(name, universe.groups.names()) for name in asked.unknown_groups]
    answer = _tried(functools.partial(solving.solve, universe, asked.image), refused)
    tree = _tried(functools.partial(trees.close, universe, asked.tree), refused) if asked.tree else None
    held = (*(answer.packages if answer else ()), *(tree.packages if tree else ()))
    if not refused and (absent := solving.absent(held, asked.image.wanted)):
        refused.append(absent)
    if refused or not answer:
        raise _combined(refused)
    return _lock(task, asked, answer, tree, side)


def _tried(solve: Callable[[], _T], refused: list[errors.OndemandError]) -> _T | None:
    """What `solve` gives; a refusal goes to the others."""
    try:
        return solve()
    except errors.RequestError as error:
        refused.append(error)
        return None


def _side(task: _Task, universe: Universe, refused: list[errors.OndemandError]) -> dict[Nevra, trust.Accepted]:
    """The side repository's packages: every wanted one that no repository has; refusals go to `refused`."""
    rpms = {resolving.nevra(rpm): rpm for r in task.resolutions for build in r.builds for rpm in build.rpms}
    refused += resolving.clashes(task.resolutions, universe.has, universe.has_bytes)
    missing = [rpm for nevra, rpm in rpms.items() if not universe.has(nevra)]
    side = {}
    for rpm, found in zip(missing, trust.accept_all(missing, task.release, task.folder, task.session), strict=True):
        if isinstance(found, errors.OndemandError):
            refused.append(found)
        else:
            side[resolving.nevra(rpm)] = found
            universe.add(found.header)
    universe.close()
    return side


def _combined(refused: Sequence[errors.OndemandError]) -> errors.OndemandError:
    """One error for all; the first one's class stands for them."""
    first = refused[0]
    if len(refused) == 1:
        return first
    details = dict.fromkeys(text for error in refused for text in (error.details or (error.sentence,)))
    return type(first)(
        f"{first.happened} (the first of {len(details)} reasons)",
        cause=first.cause,
        remedy=first.remedy,
        details=tuple(details),
    )


def _unknown_group(name: str, known: list[str]) -> errors.UnknownReference:
    near = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
    return errors.UnknownReference(
        f"There is no group or environment «{name}» in the release's repositories",
        remedy=f"take one of: {', '.join(near)}" if near else "correct its name",
    )


def _lock(
    task: _Task,
    asked: questions.Questions,
    answer: solving.Answer,
    tree: solving.Answer | None,
    side: Mapping[Nevra, trust.Accepted],
) -> locks.Lock:
    brought = {nevra: (wanted.reference, wanted.nvr) for wanted in asked.image.wanted for nevra in wanted.packages}
    by_id = {place.snapshot.repository: place for place in task.places}
    warnings = [text for resolution in task.resolutions for text in resolution.warnings]
    warnings += [text for place in task.places for text in place.snapshot.warnings]
    packages, offered = (
        tuple(_locked(found, by_id, side, brought) for found in each.packages) if each else ()
        for each in (answer, tree)
    )
    for each in filter(None, (answer, tree)):
        warnings += each.warnings
        if each.missing:
            warnings.append(f"The groups name packages that no repository has: {', '.join(each.missing)}.")
    lock = locks.Lock(
        release=task.release.name,
        arch=task.request.arch,
        image_type=task.request.image_type.value,
        snapshot={place.snapshot.repository: place.snapshot.sha256 for place in task.places},
        keys=(*task.release.keys, *(extra.key for extra in task.request.repositories if extra.key)),
        requested=asked.requested,
        packages=packages,
        tree=offered,
    )
    warnings += advisories.notes(lock.everything, task.places)
    return lock.model_copy(update={"warnings": tuple(dict.fromkeys(warnings))})


def _locked(
    found: Found,
    by_id: Mapping[str, places.Place],
    side: Mapping[Nevra, trust.Accepted],
    brought: Mapping[Nevra, tuple[str, str]],
) -> locks.LockedPackage:
    reference, build = brought.get(found.nevra, (None, found.source or None))
    if accepted := side.get(found.nevra):
        header = accepted.header
        return locks.LockedPackage(
            **_common(found, reference, build),
            urls=(accepted.url,),
            size=header.file_size,
            checksums=accepted.checksums,
            trust=accepted.trust,
        )
    place = by_id[found.origin]
    return _from_repository(found, reference, build, place.snapshot.urls, place.trust, place.koji)


@functools.lru_cache(maxsize=16_384)
def _from_repository(
    found: Found, reference: str | None, build: str | None, addresses: tuple[str, ...], trusted: str, koji: str
) -> locks.LockedPackage:
    """Kept, since an image has most packages in common with the one before it; all that it is made of is in the key."""
    return locks.LockedPackage(
        **_common(found, reference, build),
        urls=places.urls(addresses, trusted, koji, found.location, found.source),
        size=found.size,
        checksums={"sha256": found.sha256} if found.sha256 else {},
        trust=trusted,
    )


def _common(found: Found, reference: str | None, build: str | None) -> dict[str, Any]:
    name, evr, arch = found.nevra
    epoch, _, rest = evr.rpartition(":")
    version, _, release = rest.rpartition("-")
    return {
        "name": name,
        "epoch": int(epoch or 0),
        "version": version,
        "release": release,
        "arch": arch,
        "origin": found.origin,
        "installed_size": found.installed_size,
        "wanted": reference is not None,
        "reference": reference,
        "build": build,
    }
