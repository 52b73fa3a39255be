# SPDX-License-Identifier: MIT
"""Which builders are there: one joins with its first claim and is lost when it was not heard of for a while."""

from __future__ import annotations

import datetime

import sqlalchemy as sa
from sqlalchemy import orm

from ondemand import settings
from ondemand_web.database import Database, clock
from ondemand_web.events import services as events
from ondemand_web.queue.models import Builder


def silence(limits: settings.Queue) -> datetime.timedelta:
    """How long a builder may be silent: an idle one speaks at each poll, a busy one at each beat."""
    return datetime.timedelta(seconds=max(limits.lease, 3 * limits.poll))


def joined(session: orm.Session, builder: Builder, now: datetime.datetime) -> None:
    """Notes that the builder, whose row the caller has locked, is there; the first time the bus is told."""
    if not builder.present:
        builder.present = True
        events.announce(session, _subject(builder), events.JOINED, {"builder": _described(builder)}, now)


def miss(database: Database, limits: settings.Queue) -> int:
    """Notes every builder that was silent too long as lost, and tells the bus; gives their number."""
    with database.writing() as session:
        now = clock(session)
        silent = session.execute(
            sa.select(Builder)
            .where(Builder.present, sa.or_(Builder.seen_at.is_(None), Builder.seen_at < now - silence(limits)))
            .order_by(Builder.name)
            .with_for_update(skip_locked=True, key_share=True)
        ).scalars()
        lost = list(silent)
        for builder in lost:
            builder.present = False
            reason = f"it was not heard of for {silence(limits).total_seconds():.0f} s"
            body = {"builder": _described(builder), "reason": reason}
            events.announce(session, _subject(builder), events.LOST, body, now)
        return len(lost)


def _subject(builder: Builder) -> str:
    return f"builder/{builder.name}"


def _described(builder: Builder) -> dict[str, object]:
    can = builder.capabilities or {}
    return {"name": builder.name, "arches": sorted(can.get("arches", ())), "backends": sorted(can.get("backends", ()))}
