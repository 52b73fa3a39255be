# SPDX-License-Identifier: MIT
"""Tables of wishes: the message's facts, the builds it names, a decision per image, paused rules, releases to read."""

from __future__ import annotations

import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

from ondemand.wishes import DecisionState
from ondemand_web.database import Base


class Wish(Base):
    """One message. `at` is the message's own time, by which newer and older are told; `note` what it did besides."""

    __tablename__ = "wish"

    id: orm.Mapped[int] = orm.mapped_column(primary_key=True, autoincrement=True)
    message_id: orm.Mapped[str] = orm.mapped_column(unique=True)
    subject: orm.Mapped[str] = orm.mapped_column(index=True)
    happened: orm.Mapped[str]
    at: orm.Mapped[datetime.datetime]
    facts: orm.Mapped[dict[str, Any]]
    owner: orm.Mapped[str]
    received_at: orm.Mapped[datetime.datetime] = orm.mapped_column(index=True)
    decided_at: orm.Mapped[datetime.datetime | None] = orm.mapped_column(index=True)
    note: orm.Mapped[str | None]


class WishedBuild(Base):
    """A build that a wish names; `name` is its source package's."""

    __tablename__ = "wished_build"

    wish_id: orm.Mapped[int] = orm.mapped_column(sa.ForeignKey("wish.id"), primary_key=True)
    nvr: orm.Mapped[str] = orm.mapped_column(primary_key=True, index=True)
    name: orm.Mapped[str] = orm.mapped_column(index=True)


class Decision(Base):
    """What a rule makes of a wish for one image. `key` is equal for equal content; without `next_try` it waits for
    an event. `ordered_at` counts towards the cap."""

    __tablename__ = "decision"
    __table_args__ = (
        sa.Index("decision_due", "state", "next_try"),
        sa.Index("decision_cap", "rule", "release", "ordered_at"),
    )

    id: orm.Mapped[int] = orm.mapped_column(primary_key=True, autoincrement=True)
    wish_id: orm.Mapped[int] = orm.mapped_column(sa.ForeignKey("wish.id"), index=True)
    subject: orm.Mapped[str] = orm.mapped_column(index=True)
    at: orm.Mapped[datetime.datetime]
    rule: orm.Mapped[str | None]
    release: orm.Mapped[str | None]
    image_type: orm.Mapped[str | None]
    arch: orm.Mapped[str | None]
    key: orm.Mapped[str | None] = orm.mapped_column(index=True)
    state: orm.Mapped[DecisionState] = orm.mapped_column(sa.String(20))
    reason: orm.Mapped[str] = orm.mapped_column(sa.Text)
    since: orm.Mapped[datetime.datetime]
    ripe_at: orm.Mapped[datetime.datetime | None]
    next_try: orm.Mapped[datetime.datetime | None]
    tries: orm.Mapped[int] = orm.mapped_column(default=0)
    ordered_at: orm.Mapped[datetime.datetime | None]
    build_id: orm.Mapped[int | None] = orm.mapped_column(sa.ForeignKey("build.id"), index=True)


class PausedRule(Base):
    """A rule that orders nothing until it is resumed."""

    __tablename__ = "paused_rule"

    rule: orm.Mapped[str] = orm.mapped_column(primary_key=True)
    paused_by: orm.Mapped[str]
    paused_at: orm.Mapped[datetime.datetime]


class ReleaseToRead(Base):
    """A release whose repositories are new, until they are read."""

    __tablename__ = "release_to_read"

    release: orm.Mapped[str] = orm.mapped_column(primary_key=True)
    asked_at: orm.Mapped[datetime.datetime]
