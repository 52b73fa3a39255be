# SPDX-License-Identifier: MIT
"""Tables of people: who may ask, known by a token's digest."""

from __future__ import annotations

import datetime

from sqlalchemy import orm

from ondemand_web.database import Base


class Person(Base):
    """Somebody, or a bot, with a token. `token_hash` is the SHA-256 of the token in hex."""

    __tablename__ = "person"

    name: orm.Mapped[str] = orm.mapped_column(primary_key=True)
    token_hash: orm.Mapped[str] = orm.mapped_column(unique=True)
    created_at: orm.Mapped[datetime.datetime]
