# SPDX-License-Identifier: MIT
"""Kiwi descriptions that builds begin from, each once however many builds do."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Makes `description`."""
    op.create_table(
        "description",
        sa.Column("sha256", sa.String(), primary_key=True),
        sa.Column("body", sa.JSON(none_as_null=True), nullable=False),
    )
