# SPDX-License-Identifier: MIT
"""Command `diff`: what differs between the packages of two builds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import typer

from ondemand.commands import options, output
from ondemand.differences import Differences


def diff(
    old: Annotated[int, typer.Argument(metavar="OLD", help="The build to compare with.")],
    new: Annotated[int, typer.Argument(metavar="NEW", help="The build that is compared.")],
    as_json: options.Json = False,
) -> None:
    """What changes from one build's packages to another's."""
    found = options.client().differences(old, new)
    if as_json:
        output.print_json(found.model_dump(mode="json"))
        return
    for line in lines(found):
        output.console.print(line)


def lines(found: Differences) -> list[str]:
    """A line for each package that differs, then the counts and sizes."""
    said = [f"added    {change.new}" for change in found.added]
    said += [f"removed  {change.old}" for change in found.removed]
    said += [f"up       {change.old} -> {change.new}" for change in found.up]
    said += [f"down     {change.old} -> {change.new}" for change in found.down]
    said += [f"rebuilt  {change.new}, the same name with other bytes" for change in found.rebuilt]
    said.append(f"{found.unchanged} packages are unchanged")
    if found.uncompared:
        said.append(f"{found.uncompared} of them by name alone, as the locks know no common digest")
    for name, sizes in (("download", found.download_size), ("installed", found.installed_size)):
        said.append(f"{name} size {sizes.old} -> {sizes.new} bytes ({sizes.new - sizes.old:+d})")
    return said


COMMANDS: dict[str, Callable[..., None]] = {"diff": diff}
