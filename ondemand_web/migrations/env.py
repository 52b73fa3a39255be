# SPDX-License-Identifier: MIT
"""Runs migrations on the connection that ondemand_web.database hands over."""

from __future__ import annotations

from alembic import context

from ondemand_web import tables

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=tables.METADATA,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
