# SPDX-License-Identifier: MIT
"""Tables of builds: the build itself, its lock, the descriptions, and the keys that make a repeated submission harmless."""

from __future__ import annotations

import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

from ondemand.states import State
from ondemand_web.database import Base


class Build(Base):
    """One build. `turn` orders the queue (milliseconds of virtual time); `disk` and `memory` are bytes needed.

    `rebuild_of` is the build that it makes again, with `same_lock` by that one's lock.
    `winner` is the attempt that made the image; `pictured`, of a failed build, the one that left but a screenshot.
    `kept_until` is set while there are such files, and is when they are removed.
    """

    __tablename__ = "build"
    __table_args__ = (sa.Index("build_queue", "state", "turn", "id"), sa.Index("build_by_state", "state", "id"))

    id: orm.Mapped[int] = orm.mapped_column(primary_key=True, autoincrement=True)
    owner: orm.Mapped[str] = orm.mapped_column(index=True)
    state: orm.Mapped[State] = orm.mapped_column(sa.String(20))
    request: orm.Mapped[dict[str, Any]]
    release: orm.Mapped[str]
    arch: orm.Mapped[str]
    image_type: orm.Mapped[str]
    backend: orm.Mapped[str | None]
    created_at: orm.Mapped[datetime.datetime]
    changed_at: orm.Mapped[datetime.datetime]
    ended_at: orm.Mapped[datetime.datetime | None]
    next_try: orm.Mapped[datetime.datetime]
    tries: orm.Mapped[int] = orm.mapped_column(default=0)
    waiting: orm.Mapped[str | None]
    turn: orm.Mapped[int | None] = orm.mapped_column(sa.BigInteger)
    disk: orm.Mapped[int] = orm.mapped_column(sa.BigInteger, default=0)
    memory: orm.Mapped[int] = orm.mapped_column(sa.BigInteger, default=0)
    attempts: orm.Mapped[int] = orm.mapped_column(default=0)
    drains: orm.Mapped[int] = orm.mapped_column(default=0)
    avoid_builder: orm.Mapped[str | None]
    avoid_until: orm.Mapped[datetime.datetime | None]
    winner: orm.Mapped[int | None]
    pictured: orm.Mapped[int | None]
    canceled_by: orm.Mapped[str | None]
    error: orm.Mapped[dict[str, Any] | None]
    kept_until: orm.Mapped[datetime.datetime | None] = orm.mapped_column(index=True)
    artifacts_removed_at: orm.Mapped[datetime.datetime | None]
    rebuild_of: orm.Mapped[int | None]
    same_lock: orm.Mapped[bool] = orm.mapped_column(default=False, server_default=sa.false())

    @property
    def shown(self) -> int | None:
        """The attempt whose files people see; None as long as there is none, and after they were removed."""
        if self.artifacts_removed_at is not None:
            return None
        return self.pictured if self.winner is None else self.winner


class BuildLock(Base):
    """What a build was resolved to: the lock, its digest, and the flattened kickstart. Never changed."""

    __tablename__ = "lock"

    build_id: orm.Mapped[int] = orm.mapped_column(sa.ForeignKey("build.id"), primary_key=True)
    digest: orm.Mapped[str]
    body: orm.Mapped[dict[str, Any]]
    kickstart: orm.Mapped[str] = orm.mapped_column(sa.Text)


class DescriptionBody(Base):
    """A kiwi description that locks name by its digest, whole; never changed. `body` is ondemand.descriptions.Description."""

    __tablename__ = "description"

    sha256: orm.Mapped[str] = orm.mapped_column(primary_key=True)
    body: orm.Mapped[dict[str, Any]]


class Submission(Base):
    """An Idempotency-Key of an owner, with the digest of the body that came with it."""

    __tablename__ = "submission"

    owner: orm.Mapped[str] = orm.mapped_column(primary_key=True)
    key: orm.Mapped[str] = orm.mapped_column(primary_key=True)
    body_digest: orm.Mapped[str]
    build_id: orm.Mapped[int] = orm.mapped_column(sa.ForeignKey("build.id"))
