# SPDX-License-Identifier: MIT
"""Every earlier revision of the tables, with rows in all of them, becomes this version's and loses none."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from typing import Any

import alembic.autogenerate
import alembic.command
import alembic.config
import alembic.migration
import alembic.script
import pytest
import sqlalchemy as sa

from ondemand_web import database, tables
from ondemand_web.builds import models

SCRIPTS = alembic.script.ScriptDirectory(str(database.MIGRATIONS))
REVISIONS = [script.revision for script in SCRIPTS.walk_revisions()][::-1]
MOMENT = datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.UTC)
ROWS = 3


@pytest.fixture
def made(empty_database_url: str) -> Iterator[database.Database]:
    """A database without tables."""
    found = database.Database(empty_database_url)
    yield found
    found.close()


def upgrade_to(made: database.Database, revision: str) -> None:
    config = alembic.config.Config()
    config.set_main_option("script_location", str(database.MIGRATIONS))
    with made.engine.execution_options(writes=True, migrates=True).begin() as connection:
        config.attributes["connection"] = connection
        alembic.command.upgrade(config, revision)
    made.engine.dispose()


def value(column: sa.Column[Any], number: int) -> Any:
    """A value that fits the column; equal numbers meet in foreign keys."""
    kind = column.type
    if isinstance(kind, sa.JSON):
        return {"number": number}
    if isinstance(kind, sa.Boolean):
        return number % 2 == 0
    if isinstance(kind, sa.DateTime):
        return MOMENT if kind.timezone else MOMENT.replace(tzinfo=None)
    if isinstance(kind, sa.Integer | sa.Numeric):
        return number
    return str(number)


def fill(made: database.Database) -> dict[str, int]:
    """Puts rows into every table; gives how many each has."""
    metadata = sa.MetaData()
    metadata.reflect(made.engine)
    with made.engine.execution_options(writes=True).begin() as connection:
        for table in metadata.sorted_tables:
            if table.name != "alembic_version":
                rows = [{c.name: value(c, number) for c in table.columns} for number in range(1, ROWS + 1)]
                connection.execute(table.insert(), rows)
    return {table.name: ROWS for table in metadata.sorted_tables if table.name != "alembic_version"}


def counted(made: database.Database, names: Iterator[str] | list[str]) -> dict[str, int]:
    with made.engine.begin() as connection:
        return {name: connection.execute(sa.select(sa.func.count()).select_from(sa.table(name))).scalar_one() for name in names}


@pytest.mark.parametrize("revision", REVISIONS)
def test_rows_of_every_revision_come_along(made: database.Database, revision: str) -> None:
    upgrade_to(made, revision)
    before = fill(made)
    made.upgrade()
    assert counted(made, list(before)) == before and len(before) > 5


def test_the_migrations_make_the_tables_that_the_code_has(made: database.Database) -> None:
    made.upgrade()
    with made.engine.connect() as connection:
        context = alembic.migration.MigrationContext.configure(connection)
        assert alembic.autogenerate.compare_metadata(context, tables.METADATA) == []


def test_artifacts_of_builds_from_before_are_kept_for_their_time(made: database.Database) -> None:
    upgrade_to(made, "0009")
    fill(made)
    with made.engine.execution_options(writes=True).begin() as connection:
        connection.execute(sa.text("UPDATE build SET artifacts_removed_at = NULL WHERE id > 1"))
    made.upgrade()
    with made.engine.begin() as connection:
        found = connection.execute(sa.select(models.Build.kept_until).order_by(models.Build.id)).scalars().all()
    assert found == [None, *[MOMENT + datetime.timedelta(days=14)] * 2]
