# SPDX-License-Identifier: MIT
"""Writes events with their deliveries, inside the transaction that made them true."""

from __future__ import annotations

import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

from ondemand.builds import EventRecord
from ondemand.states import State
from ondemand_web.builds.models import Build
from ondemand_web.events.models import Delivery, Event

STATE_CHANGED = "state.changed"
REQUESTED = "requested"
BUS = "bus"
MAIL = "mail"


def record(session: orm.Session, build: Build, kind: str, body: dict[str, Any], now: datetime.datetime) -> Event:
    """Appends an event to the build's history and a delivery for each sink that wants it.

    The caller has just written the build's row, so two of its events can't be numbered at once.
    """
    last = session.execute(sa.select(sa.func.max(Event.seq)).where(Event.build_id == build.id)).scalar()
    event = Event(build_id=build.id, seq=(last or 0) + 1, kind=kind, at=now, body=body)
    session.add(event)
    session.flush()
    for sink, recipient in _recipients(build, kind, body):
        session.add(
            Delivery(
                event_id=event.id,
                build_id=build.id,
                sink=sink,
                recipient=recipient,
                state="waiting",
                next_try=now,
            )
        )
    return event


def of_build(session: orm.Session, build_id: int, after: int, limit: int) -> list[EventRecord]:
    """The build's events with a `seq` above `after`, in order, `limit` at most."""
    rows = session.execute(
        sa.select(Event)
        .where(Event.build_id == build_id, Event.seq > after)
        .order_by(Event.seq)
        .limit(limit)
    ).scalars()
    return [
        EventRecord(build_id=row.build_id, seq=row.seq, kind=row.kind, at=row.at, body=row.body) for row in rows
    ]


def _recipients(build: Build, kind: str, body: dict[str, Any]) -> list[tuple[str, str]]:
    found = [(BUS, "")]
    if kind == STATE_CHANGED and State(body["new"]).final:
        found += [(MAIL, address) for address in dict.fromkeys(build.request.get("notify", ()))]
    return found
