# SPDX-License-Identifier: MIT
"""Orders versions as RPM does (rpmvercmp), without RPM. Pure."""

from __future__ import annotations

import re

_PARTS = re.compile(r"[0-9]+|[A-Za-z]+|~|\^")
_SIGNS = {"~": -1, "^": 1}
_END = (0, 0, "")

Key = tuple[tuple[int, int, str], ...]


def key(text: str) -> Key:
    """What a version or release sorts by, so that `key(a) < key(b)` where RPM calls `a` older.

    RPM compares runs of digits and of letters one by one; all else only parts them. What comes next ranks so:
    a tilde, the end, a caret, letters, digits.
    """
    return (*map(_rank, _PARTS.findall(text)), _END)


def evr_key(epoch: int, version: str, release: str) -> tuple[int, Key, Key]:
    """What an epoch, version and release sort by."""
    return epoch, key(version), key(release)


def _rank(part: str) -> tuple[int, int, str]:
    if part in _SIGNS:
        return _SIGNS[part], 0, ""
    if part[0].isdigit():
        digits = part.lstrip("0")
        return 3, len(digits), digits
    return 2, 0, part
