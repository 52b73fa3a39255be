# SPDX-License-Identifier: MIT
"""Why a queued build waits, in words: which builders could make it, and what they lack. Only reads."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy import orm

from ondemand import settings
from ondemand.builds import Capabilities
from ondemand.states import State
from ondemand_web.builds.models import Build
from ondemand_web.database import clock
from ondemand_web.queue import presence
from ondemand_web.queue.models import Builder

Able = tuple[str, Capabilities]


def reason(session: orm.Session, build: Build, limits: settings.Queue) -> str:
    """The reason as a sentence without its full stop, by what each builder said of itself last."""
    alive = _alive(session, limits)
    if not alive:
        return "no builder is up; the operator has to start one"
    able = [item for item in alive if _can_make(item[1], build)]
    if not able:
        made = f"{build.image_type} images for {build.arch} with {build.backend}"
        return f"none of the builders that are up ({len(alive)}) can make {made}"
    for what in ("disk", "memory"):
        needed, name, most = getattr(build, what), *_most(able, what)
        if needed > most:
            most_room = f"builder {name}, which has the most to spare, offers {most / 1e9:.1f} GB"
            return f"it needs {needed / 1e9:.1f} GB of {what} and {most_room}; it begins as soon as there is room"
    ahead = _ahead(session, build)
    return f"it waits for a builder, {ahead} ahead of it" if ahead else "it is the next one for a builder"


def _alive(session: orm.Session, limits: settings.Queue) -> list[Able]:
    """Builders that were heard of lately; an idle one speaks at each poll, a busy one at each beat."""
    since = clock(session) - presence.silence(limits)
    rows = session.execute(sa.select(Builder).where(Builder.seen_at > since)).scalars()
    return [(row.name, Capabilities.model_validate(row.capabilities)) for row in rows if row.capabilities]


def _can_make(can: Capabilities, build: Build) -> bool:
    return build.arch in can.arches and build.image_type in can.backends.get(build.backend or "", ())


def _most(able: Sequence[Able], what: str) -> tuple[str, int]:
    name, can = max(able, key=lambda item: getattr(item[1], what))
    return name, getattr(can, what)


def _ahead(session: orm.Session, build: Build) -> int:
    statement = sa.select(sa.func.count()).where(
        Build.state == State.QUEUED,
        Build.arch == build.arch,
        Build.backend == build.backend,
        Build.image_type == build.image_type,
        Build.turn < build.turn,
    )
    return int(session.execute(statement).scalar_one())
