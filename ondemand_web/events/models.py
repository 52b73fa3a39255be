# SPDX-License-Identifier: MIT
"""Tables of events: a subject's history without gaps, and its deliveries to sinks. A subject is mostly a build."""

from __future__ import annotations

import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

from ondemand_web.database import Base


class Event(Base):
    """One entry of the history of `subject` (`build/17`, `builder/node-1`, `order/MESSAGE-ID`); `seq` counts from 1 within it."""

    __tablename__ = "event"
    __table_args__ = (sa.UniqueConstraint("subject", "seq", name="event_in_order"),)

    id: orm.Mapped[int] = orm.mapped_column(primary_key=True, autoincrement=True)
    subject: orm.Mapped[str]
    build_id: orm.Mapped[int | None] = orm.mapped_column(sa.ForeignKey("build.id"), index=True)
    seq: orm.Mapped[int]
    kind: orm.Mapped[str]
    at: orm.Mapped[datetime.datetime] = orm.mapped_column(index=True)
    body: orm.Mapped[dict[str, Any]]


class Delivery(Base):
    """An event's way to one sink and recipient: `waiting`, `delivered`, or `parked` after a permanent error."""

    __tablename__ = "delivery"
    __table_args__ = (
        sa.UniqueConstraint("event_id", "sink", "recipient"),
        sa.Index("delivery_due", "sink", "state", "next_try"),
    )

    id: orm.Mapped[int] = orm.mapped_column(primary_key=True, autoincrement=True)
    event_id: orm.Mapped[int] = orm.mapped_column(sa.ForeignKey("event.id"))
    subject: orm.Mapped[str]
    sink: orm.Mapped[str]
    recipient: orm.Mapped[str]
    state: orm.Mapped[str]
    tries: orm.Mapped[int] = orm.mapped_column(default=0)
    next_try: orm.Mapped[datetime.datetime]
    error: orm.Mapped[str | None]
