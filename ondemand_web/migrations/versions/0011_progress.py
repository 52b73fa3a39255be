# SPDX-License-Identifier: MIT
"""How far an attempt is, as its builder last said."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Gives attempts `progress`."""
    op.add_column("attempt", sa.Column("progress", sa.JSON(none_as_null=True), nullable=True))
