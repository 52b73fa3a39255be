# SPDX-License-Identifier: MIT
"""`make demo` beside another one."""

from __future__ import annotations

import contextlib
import fcntl
import subprocess
import sys

from demo import run


def test_a_second_demo_leaves_the_first_one_alone() -> None:
    run.BUILD.mkdir(exist_ok=True)
    with (run.BUILD / "demo.lock").open("a") as lock:
        with contextlib.suppress(OSError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        argv = [sys.executable, "-m", "demo.run"]
        done = subprocess.run(argv, cwd=run.BUILD.parent, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1 and done.stderr.startswith("demo: A demo of this folder is still up")
