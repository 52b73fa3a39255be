# SPDX-License-Identifier: MIT
"""The command `resolve`: what references would become, before anything is built."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import typer
from rich.table import Table

from ondemand import errors, settings
from ondemand.client import Client
from ondemand.commands import builds
from ondemand.resolutions import ResolvedReference


def resolve(
    references: Annotated[list[str], typer.Argument(metavar="REFERENCE", help="Updates, builds and packages.")],
    release: Annotated[str, typer.Option("--release", "-r", help="The release, see `ondemand releases`.")] = "",
    arch: Annotated[str, typer.Option(help="The architecture.")] = "x86_64",
    as_json: builds.JsonOption = False,
) -> None:
    """Say what references would become and where each package would come from; builds nothing."""
    options = settings.load()
    found = Client(options.master.url, options.master.token).resolve(references, release, arch)
    if as_json:
        builds.print_json(found.model_dump(mode="json", by_alias=True))
    else:
        table = Table("reference", "build", "package", "from", "trust", box=None)
        for each in found.references:
            for row in rows(each):
                table.add_row(*row)
        builds.console.print(table)
        for line in (line for each in found.references for line in notes(each)):
            builds.console.print(line, markup=False)
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
