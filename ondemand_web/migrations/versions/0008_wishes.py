# SPDX-License-Identifier: MIT
"""What the bus brings: wishes, their builds and decisions, paused rules, releases to read anew."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from ondemand_web.database import UtcDateTime

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Makes `wish`, `wished_build`, `decision`, `paused_rule` and `release_to_read`."""
    op.create_table(
        "wish",
        sa.Column("id", sa.Integer(), primary_key=True, autoincrement=True),
        sa.Column("message_id", sa.String(), nullable=False, unique=True),
        sa.Column("subject", sa.String(), nullable=False, index=True),
        sa.Column("happened", sa.String(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("facts", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("owner", sa.String(), nullable=False),
        sa.Column("received_at", UtcDateTime(), nullable=False, index=True),
        sa.Column("decided_at", UtcDateTime(), nullable=True, index=True),
        sa.Column("note", sa.String(), nullable=True),
    )
    op.create_table(
        "wished_build",
        sa.Column("wish_id", sa.Integer(), sa.ForeignKey("wish.id"), primary_key=True),
        sa.Column("nvr", sa.String(), primary_key=True, index=True),
        sa.Column("name", sa.String(), nullable=False, index=True),
    )
    op.create_table(
        "paused_rule",
        sa.Column("rule", sa.String(), primary_key=True),
        sa.Column("paused_by", sa.String(), nullable=False),
        sa.Column("paused_at", UtcDateTime(), nullable=False),
    )
    op.create_table(
        "release_to_read",
        sa.Column("release", sa.String(), primary_key=True),
        sa.Column("asked_at", UtcDateTime(), nullable=False),
    )
    _decisions()


def _decisions() -> None:
    op.create_table(
        "decision",
        sa.Column("id", sa.Integer(), primary_key=True, autoincrement=True),
        sa.Column("wish_id", sa.Integer(), sa.ForeignKey("wish.id"), nullable=False, index=True),
        sa.Column("subject", sa.String(), nullable=False, index=True),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("rule", sa.String(), nullable=True),
        sa.Column("release", sa.String(), nullable=True),
        sa.Column("image_type", sa.String(), nullable=True),
        sa.Column("arch", sa.String(), nullable=True),
        sa.Column("key", sa.String(), nullable=True, index=True),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("since", UtcDateTime(), nullable=False),
        sa.Column("ripe_at", UtcDateTime(), nullable=True),
        sa.Column("next_try", UtcDateTime(), nullable=True),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("ordered_at", UtcDateTime(), nullable=True),
        sa.Column("build_id", sa.Integer(), sa.ForeignKey("build.id"), nullable=True, index=True),
    )
    op.create_index("decision_due", "decision", ["state", "next_try"])
    op.create_index("decision_cap", "decision", ["rule", "release", "ordered_at"])
