# SPDX-License-Identifier: MIT
"""What differs between the locks of two builds: added, removed, up, down, rebuilt, and the sizes. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import pydantic

from ondemand import versions
from ondemand.locks import Lock, LockedPackage

_DIGESTS = ("sigmd5", "header-sha256", "sha256")
"""What tells whether two RPMs hold the same; the last also changes with a signature, so it is asked last."""


class Change(pydantic.BaseModel, frozen=True):
    """One package; `old` and `new` are NEVRAs, None where there is none.

    `installed_size` is by how many bytes the installed image grows, None where that is not known.
    """

    name: str
    old: str | None = None
    new: str | None = None
    installed_size: int | None = None


class Sizes(pydantic.BaseModel, frozen=True):
    """Bytes before and after; packages of unknown size count nothing."""

    old: int
    new: int


class Differences(pydantic.BaseModel, frozen=True):
    """From one lock to another. `rebuilt` have the same NEVRA and other bytes; `unchanged` counts the others with the
    same NEVRA, and `uncompared` those among them whose bytes can't be compared, as the locks know no digest of the same kind.
    """

    added: tuple[Change, ...]
    removed: tuple[Change, ...]
    up: tuple[Change, ...]
    down: tuple[Change, ...]
    rebuilt: tuple[Change, ...]
    unchanged: int
    uncompared: int
    download_size: Sizes
    installed_size: Sizes

    def __bool__(self) -> bool:
        return any((self.added, self.removed, self.up, self.down, self.rebuilt))


def between(old: Lock, new: Lock) -> Differences:
    """What changes from `old` to `new`, each list by name."""
    before, after = _by_nevra(old.contents), _by_nevra(new.contents)
    same = {nevra: _same_bytes(before[nevra], after[nevra]) for nevra in before.keys() & after.keys()}
    pairs = list(_pairs(_rest(before, same), _rest(after, same)))
    moved = [(was, now) for was, now in pairs if was and now]
    return Differences(
        added=_changes((None, now) for was, now in pairs if was is None),
        removed=_changes((was, None) for was, now in pairs if now is None),
        up=_changes((was, now) for was, now in moved if _evr(was) <= _evr(now)),
        down=_changes((was, now) for was, now in moved if _evr(was) > _evr(now)),
        rebuilt=_changes((before[nevra], after[nevra]) for nevra, known in same.items() if known is False),
        unchanged=sum(known is not False for known in same.values()),
        uncompared=sum(known is None for known in same.values()),
        download_size=Sizes(old=old.download_size, new=new.download_size),
        installed_size=Sizes(old=old.installed_size, new=new.installed_size),
    )


def _by_nevra(packages: Iterable[LockedPackage]) -> dict[str, LockedPackage]:
    return {package.nevra: package for package in packages}


def _rest(packages: dict[str, LockedPackage], same: dict[str, bool | None]) -> dict[str, list[LockedPackage]]:
    """What has no partner with the same NEVRA, by name, the oldest first."""
    found: dict[str, list[LockedPackage]] = {}
    for package in sorted((p for nevra, p in packages.items() if nevra not in same), key=_evr):
        found.setdefault(package.name, []).append(package)
    return found


def _pairs(
    before: dict[str, list[LockedPackage]], after: dict[str, list[LockedPackage]]
) -> Iterator[tuple[LockedPackage | None, LockedPackage | None]]:
    """Partners of the same name, of the same architecture where there is one; the others alone."""
    for name in before.keys() | after.keys():
        old, new = before.get(name, []), after.get(name, [])
        for alike in (True, False):
            for was in list(old):
                now = next((p for p in new if p.arch == was.arch or not alike), None)
                if now:
                    old.remove(was)
                    new.remove(now)
                    yield was, now
        yield from ((was, None) for was in old)
        yield from ((None, now) for now in new)


def _changes(pairs: Iterable[tuple[LockedPackage | None, LockedPackage | None]]) -> tuple[Change, ...]:
    return tuple(sorted((_change(was, now) for was, now in pairs), key=lambda c: (c.name, c.old or "", c.new or "")))


def _change(was: LockedPackage | None, now: LockedPackage | None) -> Change:
    there = [package for package in (was, now) if package]
    known = all(package.installed_size >= 0 for package in there)
    grown = (now.installed_size if now else 0) - (was.installed_size if was else 0)
    return Change(
        name=there[0].name,
        old=was.nevra if was else None,
        new=now.nevra if now else None,
        installed_size=grown if known else None,
    )


def _same_bytes(was: LockedPackage, now: LockedPackage) -> bool | None:
    """Whether two RPMs of the same NEVRA hold the same; None where that is not known."""
    kind = next((kind for kind in _DIGESTS if kind in was.checksums and kind in now.checksums), None)
    return was.checksums[kind] == now.checksums[kind] if kind else None


def _evr(package: LockedPackage) -> tuple[int, versions.Key, versions.Key]:
    return versions.evr_key(package.epoch, package.version, package.release)
