# SPDX-License-Identifier: MIT
"""Why a queued build waits: who could make it and what they do, how many are ahead, and about how long. Only reads."""

from __future__ import annotations

import dataclasses
import datetime
import heapq
from collections.abc import Mapping, Sequence

import sqlalchemy as sa
from sqlalchemy import orm

from ondemand import settings
from ondemand.states import State
from ondemand_web.builds.models import Build
from ondemand_web.database import clock
from ondemand_web.queue import abilities, lengths
from ondemand_web.queue.abilities import Able
from ondemand_web.queue.lengths import Kind
from ondemand_web.queue.models import Attempt

FORESEEN = 5000
"""Builds ahead beyond which no time is foretold."""
_OVERDUE = 0.1
"""The part of its mean length that a build which takes longer is thought to go on."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Waiting:
    """What is known. `reason` is a sentence without its full stop, `position` 1 for the next one."""

    reason: str
    position: int | None = None
    estimated_start: datetime.datetime | None = None


def explain(session: orm.Session, build: Build, limits: settings.Queue) -> Waiting:
    """By what each builder said of itself last; position and time only where builders can take it."""
    alive = abilities.alive(session, limits)
    if not alive:
        return Waiting(reason="no builder is up; the operator has to start one")
    able = abilities.making(alive, build.arch, build.image_type, build.backend)
    if not able:
        made = f"{build.image_type} images for {build.arch} with {build.backend}"
        return Waiting(reason=f"none of the builders that are up ({len(alive)}) can make {made}")
    for what in ("disk", "memory"):
        needed, name, most = getattr(build, what), *_most(able, what)
        if needed > most:
            room = f"builder {name}, which has the most to spare, offers {most / 1e9:.1f} GB"
            return Waiting(reason=f"it needs {needed / 1e9:.1f} GB of {what} and {room}; it begins as soon as there is room")
    now = clock(session)
    running, ahead = _running(session, able, now), _ahead(session, build, able)
    count, seconds = sum(ahead.values()), _foretold(lengths.means(session), len(able), running, ahead)
    words = [_builders(build, len(able), len(running)), f"{count} ahead of you" if count else "you are next"]
    if seconds is None:
        return Waiting(reason="; ".join(words), position=count + 1)
    start = now + datetime.timedelta(seconds=seconds)
    return Waiting(reason="; ".join([*words, _about(seconds)]), position=count + 1, estimated_start=start)


def _builders(build: Build, able: int, busy: int) -> str:
    of = f"able to build {build.image_type}/{build.arch}"
    if able == 1:
        return f"the builder {of} is {'busy' if busy else 'idle'}"
    if busy >= able:
        return f"{'both' if able == 2 else f'all {able}'} builders {of} are busy"
    return f"{able - busy} of {able} builders {of} {'is' if able - busy == 1 else 'are'} idle"


def _about(seconds: float) -> str:
    minutes = round(seconds / 60)
    if minutes < 1:
        return "less than a minute"
    return f"about {minutes} min" if minutes < 120 else f"about {round(minutes / 60)} h"


def _most(able: Sequence[Able], what: str) -> tuple[str, int]:
    name, can = max(able, key=lambda item: getattr(item[1], what))
    return name, getattr(can, what)


def _running(session: orm.Session, able: Sequence[Able], now: datetime.datetime) -> list[tuple[Kind, float]]:
    """What the builders are at: of each build its kind, and since how many seconds."""
    statement = (
        sa.select(Attempt.started_at, *lengths.columns())
        .join_from(Build, Attempt, sa.and_(Attempt.build_id == Build.id, Attempt.number == Build.attempts))
        .where(Build.state == State.BUILDING, Attempt.builder.in_([name for name, _ in able]))
    )
    return [(Kind(*kind), (now - began).total_seconds()) for began, *kind in session.execute(statement)]


def _ahead(session: orm.Session, build: Build, able: Sequence[Able]) -> dict[Kind, int]:
    """How many builds of each kind the same builders can build before this one."""
    kind = lengths.columns()
    earlier = sa.or_(Build.turn < build.turn, sa.and_(Build.turn == build.turn, Build.id < build.id))
    statement = sa.select(sa.func.count(), *kind).where(Build.state == State.QUEUED, earlier, abilities.taken_by(able))
    return {Kind(*of): count for count, *of in session.execute(statement.group_by(*kind))}


def _foretold(
    means: Mapping[Kind, float], able: int, running: Sequence[tuple[Kind, float]], ahead: Mapping[Kind, int]
) -> float | None:
    """Seconds until a builder is free for it; None where a length is not known, or too many are ahead."""
    if sum(ahead.values()) < able - len(running):
        return 0.0
    if not means.keys() >= {*ahead, *(kind for kind, _ in running)} or sum(ahead.values()) > FORESEEN:
        return None
    free = [max(means[kind] - since, means[kind] * _OVERDUE) for kind, since in running]
    free += [0.0] * (able - len(free))
    heapq.heapify(free)
    for kind, count in ahead.items():
        for _ in range(count):
            heapq.heapreplace(free, free[0] + means[kind])
    return free[0]
