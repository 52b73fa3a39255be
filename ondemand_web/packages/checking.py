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
from typing import TypeVar

import requests

from ondemand import addresses, build_requests, deadlines, errors, kickstarts, locks, plugins, releases
from ondemand_web.packages import advisories, boot_isos, latest, locked, places, questions, resolving, solving, trees, trust
from ondemand_web.packages.catalog import Catalog, Find, no_uploads
from ondemand_web.packages.pools import Pools
from ondemand_web.packages.universe import Nevra, Universe

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
    boot_iso: locks.BootIso | None = None

    @property
    def remastered(self) -> bool:
        """Whether the image is the published boot.iso with a side repository."""
        return self.boot_iso is not None and self.request.image_type is build_requests.ImageType.BOOT

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
) -> tuple[locks.Lock, kickstarts.Kickstart]:
    """What the request is resolved to. `folder` keeps snapshots and headers; `preset_text` is a kickstart.
    `guard` says where the request's own repositories may be; by default nowhere. `pools` keep what was loaded, `uploads` finds one.
    With `kept` the release's repositories are taken as they were read last, else they are read anew;
    one that can't be is taken as it was less than `age` seconds ago.

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
    with deadlines.Later(deadlines.session) as session, deadlines.Later(guard.session) as guarded:
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
            boot_iso=boot_isos.published(
                release, request.image_type, request.arch, folder, session, backend=request.backend, kept=kept, age=age
            ),
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
    side, lost = _side(task, universe, refused)
    # A build that is refused already must not be refused again for what follows from that.
    wanted = tuple(build for build in task.wanted if lost.isdisjoint(build.packages))
    names = {name for build in wanted for name, _, _ in build.packages}
    install = [name for found in task.resolutions for name in found.install if name in names]
    asked = questions.ask(task.request, task.release, task.kickstart, install, wanted, universe)
    refused += [_unknown_group(name, universe.groups.names()) for name in asked.unknown_groups]
    answer = _tried(functools.partial(solving.solve, universe, asked.image), refused)
    tree = _tried(functools.partial(trees.close, universe, asked.tree), refused) if asked.tree else None
    held = {found.nevra for each in (answer, tree) if each for found in each.packages}
    if task.remastered:
        # Only boot.iso itself tells whether its installer has a build; the backend refuses what nobody would use.
        held |= side.keys()
    if not refused and (absent := solving.absent(held, wanted)):
        refused.append(absent)
    if refused or not answer:
        raise _combined(refused)
    groups = universe.groups.of({found.nevra[0] for found in tree.packages}) if tree else ""
    return _lock(task, asked, answer, tree, side, groups)


def _tried(solve: Callable[[], _T], refused: list[errors.OndemandError]) -> _T | None:
    """What `solve` gives; a refusal goes to the others."""
    try:
        return solve()
    except errors.RequestError as error:
        refused.append(error)
        return None


def _side(
    task: _Task, universe: Universe, refused: list[errors.OndemandError]
) -> tuple[dict[Nevra, trust.Accepted], set[Nevra]]:
    """The side repository's packages, and those that may not be there, for which refusals go to `refused`."""
    refused += resolving.clashes(task.resolutions, universe.has, universe.has_bytes)
    missing = _missing(task, universe)
    side, lost = {}, set()
    accepted = trust.accept_all(list(missing.values()), task.release, task.folder, task.session)
    for nevra, found in zip(missing, accepted, strict=True):
        if isinstance(found, errors.OndemandError):
            refused.append(found)
            lost.add(nevra)
        else:
            side[nevra] = found
            universe.add(found.header)
    universe.close()
    return side, lost


def _missing(task: _Task, universe: Universe) -> dict[Nevra, plugins.SourceRpm]:
    """Every RPM of a wanted build that no repository of the release has.

    Of a build that they have, they hold of other architectures what they mean to hold.
    """
    found = {}
    for build in (build for resolution in task.resolutions for build in resolution.builds):
        lacking = {resolving.nevra(rpm): rpm for rpm in build.rpms if not universe.has(resolving.nevra(rpm))}
        if any(rpm.arch in (task.request.arch, "noarch") for rpm in lacking.values()):
            found.update(lacking)
    return found


def _combined(refused: Sequence[errors.OndemandError]) -> errors.OndemandError:
    """One error for all; the first one's class stands for them."""
    first = refused[0]
    details = dict.fromkeys(text for error in refused for text in (error.details or (error.sentence,)))
    if len(refused) == 1 or len(details) == 1:
        return first
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
    groups: str,
) -> locks.Lock:
    brought = {nevra: (wanted.reference, wanted.nvr) for wanted in asked.image.wanted for nevra in wanted.packages}
    warnings = [text for resolution in task.resolutions for text in resolution.warnings]
    warnings += [text for place in task.places for text in place.snapshot.warnings]
    for each in (answer, tree) if tree else (answer,):
        warnings += each.warnings
        if each.missing:
            warnings.append(f"The groups name packages that no repository has: {', '.join(each.missing)}.")
    packages = locked.image(answer.packages, task.places, side, brought)
    if task.remastered:
        packages = tuple(package for package in packages if package.wanted or package.beside)
    offered = locked.image(tree.packages, task.places, side, brought) if tree else ()
    warnings += advisories.notes((*packages, *offered), task.places)
    return locks.Lock(
        release=task.release.name,
        arch=task.request.arch,
        image_type=task.request.image_type.value,
        snapshot={place.snapshot.repository: place.snapshot.sha256 for place in task.places},
        keys=(*task.release.keys, *(extra.key for extra in task.request.repositories if extra.key)),
        requested=asked.requested,
        packages=packages,
        tree=offered,
        side=locked.beside((*answer.packages, *(tree.packages if tree else ())), side, brought),
        rules=asked.rules,
        boot_iso=task.boot_iso,
        groups=groups,
        warnings=tuple(dict.fromkeys(warnings)),
    )
