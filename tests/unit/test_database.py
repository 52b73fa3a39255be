# SPDX-License-Identifier: MIT
"""The database file: whoever comes first makes it, and the others wait."""

from __future__ import annotations

import pathlib
import sqlite3
import subprocess
import sys
import threading

import pytest

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
