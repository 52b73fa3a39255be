# SPDX-License-Identifier: MIT
"""Tables of the queue: builders, attempts, their steps, and the rows by which duties are elected."""

from __future__ import annotations

import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

from ondemand.states import Outcome, Step, StepState
from ondemand_web.database import Base


class Builder(Base):
    """A build node. `token_hash` is the SHA-256 of its token; `instance` the process that runs now.

    It is `present` from its first claim until it was not heard of for a lease: then the bus is told.
    """

    __tablename__ = "builder"

    name: orm.Mapped[str] = orm.mapped_column(primary_key=True)
    token_hash: orm.Mapped[str] = orm.mapped_column(unique=True)
    created_at: orm.Mapped[datetime.datetime]
    instance: orm.Mapped[str | None]
    seen_at: orm.Mapped[datetime.datetime | None]
    capabilities: orm.Mapped[dict[str, Any] | None]
    present: orm.Mapped[bool] = orm.mapped_column(default=False, server_default=sa.false())


class Attempt(Base):
    """One try of a build; `number` counts from 1 within it and is the fencing token."""

    __tablename__ = "attempt"
    __table_args__ = (
        sa.Index("attempt_running", "ended_at", "deadline"),
        sa.Index("attempt_to_sweep", "swept_at", "ended_at"),
    )

    build_id: orm.Mapped[int] = orm.mapped_column(sa.ForeignKey("build.id"), primary_key=True)
    number: orm.Mapped[int] = orm.mapped_column(primary_key=True)
    builder: orm.Mapped[str] = orm.mapped_column(sa.ForeignKey("builder.name"), index=True)
    instance: orm.Mapped[str]
    claim_id: orm.Mapped[str] = orm.mapped_column(unique=True)
    started_at: orm.Mapped[datetime.datetime]
    deadline: orm.Mapped[datetime.datetime]
    ended_at: orm.Mapped[datetime.datetime | None]
    outcome: orm.Mapped[Outcome | None] = orm.mapped_column(sa.String(20))
    error: orm.Mapped[dict[str, Any] | None]
    proofs: orm.Mapped[list[Any] | None]
    swept_at: orm.Mapped[datetime.datetime | None]
    progress: orm.Mapped[dict[str, Any] | None]


class AttemptStep(Base):
    """A step of an attempt and when it ran."""

    __tablename__ = "step"
    __table_args__ = (
        sa.ForeignKeyConstraint(["build_id", "attempt"], ["attempt.build_id", "attempt.number"]),
    )

    build_id: orm.Mapped[int] = orm.mapped_column(primary_key=True)
    attempt: orm.Mapped[int] = orm.mapped_column(primary_key=True)
    step: orm.Mapped[Step] = orm.mapped_column(sa.String(20), primary_key=True)
    state: orm.Mapped[StepState] = orm.mapped_column(sa.String(20))
    started_at: orm.Mapped[datetime.datetime]
    ended_at: orm.Mapped[datetime.datetime | None]


class Duty(Base):
    """A duty of the dispatcher and who holds it until when."""

    __tablename__ = "duty"

    name: orm.Mapped[str] = orm.mapped_column(primary_key=True)
    holder: orm.Mapped[str]
    until: orm.Mapped[datetime.datetime]
