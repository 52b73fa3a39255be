# SPDX-License-Identifier: MIT
"""Removes old news: events with their deliveries, and refusals of orders. Records of builds, their locks and logs stay."""

from __future__ import annotations

import datetime

import sqlalchemy as sa
from sqlalchemy import orm

from ondemand_web.builds.models import Build
from ondemand_web.database import Database, clock
from ondemand_web.events.models import Delivery, Event
from ondemand_web.orders.models import BotOrder
from ondemand_web.wishes.models import Decision

PIECE = 500
"""Rows that one piece of sweeping takes."""
_DECISION = "decision/"


def sweep(database: Database, days: int) -> bool:
    """Removes some of what is older than `days`; gives whether there was any.

    What waits for its sink stays, as does what a build tells that has not ended for as long.
    """
    with database.writing() as session:
        until = clock(session) - datetime.timedelta(days=days)
        events, refusals = _events(session, until), _refusals(session, until)
        session.execute(sa.delete(Delivery).where(Delivery.event_id.in_(events)))
        session.execute(sa.delete(Event).where(Event.id.in_(events)))
        session.execute(sa.delete(BotOrder).where(BotOrder.message_id.in_(refusals)))
        return bool(events or refusals)


def _events(session: orm.Session, until: datetime.datetime) -> list[int]:
    """Old events. The newest one of a builder, and of a decision that is still kept, stays: the next is numbered after it,
    and no message id is ever used twice."""
    later, waits = orm.aliased(Event), sa.select(Delivery.id).where(Delivery.event_id == Event.id, Delivery.state == "waiting")
    newer = sa.select(later.id).where(later.subject == Event.subject, later.seq > Event.seq)
    number = sa.func.substr(Event.subject, len(_DECISION) + 1)
    # By its number, so that no index is passed by; and no other subject's word is taken for one.
    decision = sa.select(Decision.id).where(
        Decision.id == sa.case((Event.subject.startswith(_DECISION), sa.cast(number, sa.Integer)))
    )
    statement = (
        sa.select(Event.id)
        .join(Build, Build.id == Event.build_id, isouter=True)
        .where(Event.at < until, sa.or_(Event.build_id.is_(None), Build.ended_at < until), ~waits.exists())
        .where(sa.or_(sa.and_(~Event.subject.startswith("builder/"), ~decision.exists()), newer.exists()))
    )
    return list(session.execute(statement.order_by(Event.at).limit(PIECE)).scalars())


def _refusals(session: orm.Session, until: datetime.datetime) -> list[str]:
    """Orders that were refused; of the others the build is left, and their message must order no second one."""
    old = sa.select(BotOrder.message_id).where(BotOrder.received_at < until, BotOrder.build_id.is_(None))
    return list(session.execute(old.order_by(BotOrder.received_at).limit(PIECE)).scalars())
