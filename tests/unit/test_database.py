# SPDX-License-Identifier: MIT
"""The database file: whoever comes first makes it, and the others wait."""

from __future__ import annotations

import pathlib
import subprocess
import sys

import pytest

STARTS = 6
PROGRAM = "import sys; from ondemand_web.database import Database; Database(sys.argv[1]).upgrade()"


@pytest.mark.parametrize("again", range(3))
def test_processes_that_start_at_once_make_one_database(tmp_path: pathlib.Path, again: int) -> None:
    argv = [sys.executable, "-c", PROGRAM, f"sqlite:///{tmp_path / 'new.sqlite'}"]
    started = [subprocess.Popen(argv, stderr=subprocess.PIPE, text=True) for _ in range(STARTS)]
    said = [process.communicate(timeout=120)[1] for process in started]
    assert [process.returncode for process in started] == [0] * STARTS, said
