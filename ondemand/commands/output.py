# SPDX-License-Identifier: MIT
"""What commands print: lines and tables for people, JSON for scripts."""

from __future__ import annotations

import json
import sys

from rich.console import Console

console = Console(highlight=False, soft_wrap=True, markup=False, emoji=False)
"""Prints what people wrote as it is, in tables, too."""


def print_json(data: object) -> None:
    """Prints for scripts."""
    json.dump(data, sys.stdout, indent=2)
    sys.stdout.write("\n")
