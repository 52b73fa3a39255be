# SPDX-License-Identifier: MIT
"""The catalog that source plugins may ask: what the release's repositories hold. Looks up; solves nothing."""

from __future__ import annotations

import functools
import pathlib
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import requests
import solv

from ondemand import plugins, releases
from ondemand_web.packages import advisories, places
from ondemand_web.packages.pools import Pools
from ondemand_web.packages.universe import Universe

Find = Callable[[str], plugins.SourceRpm | None]
"""The upload with a digest, if it is there."""


def no_uploads(_: str) -> None:
    """Finds none."""


class Catalog:
    """The repositories of one release for one architecture; each is read when first asked for, and then only once.

    `folder` keeps snapshots. With `kept` repositories are taken as they were read last, else they are read anew.
    """

    def __init__(
        self,
        release: releases.Release,
        arch: str,
        folder: pathlib.Path,
        session: requests.Session,
        pools: Pools,
        uploads: Find = no_uploads,
        *,
        kept: bool = False,
    ) -> None:
        """Reads nothing yet."""
        self.upload = uploads
        self._arch = arch
        self._arches = release.package_arches(arch)
        self._pools = pools
        self._take = functools.partial(places.role_places, release, arch, folder, session, kept=kept)
        self._lock = threading.Lock()
        self._places: dict[releases.Role, list[places.Place]] = {}

    def named(self, name: str) -> Sequence[plugins.CatalogPackage]:
        """Packages of that name, else those of the source package of that name, the newest first."""
        own = (self._arch, "noarch")
        found = self._everywhere(lambda universe: _named(universe, name), own)
        return newest_first(found or self._everywhere(lambda universe: _from_source(universe, name), own))

    def so_named(self, name: str) -> Sequence[plugins.CatalogPackage]:
        """Packages of that very name, those of multilib too, the newest first; quick even for a name that there is not."""
        return newest_first(self._everywhere(lambda universe: _named(universe, name), self._arches))

    def built_as(self, nvr: str, role: releases.Role) -> Sequence[plugins.CatalogPackage]:
        """All packages of one build in the repositories of a role, each once; those of multilib too."""
        name = nvr.rsplit("-", 2)[0]
        found = self._looked_up(role, lambda universe: _from_source(universe, name), self._arches)
        mine = {(p.rpm.name, p.rpm.arch): p for p in reversed(found) if p.source == nvr}
        return tuple(mine[key] for key in sorted(mine))

    def advisory(self, rpm: plugins.SourceRpm, origin: str) -> advisories.Advisory | None:
        """The update that brought a package into the repository `origin`, which must have been asked for before."""
        held = [place.snapshot for found in list(self._places.values()) for place in found]
        snapshot = next((each for each in held if each.repository == origin), None)
        file = f"{rpm.name}-{rpm.version}-{rpm.release}.{rpm.arch}.rpm"
        return advisories.of(snapshot).get(file) if snapshot else None

    def _everywhere(
        self, look: Callable[[Universe], Iterable[Any]], arches: Sequence[str]
    ) -> list[plugins.CatalogPackage]:
        return [package for role in releases.Role for package in self._looked_up(role, look, arches)]

    def _looked_up(
        self, role: releases.Role, look: Callable[[Universe], Iterable[Any]], arches: Sequence[str]
    ) -> list[plugins.CatalogPackage]:
        with self._lock:
            if role not in self._places:
                self._places[role] = self._take(role)
        held = self._places[role]
        if not held:
            return []
        by_id = {place.snapshot.repository: place for place in held}
        with self._pools.borrow(held, self._arch, filelists=False) as universe:
            fitting = [s for s in look(universe) if s.arch in arches and s.repo.name in by_id]
            return [_package(universe, solvable, role, by_id) for solvable in fitting]


def _named(universe: Universe, name: str) -> Iterable[Any]:
    found: Iterable[Any] = universe.pool.select(name, solv.Selection.SELECTION_NAME).solvables()
    return found


def _from_source(universe: Universe, name: str) -> Iterator[Any]:
    """What was built from the source package: libsolv keeps a source's name only where it is not the package's own."""
    for solvable in _named(universe, name):
        if solvable.lookup_str(solv.SOLVABLE_SOURCENAME) is None:
            yield solvable
    search = universe.pool.Dataiterator(solv.SOLVABLE_SOURCENAME, name, solv.Dataiterator.SEARCH_STRING)
    for match in search:
        yield match.solvable


def _package(
    universe: Universe, solvable: Any, role: releases.Role, by_id: dict[str, places.Place]
) -> plugins.CatalogPackage:
    found = universe.found(solvable)
    epoch, _, rest = solvable.evr.rpartition(":")
    version, _, release = rest.rpartition("-")
    rpm = plugins.SourceRpm(
        name=solvable.name,
        epoch=int(epoch or 0),
        version=version,
        release=release,
        arch=solvable.arch,
        urls=by_id[found.origin].urls(found.location, found.source),
        checksums={"sha256": found.sha256} if found.sha256 else {},
        size=found.size,
        origin=found.origin,
    )
    return plugins.CatalogPackage(rpm=rpm, role=role, source=found.source)


def newest_first(found: Sequence[plugins.CatalogPackage]) -> Sequence[plugins.CatalogPackage]:
    """Sorted by libsolv's order of versions, which needs them in one pool; equal ones stay as they are."""
    pool = solv.Pool()
    pool.setdisttype(solv.Pool.DISTTYPE_RPM)
    repo = pool.add_repo("order")

    def placed(package: plugins.CatalogPackage) -> Any:
        solvable = repo.add_solvable()
        solvable.evr = f"{package.rpm.epoch}:{package.rpm.version}-{package.rpm.release}"
        return solvable

    def order(one: tuple[Any, plugins.CatalogPackage], other: tuple[Any, plugins.CatalogPackage]) -> int:
        return int(other[0].evrcmp(one[0]))

    pairs = [(placed(package), package) for package in found]
    return tuple(package for _, package in sorted(pairs, key=functools.cmp_to_key(order)))
