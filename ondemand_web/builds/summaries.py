# SPDX-License-Identifier: MIT
"""What a build's record says of its lock. It is kept, since a lock never changes: reading one of Fedora's size takes 30 ms.

Every look at a build and every message about it asks for this. Only reads.
"""

from __future__ import annotations

import collections
import contextlib
import dataclasses
import threading
from collections.abc import Iterable

import pydantic
import sqlalchemy as sa
from sqlalchemy import orm

from ondemand.builds import WantedPackage
from ondemand.locks import Lock, Preset
from ondemand_web.builds.models import BuildLock

MOST = 2000
"""Summaries that a process keeps, each of some kilobytes."""


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
        with self._lock:
            if build_id in self._kept:
                self._kept.move_to_end(build_id)
                return self._kept[build_id]
        row = session.get(BuildLock, build_id)
        return NONE if row is None else self._keep(row)

    def read_ahead(self, session: orm.Session, build_ids: Iterable[int]) -> None:
        """Keeps those of all these builds, by one statement; of a lock that can't be read `of` will say so."""
        with self._lock:
            missing = set(build_ids) - self._kept.keys()
        if not missing:
            return
        for row in session.execute(sa.select(BuildLock).where(BuildLock.build_id.in_(missing))).scalars():
            with contextlib.suppress(pydantic.ValidationError):
                self._keep(row)

    def _keep(self, row: BuildLock) -> Summary:
        made = summary(Lock.model_validate(row.body))
        with self._lock:
            self._kept[row.build_id] = made
            while len(self._kept) > self._most:
                self._kept.popitem(last=False)
        return made


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
