# SPDX-License-Identifier: MIT
"""The commands `trigger list`, `pause` and `resume`: the rules by which messages of the bus order images."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import typer

from ondemand.commands import options, output
from ondemand.wishes import RuleRecord

RuleArgument = Annotated[str, typer.Argument(metavar="RULE", help="The rule's name.")]


def list_rules(as_json: options.Json = False) -> None:
    """The rules, what they ordered in the last hour, and what waits."""
    found = options.client().rules()
    if as_json:
        output.print_json([each.model_dump(mode="json") for each in found])
        return
    table = output.table("rule", "now", "images", "ordered", "waiting")
    for each in found:
        images = " ".join((*(kind.value for kind in each.image_types), *each.arches))
        ordered = ", ".join(f"{name}: {each.ordered.get(name, 0)} of {each.hourly_cap}" for name in each.releases)
        table.add_row(each.name, _now(each), images, ordered, str(each.waiting))
    output.console.print(table)


def pause(name: RuleArgument) -> None:
    """Let a rule order nothing until it is resumed; what comes meanwhile waits."""
    _said(options.client().pause_rule(name))


def resume(name: RuleArgument) -> None:
    """Let a rule go on with what waits, the newest first."""
    _said(options.client().resume_rule(name))


COMMANDS: dict[str, Callable[..., None]] = {"list": list_rules, "pause": pause, "resume": resume}
"""Commands of the group `trigger`."""


def _said(found: RuleRecord) -> None:
    output.console.print(f"rule {found.name}: {_now(found)}, {found.waiting} waiting")


def _now(found: RuleRecord) -> str:
    if not found.enabled:
        return "switched off"
    return f"paused by {found.paused_by}" if found.paused_by else "runs"
