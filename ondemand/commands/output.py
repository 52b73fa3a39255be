# SPDX-License-Identifier: MIT
"""What commands print: lines and tables for people, JSON for scripts."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.table import Column, Table

from ondemand.builds import WantedPackage

WIDE = 1000
"""Columns of an output that is no terminal: a name that is cut short is of no use in a file."""

console = Console(
    highlight=False, soft_wrap=True, markup=False, emoji=False, width=None if sys.stdout.isatty() else WIDE
)
"""Prints what people wrote as it is, in tables, too."""


def table(*heads: str) -> Table:
    """A table with these heads; on a narrow terminal its cells are folded, never cut."""
    return Table(*(Column(head, overflow="fold") for head in heads), box=None)


def reasons(sentence: str, details: Sequence[str]) -> list[str]:
    """The sentence, and a line for each detail, unless it says them all."""
    if all(detail.rstrip(".") in sentence for detail in details):
        return [sentence]
    return [sentence, *(f"  {detail}" for detail in details)]


def wanted(packages: Iterable[WantedPackage]) -> list[str]:
    """Where each wanted package comes from, who vouches for it, and which reference brought it."""
    return [
        f"wanted: {each.nevra} from {each.origin} ({each.trust})" + (f", by {each.reference}" if each.reference else "")
        for each in packages
    ]


def print_json(data: object) -> None:
    """Prints for scripts."""
    json.dump(data, sys.stdout, indent=2)
    sys.stdout.write("\n")
