# SPDX-License-Identifier: MIT
"""The universe: every package that a solve may choose from, in one libsolv pool. Chooses nothing itself."""

from __future__ import annotations

import dataclasses
import operator
from collections.abc import Iterable, Sequence
from typing import Any

import solv

from ondemand import locks
from ondemand_web.packages import groups, headers, snapshots
from ondemand_web.packages.places import Place

Nevra = tuple[str, str, str]
"""Name, `[epoch:]version-release`, architecture."""

_KINDS = {
    "provides": solv.SOLVABLE_PROVIDES,
    "requires": solv.SOLVABLE_REQUIRES,
    "conflicts": solv.SOLVABLE_CONFLICTS,
    "obsoletes": solv.SOLVABLE_OBSOLETES,
    "recommends": solv.SOLVABLE_RECOMMENDS,
    "suggests": solv.SOLVABLE_SUGGESTS,
    "supplements": solv.SOLVABLE_SUPPLEMENTS,
    "enhances": solv.SOLVABLE_ENHANCES,
}
_SYSTEM = 1
"""libsolv's number for the system itself, on which it always decides."""
_BY_NEVRA = operator.attrgetter("nevra")
_OPERATORS = ((2, solv.REL_LT), (4, solv.REL_GT), (8, solv.REL_EQ))


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Found:
    """A package that the solver chose. `origin` is a repository's id or locks.SIDE_REPOSITORY.

    Each is itself alone, so that much can be kept for it. `location` is relative to the repository's address, `sha256`
    lower-case hex; both are empty for the side repository. Sizes are bytes.
    """

    nevra: Nevra
    origin: str
    location: str
    sha256: str
    size: int
    installed_size: int
    source: str

    @property
    def name(self) -> str:
        """The package's name."""
        return self.nevra[0]


