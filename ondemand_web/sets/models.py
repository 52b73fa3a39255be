# SPDX-License-Identifier: MIT
"""Tables of sets: the set with its current version, and every version that it ever had."""

from __future__ import annotations

import datetime
from typing import Any

from sqlalchemy import orm

from ondemand_web.database import Base


class ReferenceSet(Base):
    """A set. `version` is the newest; a removed one keeps its name's versions, so that a number never means two lists."""

    __tablename__ = "reference_set"

    name: orm.Mapped[str] = orm.mapped_column(primary_key=True)
    owner: orm.Mapped[str]
    version: orm.Mapped[int]
    removed_at: orm.Mapped[datetime.datetime | None]


class SetVersion(Base):
    """One version of a set; never changed. `references` are texts as ondemand.references reads them."""

    __tablename__ = "set_version"

    name: orm.Mapped[str] = orm.mapped_column(primary_key=True)
    version: orm.Mapped[int] = orm.mapped_column(primary_key=True)
    references: orm.Mapped[list[Any]]
    changed_by: orm.Mapped[str]
    changed_at: orm.Mapped[datetime.datetime]
