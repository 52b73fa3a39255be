# SPDX-License-Identifier: MIT
"""Table of orders by message: one row for each message that was answered."""

from __future__ import annotations

import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

from ondemand_web.database import Base


class BotOrder(Base):
    """An answered message. One that made a build is never removed, so that it makes no second one.

    `owner` is null when the bot may not order, or did not prove to be itself. Either `build_id` or `error` is set.
    """

    __tablename__ = "bot_order"

    message_id: orm.Mapped[str] = orm.mapped_column(primary_key=True)
    bot: orm.Mapped[str]
    owner: orm.Mapped[str | None]
    received_at: orm.Mapped[datetime.datetime] = orm.mapped_column(index=True)
    build_id: orm.Mapped[int | None] = orm.mapped_column(sa.ForeignKey("build.id"), index=True)
    error: orm.Mapped[dict[str, Any] | None]
