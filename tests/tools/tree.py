# SPDX-License-Identifier: MIT
"""The files of this project, without what was built or installed beside them."""

from __future__ import annotations

import os
import pathlib

ROOT = pathlib.Path(__file__).resolve().parents[2]
LEFT_OUT = {"build", "dist", "node_modules", "__pycache__"}


def files(pattern: str) -> list[pathlib.Path]:
    """Files whose name matches, sorted; folders that begin with a dot count only as `.ci`."""
    found = []
    for folder, below, names in os.walk(ROOT):
        below[:] = [name for name in below if name not in LEFT_OUT and (name[0] != "." or name == ".ci")]
        found += [file for name in names if (file := pathlib.Path(folder, name)).match(pattern)]
    return sorted(found)


def python() -> list[pathlib.Path]:
    """All Python files."""
    return files("*.py")
