# SPDX-License-Identifier: MIT
"""Which builders are up, by what each said of itself last, and which builds they could take. Only reads."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import sqlalchemy as sa
from sqlalchemy import orm

from ondemand import settings
from ondemand.builds import Capabilities
from ondemand_web.builds.models import Build
from ondemand_web.database import clock
from ondemand_web.queue import presence
from ondemand_web.queue.models import Builder

Able = tuple[str, Capabilities]
"""A builder's name and what it can do."""


def alive(session: orm.Session, limits: settings.Queue) -> list[Able]:
    """Builders that were heard of lately; an idle one speaks at each poll, a busy one at each beat."""
    since = clock(session) - presence.silence(limits)
    rows = session.execute(sa.select(Builder).where(Builder.seen_at > since)).scalars()
    return [(row.name, Capabilities.model_validate(row.capabilities)) for row in rows if row.capabilities]


def making(builders: Iterable[Able], arch: str, image_type: str, backend: str | None) -> list[Able]:
    """Those of the builders that can make such an image, whatever room they have."""
    return [
        (name, can) for name, can in builders if arch in can.arches and image_type in can.backends.get(backend or "", ())
    ]


def makes(arches: Iterable[str], backends: Iterable[tuple[str, Sequence[str]]]) -> sa.ColumnElement[bool]:
    """Which builds a builder of these abilities may take if it has the room, as a condition."""
    able = [sa.and_(Build.backend == name, Build.image_type.in_(types)) for name, types in backends]
    return sa.and_(Build.arch.in_(arches), sa.or_(sa.false(), *able))


def takes(can: Capabilities) -> sa.ColumnElement[bool]:
    """Which builds such a builder may take, as a condition."""
    return sa.and_(makes(can.arches, can.backends.items()), Build.disk <= can.disk, Build.memory <= can.memory)


def taken_by(builders: Sequence[Able]) -> sa.ColumnElement[bool]:
    """Which builds some of the builders may take. Of builders that can do the same the most room counts, so that
    hundreds of them make one condition."""
    alike: dict[tuple[object, ...], Capabilities] = {}
    for _, can in builders:
        key = (can.arches, tuple(sorted(can.backends.items())))
        known = alike.get(key, can)
        room = {"disk": max(can.disk, known.disk), "memory": max(can.memory, known.memory)}
        alike[key] = can.model_copy(update=room)
    return sa.or_(sa.false(), *map(takes, alike.values()))


def alike(session: orm.Session, can: Capabilities) -> int:
    """How many builders are there that can do the same, which is at least one."""
    rows = session.execute(sa.select(Builder.capabilities).where(Builder.present)).scalars()
    wanted = can.model_dump(mode="json", include={"arches", "backends"})
    same = [row for row in rows if row is not None and wanted.items() <= row.items()]
    return max(1, len(same))
