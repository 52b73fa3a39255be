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
        """Read the updates of the distribution in `folder`."""
        text = (folder / "data" / "bodhi.json").read_text(encoding="utf-8")
        self._updates: dict[str, dict[str, typing.Any]] = json.loads(text)

    def answer(self, alias: str) -> tuple[int, dict[str, typing.Any]]:
        """Return (HTTP status, JSON document) for `/updates/<alias>`."""
        update = self._updates.get(alias)
        if update is None:
            return 404, _UNKNOWN
        return 200, {"update": update, "can_edit": False}
