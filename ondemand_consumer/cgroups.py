# SPDX-License-Identifier: MIT
"""A control group (version 2) around what an attempt runs: a second net, where we may make one."""

from __future__ import annotations

import hashlib
import pathlib
import time


def create(folder: pathlib.Path) -> pathlib.Path | None:
    """A new group that belongs to the attempt in `folder`; None where the machine has none for us."""
    parent = _own()
    if parent is None:
        return None
    group = parent / f"{prefix(folder.parent)}{folder.name}-{time.monotonic_ns()}"
    try:
        group.mkdir()
    except OSError:
        return None
    return group


def enter(group: pathlib.Path | None, pid: int) -> None:
    """Moves a process into the group; its children follow it."""
    _write(group, "cgroup.procs", str(pid))


def end(group: pathlib.Path | None) -> None:
    """Kills all that is in the group and removes it."""
    _write(group, "cgroup.kill", "1")
    for _ in range(50):
        try:
            if group:
                group.rmdir()
            return
        except FileNotFoundError:
            return
        except OSError:
            time.sleep(0.02)


def left_over(attempts: pathlib.Path) -> list[pathlib.Path]:
    """The groups of all attempts below that folder."""
    parent = _own()
    return sorted(parent.glob(f"{prefix(attempts)}*")) if parent else []


def prefix(attempts: pathlib.Path) -> str:
    """What the names of this folder's groups begin with; another builder's begin otherwise."""
    return f"ondemand-{hashlib.sha256(str(attempts.resolve()).encode()).hexdigest()[:12]}-"


def _own() -> pathlib.Path | None:
    try:
        mounts = pathlib.Path("/proc/self/mountinfo").read_text().splitlines()
        groups = pathlib.Path("/proc/self/cgroup").read_text().splitlines()
    except OSError:
        return None
    roots = [line.split()[4] for line in mounts if " - cgroup2 " in line]
    paths = [line.removeprefix("0::/") for line in groups if line.startswith("0::/")]
    return pathlib.Path(roots[0], paths[0]) if roots and paths else None


def _write(group: pathlib.Path | None, name: str, text: str) -> None:
    if group:
        try:
            (group / name).write_text(text)
        except OSError:
            return
