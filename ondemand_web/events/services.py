# SPDX-License-Identifier: MIT
"""Writes events with their deliveries, inside the transaction that made them true."""

from __future__ import annotations

import collections
import datetime
import re
from typing import Any, cast

import sqlalchemy as sa
from sqlalchemy import orm

from ondemand.builds import EventRecord, ParkedDeliveries
from ondemand.states import State
from ondemand_web.builds.models import Build
from ondemand_web.database import Database, clock
from ondemand_web.events.models import Delivery, Event

STATE_CHANGED = "state.changed"
REQUESTED = "requested"
PUBLISHED = "image.published"
JOINED = "builder.joined"
LOST = "builder.lost"
DECIDED = "wish.decided"
ANSWERED = "order.answered"
BUS = "bus"
MAIL = "mail"


def record(session: orm.Session, build: Build, kind: str, body: dict[str, Any], now: datetime.datetime) -> Event:
    """Appends an event to the build's history and a delivery for each sink that wants it.

    The caller has just written the build's row, so two of its events can't be numbered at once.
    """
    event = Event(subject=f"build/{build.id}", build_id=build.id, kind=kind, at=now, body=body)
    return _append(session, event, _recipients(build, kind, body))


def announce(session: orm.Session, subject: str, kind: str, body: dict[str, Any], now: datetime.datetime) -> Event:
    """Appends an event to the history of what is no build, for the bus alone.

    The caller has locked or just written the subject's row.
    """
    return _append(session, Event(subject=subject, kind=kind, at=now, body=body), [(BUS, "")])


def _append(session: orm.Session, event: Event, recipients: list[tuple[str, str]]) -> Event:
    # Within the INSERT, which gives the number back.
    last = sa.select(sa.func.coalesce(sa.func.max(Event.seq), 0)).where(Event.subject == event.subject)
    event.seq = cast(Any, last.scalar_subquery() + 1)
    session.add(event)
    session.flush()
    for sink, recipient in recipients:
        row = {"event_id": event.id, "subject": event.subject, "sink": sink, "recipient": recipient}
        session.add(Delivery(**row, state="waiting", next_try=event.at))
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
        EventRecord(build_id=build_id, seq=row.seq, kind=row.kind, at=row.at, body=row.body) for row in rows
    ]


def parked(session: orm.Session, build_id: int) -> list[ParkedDeliveries]:
    """The build's deliveries that were given up, counted by sink and reason; recipients are nobody else's business."""
    rows = session.execute(
        sa.select(Delivery)
        .join(Event, Event.id == Delivery.event_id)
        .where(Event.build_id == build_id, Delivery.state == "parked")
        .order_by(Delivery.id)
    ).scalars()
    counted = collections.Counter((row.sink, _without_recipient(row)) for row in rows)
    return [
        ParkedDeliveries(sink=sink, count=count, sentence=sentence) for (sink, sentence), count in counted.items()
    ]


def given_up(session: orm.Session, limit: int) -> list[tuple[Delivery, Event]]:
    """The oldest deliveries that were given up, for the operator: with their recipients."""
    both = sa.select(Delivery, Event).join(Event, Event.id == Delivery.event_id)
    rows = session.execute(both.where(Delivery.state == "parked").order_by(Delivery.id).limit(limit))
    return [(delivery, event) for delivery, event in rows]


def deliver_again(database: Database, sink: str) -> int:
    """Has all that was given up of a sink tried again from the start; gives how many there were."""
    with database.writing() as session:
        parked = (Delivery.sink == sink, Delivery.state == "parked")
        again = sa.update(Delivery).where(*parked).values(state="waiting", tries=0, next_try=clock(session))
        return len(session.execute(again.returning(Delivery.id)).all())


def _without_recipient(delivery: Delivery) -> str:
    sentence = delivery.error or ""
    if not delivery.recipient:
        return sentence
    return re.sub(re.escape(delivery.recipient), "the recipient", sentence, flags=re.IGNORECASE)


def _recipients(build: Build, kind: str, body: dict[str, Any]) -> list[tuple[str, str]]:
    found = [(BUS, "")]
    if kind == STATE_CHANGED and State(body["new"]).final:
        found += [(MAIL, address) for address in dict.fromkeys(build.request.get("notify", ()))]
    return found