class Universe:
    """A pool of snapshots plus a side repository; the latter is filled for one solve and emptied after it."""

    def __init__(self, places: Sequence[Place], arch: str, *, filelists: bool = False) -> None:
        """Loads the places' snapshots; raises errors.SourceUnavailable."""
        self.pool = solv.Pool()
        self.pool.setdisttype(solv.Pool.DISTTYPE_RPM)
        self.pool.setarch(arch)
        # Packages that the request rules out stay visible, so that a refusal can name them.
        self.pool.set_flag(solv.Pool.POOL_FLAG_WHATPROVIDESWITHDISABLED, 1)
        # As on Fedora: i686 and x86_64 of one name may both be installed.
        self.pool.set_flag(solv.Pool.POOL_FLAG_IMPLICITOBSOLETEUSESCOLORS, 1)
        self.complete = filelists
        self.groups = groups.Groups(snapshots.comps(place.snapshot) for place in places)
        for place in places:
            snapshots.load(self.pool, place.snapshot, place.session, filelists=filelists)
        self.side = self.pool.add_repo(locks.SIDE_REPOSITORY)
        self.pool.addfileprovides()
        self.pool.createwhatprovides()
        self._current = True
        self._restricted = False
        self._found: dict[int, Found] = {}

    def has(self, nevra: Nevra) -> bool:
        """Whether a repository of the release holds exactly that package; a request's own ones vouch for no build."""
        name, evr, arch = nevra
        named = self.pool.select(name, solv.Selection.SELECTION_NAME | solv.Selection.SELECTION_WITH_ALL)
        return any((s.evr, s.arch) == (evr, arch) and not foreign(s) for s in named.solvables())

    def has_bytes(self, nevra: Nevra, sha256: str) -> bool:
        """Whether every repository of the release that holds that package holds these very bytes; each has to."""
        name, evr, arch = nevra
        named = self.pool.select(name, solv.Selection.SELECTION_NAME | solv.Selection.SELECTION_WITH_ALL)
        held = [self.found(s).sha256 for s in named.solvables() if (s.evr, s.arch) == (evr, arch) and not foreign(s)]
        return bool(held) and set(held) == {sha256}

    def names(self, glob: str) -> list[str]:
        """The names that a glob matches, in the order of the alphabet."""
        flags = solv.Selection.SELECTION_NAME | solv.Selection.SELECTION_GLOB
        return sorted({item.name for item in self.pool.select(glob, flags).solvables()})

    def add(self, header: headers.Header) -> None:
        """Puts a package into the side repository."""
        self._current = False
        solvable = self.side.add_solvable()
        solvable.name, solvable.evr, solvable.arch = header.name, header.evr, header.arch
        for kind, relations in header.relations.items():
            for relation in relations:
                if (dependency := self._dependency(relation)) is not None:
                    solvable.add_deparray(_KINDS[kind], dependency)
        data = self.side.first_repodata() or self.side.add_repodata()
        data.set_num(solvable.id, solv.SOLVABLE_INSTALLSIZE, max(0, header.installed_size))
        for path in header.files:
            folder, _, name = path.rpartition("/")
            data.add_dirstr(solvable.id, solv.SOLVABLE_FILELIST, data.str2dir(folder or "/"), name)

    def rule_out(self, numbers: Iterable[int]) -> None:
        """Takes these packages, by their number in the pool, out of the solve; they can still be seen."""
        self._restricted = True
        self.pool.set_disabled_list(sorted(numbers))

    def allow_all(self) -> None:
        """Takes back what a solve ruled out."""
        if self._restricted:
            self.pool.set_disabled_list([])
            self._restricted = False

    def close(self) -> None:
        """Makes the pool ready to solve; nothing is added after it."""
        if not self._current:
            self.side.internalize()
            self.pool.addfileprovides()
            self.pool.createwhatprovides()
            self._current = True

    def clear(self) -> None:
        """Empties the side repository and takes back what a solve ruled out."""
        self.allow_all()
        if not self.side.isempty():
            self.side.empty(True)
            # Who looks up a name in an index that still holds what was freed ends the process.
            self._current = False
            self.close()

    def chosen(self, solver: Any) -> list[Found]:
        """What the solver decided to install, by NEVRA. Nothing is installed already, so that this is the whole set."""
        known, pool = self._found, self.pool
        # As numbers: an object for each of them, as a transaction has it, takes ten times as long.
        numbers = (number for number in solver.raw_decisions(1) if number != _SYSTEM)
        found = [known.get(number) or self.found(pool.id2solvable(number)) for number in numbers]
        found.sort(key=_BY_NEVRA)
        return found

    def found(self, solvable: Any) -> Found:
        """The record of a package in the pool; those of the repositories never change and are kept."""
        if (known := self._found.get(solvable.id)) is not None:
            return known
        record = self._record(solvable)
        if record.origin != locks.SIDE_REPOSITORY:
            self._found[solvable.id] = record
        return record

    @staticmethod
    def _record(solvable: Any) -> Found:
        checksum = solvable.lookup_checksum(solv.SOLVABLE_CHECKSUM)
        origin = solvable.repo.name
        location = solvable.lookup_location()[0] if origin != locks.SIDE_REPOSITORY else ""
        return Found(
            nevra=(solvable.name, solvable.evr, solvable.arch),
            origin=origin,
            location=location or "",
            sha256=checksum.hex() if checksum and checksum.type == solv.REPOKEY_TYPE_SHA256 else "",
            size=solvable.lookup_num(solv.SOLVABLE_DOWNLOADSIZE) or -1,
            installed_size=solvable.lookup_num(solv.SOLVABLE_INSTALLSIZE),
            source=(solvable.lookup_sourcepkg() or "").removesuffix(".src.rpm"),
        )

    def _dependency(self, relation: headers.Relation) -> Any:
        if relation.name.startswith("("):
            return self.pool.parserpmrichdep(relation.name)
        dependency = self.pool.Dep(relation.name)
        flags = sum(flag for bit, flag in _OPERATORS if relation.flags & bit)
        return dependency.Rel(flags, self.pool.Dep(relation.version)) if flags and relation.version else dependency


def foreign(solvable: Any) -> bool:
    """Whether it is in no repository of the release: in the side repository or one that the request itself names."""
    return solvable.repo.name == locks.SIDE_REPOSITORY or str(solvable.repo.name).startswith(locks.EXTRA)
