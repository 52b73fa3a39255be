# SPDX-License-Identifier: MIT
"""Duties find their next piece by an index, however many builds have ended; so do lists of builds in one state."""

from __future__ import annotations

import datetime
from typing import Any

import sqlalchemy as sa
from alembic import op

from ondemand_web.database import UtcDateTime

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_KEEP_FOR = 14
"""Days, of a request that does not say."""
_BUILD = sa.table(
    "build",
    sa.column("id", sa.Integer()),
    sa.column("request", sa.JSON()),
    sa.column("ended_at", UtcDateTime()),
    sa.column("winner", sa.Integer()),
    sa.column("pictured", sa.Integer()),
    sa.column("artifacts_removed_at", UtcDateTime()),
    sa.column("kept_until", UtcDateTime()),
)


def upgrade() -> None:
    """Adds `build.kept_until`, and indexes; one of deadlines alone led past every attempt that ever was."""
    op.add_column("build", sa.Column("kept_until", UtcDateTime(), nullable=True))
    _fill(op.get_bind())
    op.create_index("ix_build_kept_until", "build", ["kept_until"])
    op.create_index("build_by_state", "build", ["state", "id"])
    op.drop_index("ix_attempt_deadline", "attempt")
    op.create_index("attempt_running", "attempt", ["ended_at", "deadline"])
    op.create_index("attempt_to_sweep", "attempt", ["swept_at", "ended_at"])
    op.create_index("ix_event_at", "event", ["at"])


def _fill(connection: sa.Connection) -> None:
    shown = sa.or_(_BUILD.c.winner.is_not(None), _BUILD.c.pictured.is_not(None))
    wanted = sa.and_(shown, _BUILD.c.artifacts_removed_at.is_(None), _BUILD.c.ended_at.is_not(None))
    rows = connection.execute(sa.select(_BUILD.c.id, _BUILD.c.ended_at, _BUILD.c.request).where(wanted)).all()
    of_id = _BUILD.c.id == sa.bindparam("of")
    values = [{"of": row.id, "until": row.ended_at + datetime.timedelta(days=_days(row.request))} for row in rows]
    if values:
        connection.execute(sa.update(_BUILD).where(of_id).values(kept_until=sa.bindparam("until", type_=UtcDateTime())), values)


def _days(request: Any) -> int:
    return int(request.get("keep_for", _KEEP_FOR))
