# SPDX-License-Identifier: MIT
"""Commands `diff` and `compare`: what differs between the packages of two builds, and between the builds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import typer

from ondemand.commands import options, output
from ondemand.comparisons import Boot, Comparison
from ondemand.differences import Differences
from ondemand.states import Step


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


def compare(
    old: Annotated[int, typer.Argument(metavar="OLD", help="The build to compare with.")],
    new: Annotated[int, typer.Argument(metavar="NEW", help="The build that is compared.")],
    as_json: options.Json = False,
) -> None:
    """Two builds side by side, as when the toolchain changes: packages, size, time, boot and tools."""
    found = options.client().comparison(old, new)
    if as_json:
        output.print_json(found.model_dump(mode="json"))
        return
    table = output.table("", f"build {old}", f"build {new}")
    for row in rows(found):
        table.add_row(*row)
    output.console.print(table)
    for line in (*found.remarks, *lines(found.packages)):
        output.console.print(line)


def rows(found: Comparison) -> list[tuple[str, str, str]]:
    """What is side by side: a name and both values."""
    one, other = found.old, found.new
    named = [("state", one.state.value, other.state.value), ("backend", one.backend, other.backend)]
    named += [("profile", one.profile, other.profile), ("builder", one.builder, other.builder)]
    named += [(tool, one.tools.get(tool), other.tools.get(tool)) for tool in sorted({*one.tools, *other.tools})]
    named += [("image", _bytes(one.size), _bytes(other.size))]
    named += [(f"step {step.value}", _took(one.steps.get(step)), _took(other.steps.get(step))) for step in Step]
    named += [("all steps", _took(one.seconds), _took(other.seconds))]
    boots = [_boot(side.boot) for side in (one, other)]
    named += [(name, boots[0].get(name), boots[1].get(name)) for name in ("boots", "boot took", "booted with", "failed units")]
    return [(name, was or "-", now or "-") for name, was, now in named]


def _boot(boot: Boot | None) -> dict[str, str | None]:
    if boot is None:
        return {}
    units = ", ".join(boot.failed_units) or "none"
    held = "yes" if boot.held else "NO"
    return {"boots": held, "boot took": _took(boot.seconds), "booted with": boot.acceleration, "failed units": units}


def _took(seconds: float | None) -> str | None:
    return None if seconds is None else f"{seconds} s"


def _bytes(size: int | None) -> str | None:
    return None if size is None else f"{size} bytes"


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


COMMANDS: dict[str, Callable[..., None]] = {"compare": compare, "diff": diff}
