# SPDX-License-Identifier: MIT
"""The queue's index has the whole order in which builds are taken: else who claims sorts all that wait, while PostgreSQL's
statistics are older than the flood."""

from __future__ import annotations

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Adds `id` to `build_queue`."""
    op.drop_index("build_queue", "build")
    op.create_index("build_queue", "build", ["state", "turn", "id"])
