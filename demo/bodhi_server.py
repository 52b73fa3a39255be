# SPDX-License-Identifier: MIT
"""Answers Bodhi's JSON addresses from the demo's updates.

Read-only; knows nothing of HTTP beyond path and status.
"""

from __future__ import annotations

import json
import pathlib
import typing

_UNKNOWN = {
    "status": "error",
    "errors": [{"location": "url", "name": "id", "description": "Invalid update id"}],
}


class Bodhi:
    """The updates of one distribution."""

    def __init__(self, folder: pathlib.Path) -> None:
        """Answer from the distribution in `folder`."""
        self._file = folder / "data" / "bodhi.json"

    def answer(self, alias: str) -> tuple[int, dict[str, typing.Any]]:
        """Return (HTTP status, JSON document) for `/updates/<alias>`, as the file has it now: updates get edited."""
        updates: dict[str, dict[str, typing.Any]] = json.loads(self._file.read_text(encoding="utf-8"))
        update = updates.get(alias)
        if update is None:
            return 404, _UNKNOWN
        return 200, {"update": update, "can_edit": False}
