# SPDX-License-Identifier: MIT
"""Finds plugins by entry point, built-in and strangers' alike. Knows no plugin by name."""

from __future__ import annotations

import importlib.metadata
from typing import Any

from ondemand import errors


def load(group: str, name: str) -> Any:
    """The class registered as `name` in `group`; raises errors.PluginMissing where there is none."""
    found = {entry.name: entry for entry in importlib.metadata.entry_points(group=group)}
    try:
        return found[name].load()
    except KeyError:
        raise errors.PluginMissing(
            f"There is no plugin «{name}» in {group}",
            cause="no installed package registers it",
            remedy=f"install it, or use one of: {', '.join(sorted(found)) or 'none is installed'}",
        ) from None


def load_all(group: str, only: str = "") -> dict[str, Any]:
    """Every class in `group` whose room is installed, by name; just `only` where there is one of that name.

    One distribution declares the entry points of all rooms; a room that is not installed is no error.
    """
    classes = {}
    entries = importlib.metadata.entry_points(group=group)
    for entry in entries.select(name=only) if only in entries.names else entries:
        try:
            classes[entry.name] = entry.load()
        except ModuleNotFoundError:
            continue
    return classes
