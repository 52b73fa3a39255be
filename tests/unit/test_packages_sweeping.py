# SPDX-License-Identifier: MIT
"""Sweeping snapshots: what is wanted stays, however old; the rest is bounded."""

from __future__ import annotations

import os
import pathlib
import time

import pytest

from ondemand_web.packages import sweeping

DAY = 24 * 3600


def made(path: pathlib.Path, days: float) -> pathlib.Path:
    """A snapshot's folder that was wanted last so many days ago."""
    path.mkdir(parents=True)
    (path / "repomd.xml").write_text("x")
    return aged(path, days)


def aged(path: pathlib.Path, days: float) -> pathlib.Path:
    """The same path, as old as that."""
    os.utime(path, (time.time() - days * DAY,) * 2)
    return path


def names(number: int) -> str:
    """A snapshot's name."""
    return f"{number:064x}"


def test_of_each_repository_the_last_used_ones_stay(tmp_path: pathlib.Path) -> None:
    for repository in ("main", "updates"):
        for number in range(6):
            made(tmp_path / repository / names(number), 2 + number)
    assert sweeping.sweep(tmp_path) == 4
    assert sorted(path.name for path in (tmp_path / "main").iterdir()) == [names(number) for number in range(4)]


def test_what_was_wanted_today_stays(tmp_path: pathlib.Path) -> None:
    for number in range(9):
        made(tmp_path / "main" / names(number), number / 10)
    assert sweeping.sweep(tmp_path) == 0


def test_the_noted_newest_of_a_repository_stays_until_its_note_is_old(tmp_path: pathlib.Path) -> None:
    for number in range(6):
        made(tmp_path / "main" / names(number), 40 + number)
    (tmp_path / "newest").mkdir()
    note = tmp_path / "newest" / "f44-x86_64-main"
    note.write_text(f"{names(5)}\nhttp://mirror")
    assert sweeping.sweep(tmp_path) == 1
    assert (tmp_path / "main" / names(5)).exists()
    aged(note, 31)
    assert sweeping.sweep(tmp_path) == 1


def test_a_request_s_own_repository_stays_a_day(tmp_path: pathlib.Path) -> None:
    new, old = (made(tmp_path / "extra-mine" / names(number), days) for number, days in ((0, 0.5), (1, 1.5)))
    assert sweeping.sweep(tmp_path) == 1
    assert new.exists() and not old.exists()


@pytest.mark.parametrize(("days", "left"), [(0.5, True), (1.5, False)])
def test_what_was_left_half_written_goes_after_a_day(days: float, left: bool, tmp_path: pathlib.Path) -> None:
    snapshot = made(tmp_path / "main" / names(0), 0)
    half = made(tmp_path / "main" / ".new-folder", days)
    file = snapshot / ".new-file"
    file.write_text("x")
    aged(file, days)
    sweeping.sweep(tmp_path)
    assert (half.exists(), file.exists()) == (left, left)


def test_what_is_no_snapshot_is_not_touched(tmp_path: pathlib.Path) -> None:
    kept = [made(tmp_path / "main" / "something", 99), made(tmp_path / "catalog" / "else", 99)]
    (tmp_path / "headers").mkdir()
    old, new = tmp_path / "headers" / "a.header", tmp_path / "headers" / "b.header"
    for path, days in ((old, 31), (new, 29)):
        path.write_text("x")
        aged(path, days)
    assert sweeping.sweep(tmp_path) == 0
    assert all(path.exists() for path in (*kept, new)) and not old.exists()
