# SPDX-License-Identifier: MIT
"""What bots order by message: a row for each message that was answered."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from ondemand_web.database import UtcDateTime

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Makes `bot_order`."""
    op.create_table(
        "bot_order",
        sa.Column("message_id", sa.String(), primary_key=True),
        sa.Column("bot", sa.String(), nullable=False),
        sa.Column("owner", sa.String(), nullable=True),
        sa.Column("received_at", UtcDateTime(), nullable=False, index=True),
        sa.Column("build_id", sa.Integer(), sa.ForeignKey("build.id"), nullable=True, index=True),
        sa.Column("error", sa.JSON(none_as_null=True), nullable=True),
    )
