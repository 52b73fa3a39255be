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


def _inserting() -> sa.Insert:
    """Gives the event the number after the last one of its subject, and gives its id."""
    events: Any = Event.__table__
    last = sa.func.coalesce(sa.func.max(events.c.seq), 0)
    seq = sa.select(last + 1).where(events.c.subject == sa.bindparam("subject")).scalar_subquery()
    return sa.insert(events).values({**{name: sa.bindparam(name) for name in _GIVEN}, "seq": seq}).returning(events.c.id)


# Made once, and without the mapper: every change of a build writes both.
_GIVEN = ("subject", "build_id", "kind", "at", "body")
_EVENT = _inserting()
_DELIVERY = sa.insert(cast(Any, Delivery.__table__))


def record(session: orm.Session, build: Build, kind: str, body: dict[str, Any], now: datetime.datetime) -> None:
    """Appends an event to the build's history and a delivery for each sink that wants it.

    The caller has just written the build's row, so two of its events can't be numbered at once.
    """
    row = {"subject": f"build/{build.id}", "build_id": build.id, "kind": kind, "at": now, "body": body}
    _append(session, row, _recipients(build, kind, body))


def announce(session: orm.Session, subject: str, kind: str, body: dict[str, Any], now: datetime.datetime) -> None:
    """Appends an event to the history of what is no build, for the bus alone.

    The caller has locked or just written the subject's row.
    """
    row = {"subject": subject, "build_id": None, "kind": kind, "at": now, "body": body}
    _append(session, row, [(BUS, "")])


def _append(session: orm.Session, row: dict[str, Any], recipients: list[tuple[str, str]]) -> None:
    # The rows that the event points to are written first.
    session.flush()
    connection = session.connection()
    event = connection.execute(_EVENT, row).scalar_one()
    common = {"event_id": event, "subject": row["subject"], "state": "waiting", "tries": 0, "next_try": row["at"]}
    connection.execute(_DELIVERY, [{**common, "sink": sink, "recipient": recipient} for sink, recipient in recipients])


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
