# SPDX-License-Identifier: MIT
"""Table of uploads: which RPM files lie on the master's disk, and whose they are."""

from __future__ import annotations

import datetime

import sqlalchemy as sa
from sqlalchemy import orm

from ondemand_web.database import Base


class Upload(Base):
    """An RPM of one owner. Several may have uploaded the same file, which lies there once. `signed_by` is a key's id."""

    __tablename__ = "upload"

    sha256: orm.Mapped[str] = orm.mapped_column(primary_key=True)
    owner: orm.Mapped[str] = orm.mapped_column(primary_key=True)
    name: orm.Mapped[str]
    epoch: orm.Mapped[int]
    version: orm.Mapped[str]
    release: orm.Mapped[str]
    arch: orm.Mapped[str]
    size: orm.Mapped[int] = orm.mapped_column(sa.BigInteger)
    signed_by: orm.Mapped[str | None]
    created_at: orm.Mapped[datetime.datetime]
    last_used_at: orm.Mapped[datetime.datetime] = orm.mapped_column(index=True)

    @property
    def filename(self) -> str:
        """The RPM's usual name."""
        return f"{self.name}-{self.version}-{self.release}.{self.arch}.rpm"

    @property
    def nevra(self) -> str:
        """`name-[epoch:]version-release.arch`."""
        epoch = f"{self.epoch}:" if self.epoch else ""
        return f"{self.name}-{epoch}{self.version}-{self.release}.{self.arch}"
