# SPDX-License-Identifier: MIT
"""A control group (version 2) around what an attempt runs, where we may make one: a second net, and limits that the kernel holds.

The limits need the controllers `memory` and `pids` in the group above; systemd gives them with Delegate= and DelegateSubgroup=.
"""

from __future__ import annotations

import contextlib
import hashlib
import pathlib
import time

SUBGROUP = "builder"
"""The group of the builder itself, beside which those of its tools are made: a group with members takes no controllers."""


def create(folder: pathlib.Path, memory: int = 0, processes: int = 0) -> pathlib.Path | None:
    """A new group that belongs to the attempt in `folder`; None where the machine has none for us.

    It may use `memory` bytes and `processes`, where the machine lets us say so; 0 is no limit.
    """
    parent = _own()
    if parent is None:
        return None
    group = parent / f"{prefix(folder.parent)}{folder.name}-{time.monotonic_ns()}"
    try:
        group.mkdir()
    except OSError:
        return None
    if memory:
        _write(group, "memory.max", str(memory))
    if processes:
        _write(group, "pids.max", str(processes))
    return group


def killed(group: pathlib.Path | None) -> bool:
    """Whether the kernel ended a process of the group because of its memory."""
    with contextlib.suppress(OSError):
        words = (group / "memory.events").read_text().split() if group else []
        return "oom_kill" in words and int(words[words.index("oom_kill") + 1]) > 0
    return False


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
    if not roots or not paths:
        return None
    own = pathlib.Path(f"{roots[0]}/{paths[0].strip('/')}")
    if own.name != SUBGROUP:
        return own
    _write(own.parent, "cgroup.subtree_control", "+memory +pids")
    return own.parent


def _write(group: pathlib.Path | None, name: str, text: str) -> None:
    if group:
        try:
            (group / name).write_text(text)
        except OSError:
            return
