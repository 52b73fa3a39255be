# SPDX-License-Identifier: MIT
"""The database file: whoever comes first makes it, and the others wait."""

from __future__ import annotations

import datetime
import pathlib
import sqlite3
import subprocess
import sys
import threading

import pytest
import sqlalchemy as sa

from ondemand_web import database

STARTS = 4
PROGRAM = "import sys; from ondemand_web.database import Database; Database(sys.argv[1]).upgrade()"


def test_processes_that_start_at_once_make_one_database(empty_database_url: str) -> None:
    argv = [sys.executable, "-c", PROGRAM, empty_database_url]
    started = [subprocess.Popen(argv, stderr=subprocess.PIPE, text=True) for _ in range(STARTS)]
    said = [process.communicate(timeout=120)[1] for process in started]
    assert [process.returncode for process in started] == [0] * STARTS, said


def test_a_start_waits_longer_for_the_tables_than_a_writer_does(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "BUSY_TIMEOUT", 0.1)
    other = sqlite3.connect(tmp_path / "new.sqlite", isolation_level=None, check_same_thread=False)
    other.execute("BEGIN EXCLUSIVE")
    threading.Timer(1.0, other.execute, ("COMMIT",)).start()
    made = database.Database(f"sqlite:///{tmp_path / 'new.sqlite'}")
    made.upgrade()
    made.close()
    other.close()


def test_a_connection_that_the_server_ended_is_replaced(empty_database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "IDLE", 0.0)
    made, other = database.Database(empty_database_url), database.Database(empty_database_url)
    ours, end = ("pg_backend_pid()", "pg_terminate_backend({})") if not made.sqlite else ("1", "{}")
    with made.reading() as session:
        number = session.execute(sa.text(f"SELECT {ours}")).scalar_one()
    with other.asking() as session:
        assert session.execute(sa.text("SELECT " + end.format(number))).scalar_one()
    with made.reading() as session:
        assert made.sqlite or session.execute(sa.text(f"SELECT {ours}")).scalar_one() != number
    made.close()
    other.close()


def test_the_servers_time_zone_keeps_no_time_from_being_read(empty_database_url: str) -> None:
    first = datetime.datetime(1, 1, 1, tzinfo=datetime.UTC)
    made = database.Database(empty_database_url)
    if not made.sqlite:
        with made.writing() as session:
            session.execute(sa.text(f"ALTER DATABASE {made.url.database} SET timezone = 'America/New_York'"))
        made.close()
    with made.reading() as session:
        kind = database.UtcDateTime()
        assert session.execute(sa.select(sa.literal(first, kind).label("at"))).scalar_one() == first
    made.close()
