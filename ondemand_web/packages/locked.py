# SPDX-License-Identifier: MIT
"""Packages as the lock holds them, made of what the solver chose and what the side repository has. Chooses nothing."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterable, Mapping
from typing import Any

from ondemand import locks
from ondemand_web.packages import places, trust
from ondemand_web.packages.universe import Found, Nevra

_DEBUG = ("-debuginfo", "-debugsource")
"""Ends of the names of packages that the side repository carries only where the image has them."""

Brought = Mapping[Nevra, tuple[str, str]]
"""The reference and the build's NVR of each wanted package."""


def image(
    chosen: Iterable[Found], held: Iterable[places.Place], side: Mapping[Nevra, trust.Accepted], brought: Brought
) -> tuple[locks.LockedPackage, ...]:
    """The packages of the image, in their order."""
    origins = {place.snapshot.repository: _origin(place.snapshot.urls, place.trust, place.koji) for place in held}
    return tuple(
        _from_repository(found, origins[found.origin], brought.get(found.nevra))
        if found.origin in origins
        else _from_side(found.nevra, side[found.nevra], *brought[found.nevra])
        for found in chosen
    )


def beside(chosen: Iterable[Found], side: Mapping[Nevra, trust.Accepted], brought: Brought) -> tuple[locks.LockedPackage, ...]:
    """The side repository's packages that the image does not have, by NEVRA; none of debug data."""
    if not side:
        return ()
    rest = sorted(side.keys() - {found.nevra for found in chosen})
    return tuple(_from_side(n, side[n], *brought[n]) for n in rest if not n[0].endswith(_DEBUG))


def _from_side(nevra: Nevra, accepted: trust.Accepted, reference: str, build: str) -> locks.LockedPackage:
    header, rpm = accepted.header, accepted.rpm
    # Mirrors of a repository have the same bytes; Koji's copies differ in their signatures.
    same = rpm.urls if "sha256" in rpm.checksums else ()
    return locks.LockedPackage(
        **_common(nevra, locks.SIDE_REPOSITORY, header.installed_size, reference, build),
        urls=tuple(dict.fromkeys((accepted.url, *same))),
        size=header.file_size,
        checksums=accepted.checksums,
        trust=accepted.trust,
    )


@dataclasses.dataclass(frozen=True, eq=False)
class _Origin:
    """What all packages of a repository have in common; compared by identity, which is quick."""

    addresses: tuple[str, ...]
    trust: str
    koji: str


_origin = functools.lru_cache(maxsize=256)(_Origin)


@functools.lru_cache(maxsize=16_384)
def _from_repository(found: Found, origin: _Origin, brought: tuple[str, str] | None) -> locks.LockedPackage:
    """Kept, since an image has most packages in common with the one before it; all that it is made of is in the key."""
    reference, build = brought or (None, found.source or None)
    return locks.LockedPackage(
        **_common(found.nevra, found.origin, found.installed_size, reference, build),
        urls=places.urls(origin.addresses, origin.trust, origin.koji, found.location, found.source),
        size=found.size,
        checksums={"sha256": found.sha256} if found.sha256 else {},
        trust=origin.trust,
    )


def _common(nevra: Nevra, origin: str, installed_size: int, reference: str | None, build: str | None) -> dict[str, Any]:
    name, evr, arch = nevra
    epoch, _, rest = evr.rpartition(":")
    version, _, release = rest.rpartition("-")
    return {
        "name": name,
        "epoch": int(epoch or 0),
        "version": version,
        "release": release,
        "arch": arch,
        "origin": origin,
        "installed_size": installed_size,
        "wanted": reference is not None,
        "reference": reference,
        "build": build,
    }
