# SPDX-License-Identifier: MIT
"""Builds that are another one made again."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Adds `build.rebuild_of` and `build.same_lock`; no build before was one."""
    op.add_column("build", sa.Column("rebuild_of", sa.Integer(), nullable=True))
    op.add_column("build", sa.Column("same_lock", sa.Boolean(), nullable=False, server_default=sa.false()))
