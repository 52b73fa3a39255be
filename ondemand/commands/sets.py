# SPDX-License-Identifier: MIT
"""The commands `set add`, `remove`, `show` and `list`: named lists of references that many requests share."""

from __future__ import annotations

from typing import Annotated

import typer

from ondemand import errors
from ondemand.commands import options, output
from ondemand.reference_sets import SetRecord

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="The set's name.")]
app = typer.Typer(help="Named lists of references that many requests share.", no_args_is_help=True)


@app.command()
def add(
    name: NameArgument,
    references: Annotated[list[str], typer.Argument(metavar="REFERENCE", help="Updates, builds, tags, packages.")],
) -> None:
    """Add references; makes the set where there is none."""
    client = options.client()
    try:
        held: tuple[str, ...] = (found := client.reference_set(name)).references
        version = found.version
    except errors.UnknownSet:
        held, version = (), 0
    _said(client.put_set(name, list(dict.fromkeys((*held, *references))), version))


@app.command()
def remove(
    name: NameArgument,
    references: Annotated[list[str] | None, typer.Argument(metavar="REFERENCE", help="What to take out.")] = None,
    whole: Annotated[bool, typer.Option("--all", help="Remove the set itself.")] = False,
) -> None:
    """Take references out, or with --all remove the set."""
    if bool(references) == whole:
        raise typer.BadParameter("name references, or --all for the set itself")
    client = options.client()
    if whole:
        client.remove_set(name)
        output.console.print(f"set {name} is removed")
        return
    found = client.reference_set(name)
    if missing := [text for text in references or () if text not in found.references]:
        raise errors.UnknownReference(
            f"Set {name} does not hold {', '.join(missing)}", remedy=f"see what it holds with `ondemand set show {name}`"
        )
    left = [text for text in found.references if text not in (references or ())]
    _said(client.put_set(name, left, found.version))


@app.command()
def show(
    name: NameArgument,
    version: Annotated[int, typer.Option(help="Which version; else the newest.", min=0)] = 0,
    as_json: options.Json = False,
) -> None:
    """What a set holds."""
    found = options.client().reference_set(name, version or None)
    if as_json:
        output.print_json(found.model_dump(mode="json"))
        return
    _said(found)
    for text in found.references:
        output.console.print(text)


@app.command("list")
def list_sets(as_json: options.Json = False) -> None:
    """The sets that there are."""
    found = options.client().reference_sets()
    if as_json:
        output.print_json([each.model_dump(mode="json") for each in found])
        return
    table = output.table("set", "version", "references", "owner")
    for each in found:
        table.add_row(each.name, str(each.version), str(len(each.references)), each.owner)
    output.console.print(table)


def _said(found: SetRecord) -> None:
    count = len(found.references)
    output.console.print(f"set:{found.name}@{found.version}: {count} reference{'' if count == 1 else 's'}")
