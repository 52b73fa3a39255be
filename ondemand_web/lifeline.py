# SPDX-License-Identifier: MIT
"""Ties child processes to the life of their parent, so that even a killed parent leaves none behind."""

from __future__ import annotations

import shutil


def words() -> tuple[str, ...]:
    """What stands before a child's own words: it gets TERM when its parent ends; nothing without setpriv.

    The parent is the thread that starts the child, so only a main thread may use this.
    """
    program = shutil.which("setpriv")
    return (program, "--pdeathsig", "TERM", "--") if program else ()
