# SPDX-License-Identifier: MIT
"""Events also tell of builders and wishes, and a builder is known to be there or not."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Gives events and deliveries their subject, and builders `present`."""
    for table in ("event", "delivery"):
        op.add_column(table, sa.Column("subject", sa.String(), nullable=True))
        op.execute(f"UPDATE {table} SET subject = 'build/' || build_id")  # noqa: S608
    with op.batch_alter_table("event", naming_convention=_NAMES) as event:
        event.alter_column("subject", existing_type=sa.String(), nullable=False)
        event.alter_column("build_id", existing_type=sa.Integer(), nullable=True)
        event.drop_constraint("event_build_id_seq_key", type_="unique")
        event.create_unique_constraint("event_in_order", ["subject", "seq"])
        event.create_index("ix_event_build_id", ["build_id"])
    with op.batch_alter_table("delivery", naming_convention=_NAMES) as delivery:
        delivery.alter_column("subject", existing_type=sa.String(), nullable=False)
        delivery.drop_constraint("delivery_build_id_fkey", type_="foreignkey")
        delivery.drop_column("build_id")
    op.add_column("builder", sa.Column("present", sa.Boolean(), nullable=False, server_default=sa.false()))


_NAMES = {"uq": "%(table_name)s_%(column_0_N_name)s_key", "fk": "%(table_name)s_%(column_0_name)s_fkey"}
"""How PostgreSQL called what SQLite left without a name."""
