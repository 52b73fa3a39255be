# SPDX-License-Identifier: MIT
"""Notes beside an attempt which processes it started, so that a later builder can end what is left.

A process is a pid with its start time: a pid alone may belong to another by then.
"""

from __future__ import annotations

import os
import pathlib
import signal
import time
from collections.abc import Iterable

NAME = "ledger"


def note(folder: pathlib.Path, pid: int) -> None:
    """Appends the process to the ledger of the attempt in `folder`, on disk before it returns."""
    with (folder / NAME).open("a") as file:
        file.write(f"{pid} {start_time(pid)}\n")
        file.flush()
        os.fsync(file.fileno())


def start_time(pid: int) -> int:
    """When the process started, in clock ticks since the machine did; -1 when there is none."""
    try:
        text = pathlib.Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return -1
    fields = text.rpartition(")")[2].split()
    return -1 if fields[0] in "ZX" else int(fields[19])


def kill(folder: pathlib.Path) -> list[int]:
    """Kills every noted process that still runs; returns their pids."""
    killed = []
    for pid, started in _read(folder / NAME):
        if started >= 0 and start_time(pid) == started:
            for end in (os.killpg, os.kill):
                try:
                    end(pid, signal.SIGKILL)
                except (ProcessLookupError, PermissionError):
                    continue
            killed.append(pid)
    return killed


def wait_for(pids: Iterable[int], seconds: float = 10) -> list[int]:
    """Returns when all of them have ended, or after `seconds`; gives those that have not."""
    until = time.monotonic() + seconds
    while (left := [pid for pid in pids if start_time(pid) >= 0]) and time.monotonic() < until:
        time.sleep(0.02)
    return left


def _read(path: pathlib.Path) -> list[tuple[int, int]]:
    try:
        lines = path.read_text().splitlines()
    except OSError:
        return []
    words = [line.split() for line in lines]
    return [(int(w[0]), int(w[1])) for w in words if len(w) == 2 and w[0].isdigit() and w[1].isdigit()]
