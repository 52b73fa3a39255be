# SPDX-License-Identifier: MIT
"""Reads the lists in `files`: one word a line, `#` opens a comment line."""

from __future__ import annotations

import pathlib


def words(name: str) -> list[str]:
    """Return the words of the list called `name`."""
    text = (pathlib.Path(__file__).parent / "files" / name).read_text(encoding="utf-8")
    return [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]
