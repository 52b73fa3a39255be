# SPDX-License-Identifier: MIT
"""Published message schemas never change: `python -m tests.tools.message_schemas` adds new ones to tests/data.

It refuses to change one that is there; give the changed one a new version, in its name and its class.
"""

from __future__ import annotations

import importlib.metadata
import json
import pathlib
import sys
from typing import Any

FILE = pathlib.Path(__file__).parents[1] / "data" / "message_schemas.json"


def current() -> dict[str, dict[str, Any]]:
    """The schemas of our message classes, by name."""
    found = importlib.metadata.entry_points(group="fedora.messages")
    ours = (entry.load() for entry in found if entry.value.startswith("ondemand."))
    return {cls.body_schema["id"]: {"topic": cls.topic, "severity": cls.severity, **cls.body_schema} for cls in ours}


def published() -> dict[str, dict[str, Any]]:
    """The schemas as they were published."""
    found: dict[str, dict[str, Any]] = json.loads(FILE.read_text()) if FILE.exists() else {}
    return found


def changed() -> list[str]:
    """Names of published schemas that are other ones now, or gone."""
    now = current()
    return sorted(name for name, schema in published().items() if now.get(name) != schema)


def main() -> int:
    """Writes the file; gives the exit status."""
    if names := changed():
        print(f"These were published and can't change; give them a new version: {', '.join(names)}", file=sys.stderr)
        return 1
    FILE.write_text(json.dumps(current(), indent=1, sort_keys=True) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
