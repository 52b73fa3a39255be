# SPDX-License-Identifier: MIT
"""Which attempt of a failed build left a picture that is kept."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Adds `build.pictured`; builds that failed before keep none."""
    op.add_column("build", sa.Column("pictured", sa.Integer(), nullable=True))
