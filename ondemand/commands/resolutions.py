# SPDX-License-Identifier: MIT
"""The command `resolve`: what references would become, before anything is built."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import typer

from ondemand import errors
from ondemand.commands import options, output
from ondemand.resolutions import ResolvedReference


def resolve(
    references: Annotated[list[str], typer.Argument(metavar="REFERENCE", help="Updates, builds and packages.")],
    release: options.Release = "",
    arch: options.Arch = "x86_64",
    as_json: options.Json = False,
) -> None:
    """Say what references would become and where each package would come from; builds nothing."""
    found = options.client().resolve(references, release, arch)
    if as_json:
        output.print_json(found.model_dump(mode="json", by_alias=True))
    else:
        table = output.table("reference", "build", "package", "from", "trust")
        for each in found.references:
            for row in rows(each):
                table.add_row(*row)
        output.console.print(table)
        for line in (line for each in found.references for line in notes(each)):
            output.console.print(line)
    failed = next((each.error for each in found.references if each.error), None)
    if failed is not None:
        raise typer.Exit(errors.by_code(failed.code).exit_status)


def rows(found: ResolvedReference) -> Iterator[tuple[str, str, str, str, str]]:
    """The table's rows of one reference; what is the same as in the row above is left empty."""
    if not found.builds:
        yield found.text, "not yet known" if found.partial else "refused", "", "", ""
    text = found.text
    for build in found.builds:
        nvr = build.nvr
        for package in build.packages:
            yield text, nvr, package.nevra, package.origin, package.trust
            text, nvr = "", ""


def notes(found: ResolvedReference) -> Iterator[str]:
    """What is worth saying below the table."""
    for warning in found.warnings:
        yield f"warning: {warning}"
    if found.error is not None:
        yield f"error: {found.error.sentence}"


COMMANDS = {"resolve": resolve}
