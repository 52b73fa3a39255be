# SPDX-License-Identifier: MIT
"""What a build's record says of its lock. It is kept, since a lock never changes: reading one of Fedora's size takes 30 ms.

Every look at a build and every message about it asks for this. Only reads.
"""

from __future__ import annotations

import collections
import dataclasses
import threading
from collections.abc import Iterable

import sqlalchemy as sa
from sqlalchemy import orm

from ondemand.builds import WantedPackage
from ondemand.locks import Lock, Preset
from ondemand_web.builds.models import BuildLock

MOST = 2000
"""Summaries that a process keeps, each of some kilobytes."""
_LOCKS = sa.select(BuildLock.build_id, BuildLock.body).where(BuildLock.build_id.in_(sa.bindparam("missing", expanding=True)))


@dataclasses.dataclass(frozen=True, kw_only=True)
class Summary:
    """What a record says of a build's lock; empty as long as there is none."""

    warnings: tuple[str, ...] = ()
    packages: int = 0
    side: int = 0
    rules: str = ""
    preset: Preset | None = None
    wanted: tuple[WantedPackage, ...] = ()


NONE = Summary()


class Summaries:
    """The summaries that were asked for last; for any number of threads."""

    def __init__(self, most: int = MOST) -> None:
        """Keeps `most` of them."""
        self._most = most
        self._kept: collections.OrderedDict[int, Summary] = collections.OrderedDict()
        self._lock = threading.Lock()

    def of(self, session: orm.Session, build_id: int) -> Summary:
        """The build's; the session is used when it is not kept."""
        return self.of_all(session, [build_id]).get(build_id, NONE)

    def of_all(self, session: orm.Session, build_ids: Iterable[int]) -> dict[int, Summary]:
        """Of all these builds that have a lock; what is not kept is read at once."""
        wanted = set(build_ids)
        with self._lock:
            found = {build_id: self._kept[build_id] for build_id in wanted & self._kept.keys()}
            for build_id in found:
                self._kept.move_to_end(build_id)
        if missing := wanted - found.keys():
            rows = session.execute(_LOCKS, {"missing": sorted(missing)})
            found |= {build_id: summary(Lock.model_validate(body)) for build_id, body in rows}
        with self._lock:
            for build_id in missing & found.keys():
                self._kept[build_id] = found[build_id]
            while len(self._kept) > self._most:
                self._kept.popitem(last=False)
        return found


def summary(lock: Lock) -> Summary:
    """Of this lock."""
    return Summary(
        warnings=lock.warnings,
        packages=len(lock.contents),
        side=len(lock.side),
        rules=lock.rules.sentence,
        preset=lock.preset,
        wanted=tuple(
            WantedPackage(
                nevra=package.nevra,
                origin=package.origin,
                trust=package.trust,
                reference=package.reference,
                build=package.build,
                checksums=package.checksums,
            )
            for package in lock.wanted
        ),
    )
