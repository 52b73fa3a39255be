# SPDX-License-Identifier: MIT
"""Whose turn it is: a build's place in the queue, in milliseconds of virtual time. Only reads.

Virtual time is the turn of the build that began last. An owner's builds stand their cost / share apart; who has none
stands a tenth of that behind what has begun: so he is next, and a stream of such owners still holds nobody back for good.
"""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy import orm

from ondemand import settings
from ondemand.states import State
from ondemand_web.builds.models import Build
from ondemand_web.queue import abilities, lengths
from ondemand_web.queue.lengths import Kind

LEAST, UNKNOWN, MOST = 60.0, 600.0, 7200.0
"""Seconds that a build costs its owner: at least, where nothing is known of its kind, and at most."""
NEWCOMER = 10
"""The part of his step that an owner without earlier builds stands behind what has begun."""
_BEGUN = (State.BUILDING, State.SUCCEEDED, State.FAILED)


def turn(session: orm.Session, owner: str, kind: Kind, limits: settings.Queue) -> int:
    """The turn of a build that is queued now. What an owner had built long ago counts neither for nor against him."""
    cost = min(MOST, max(LEAST, lengths.means(session).get(kind, UNKNOWN)))
    step = int(1000 * cost / limits.shares.get(owner, 1.0))
    now = _now(session, kind, limits)
    last = _last(session, owner, now, step)
    new = now + step // NEWCOMER
    return new if last is None else max(new, last + step)


def _now(session: orm.Session, kind: Kind, limits: settings.Queue) -> int:
    """Virtual time. It is never after the first that waits: a builder of a rare kind may begin one far behind."""
    able = abilities.making(abilities.alive(session, limits), kind.arch, kind.image_type, kind.backend)
    alike = (Build.arch == kind.arch, Build.image_type == kind.image_type, Build.backend == kind.backend)
    rivals = abilities.taken_by(able) if able else sa.and_(*alike)
    first = session.execute(sa.select(sa.func.min(Build.turn)).where(Build.state == State.QUEUED, rivals)).scalar()
    # One by one, as each is one look into the index.
    latest = [session.execute(sa.select(sa.func.max(Build.turn)).where(Build.state == state)).scalar() for state in _BEGUN]
    begun = max((turn for turn in latest if turn is not None), default=None)
    return min((turn for turn in (first, begun) if turn is not None), default=0)


def _last(session: orm.Session, owner: str, now: int, step: int) -> int | None:
    """The turn from which the owner's next one is counted: of his last that waits, or that began and still matters."""
    ours = sa.select(sa.func.max(Build.turn)).where(Build.owner == owner)
    waiting = session.execute(ours.where(Build.state == State.QUEUED)).scalar()
    stopped = sa.and_(Build.state == State.CANCELED, Build.attempts > 0)
    began = sa.and_(Build.state.in_((*_BEGUN, State.CANCELED)), Build.turn > now - step)
    begun = session.execute(ours.where(began, sa.or_(Build.state != State.CANCELED, stopped))).scalar()
    found = [waiting, None if begun is None else min(begun, now)]
    return max((turn for turn in found if turn is not None), default=None)
