# SPDX-License-Identifier: MIT
"""Table of artifacts: what an attempt uploaded and where it lies."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy import orm

from ondemand_web.database import Base


class ArtifactFile(Base):
    """A file of an attempt: `uploaded` (on the master's disk), `storing` (on its way), `stored` (in the storage) or `failed`."""

    __tablename__ = "artifact"
    __table_args__ = (
        sa.ForeignKeyConstraint(["build_id", "attempt"], ["attempt.build_id", "attempt.number"]),
        sa.Index("artifact_state", "state"),
    )

    build_id: orm.Mapped[int] = orm.mapped_column(primary_key=True)
    attempt: orm.Mapped[int] = orm.mapped_column(primary_key=True)
    name: orm.Mapped[str] = orm.mapped_column(primary_key=True)
    role: orm.Mapped[str]
    size: orm.Mapped[int] = orm.mapped_column(sa.BigInteger)
    sha256: orm.Mapped[str]
    state: orm.Mapped[str]
    tries: orm.Mapped[int] = orm.mapped_column(default=0)
    url: orm.Mapped[str | None]
    error: orm.Mapped[str | None]
