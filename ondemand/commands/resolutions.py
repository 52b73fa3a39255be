# SPDX-License-Identifier: MIT
"""The command `resolve`: what references would become, before anything is built."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Annotated, Any

import typer

from ondemand import errors
from ondemand.commands import options, output
from ondemand.resolutions import ResolvedPackage, ResolvedReference, ResolveRecord

_NO_WORDS = ("", "none", "unspecified")
HEADS = ("reference", "build", "package", "from", "trust", "update", "in image")


def resolve(
    references: Annotated[list[str], typer.Argument(metavar="REFERENCE", help="Updates, builds and packages.")],
    release: options.Release = "",
    arch: options.Arch = "x86_64",
    image_type: Annotated[
        str, typer.Option("--type", "-t", help="live, boot or dvd: say which packages that image would install.")
    ] = "",
    add: options.Add = None,
    remove: options.Remove = None,
    add_group: options.AddGroup = None,
    remove_group: options.RemoveGroup = None,
    preset: options.Preset = "",
    kickstart: options.Kickstart = "",
    as_json: options.Json = False,
) -> None:
    """Say what references would become and where each package would come from; builds nothing."""
    given: dict[str, Any] = {
        "add_packages": add,
        "remove_packages": remove,
        "add_groups": add_group,
        "remove_groups": remove_group,
        "preset": preset,
        **options.kickstart(kickstart),
    }
    image = {name: value for name, value in given.items() if value}
    if image_type or image:
        image["image_type"] = image_type or "live"
    found = options.client().resolve(references, release, arch, **image)
    if as_json:
        output.print_json(found.model_dump(mode="json", by_alias=True))
    else:
        show(found)
    failures = [*(each.error for each in found.references), found.image.error if found.image else None]
    failed = next((error for error in failures if error), None)
    if failed is not None:
        raise typer.Exit(errors.by_code(failed.code).exit_status)


def show(found: ResolveRecord) -> None:
    """Prints the table, without columns that say nothing, and what is worth saying below it."""
    lines = [row for each in found.references for row in rows(each)]
    filled = [number for number in range(len(HEADS)) if number < 3 or any(row[number] for row in lines)]
    table = output.table(*(HEADS[number] for number in filled))
    for row in lines:
        table.add_row(*(row[number] for number in filled))
    output.console.print(table)
    for line in notes(found):
        output.console.print(line)


def rows(found: ResolvedReference) -> Iterator[tuple[str, ...]]:
    """The table's rows of one reference; what is the same as in the row above is left empty."""
    if not found.builds:
        yield found.text, "not yet known" if found.partial else "refused", "", "", "", "", ""
    text = found.text
    for build in found.builds:
        nvr = build.nvr
        for package in build.packages:
            yield text, nvr, package.nevra, package.origin, package.trust, _update(package), _presence(package.in_image)
            text, nvr = "", ""


def _update(package: ResolvedPackage) -> str:
    if package.update is None:
        return ""
    words = [word for word in (package.update.severity, package.update.kind) if word.lower() not in _NO_WORDS]
    return f"{package.update.alias} ({' '.join(words).lower()})" if words else package.update.alias


def _presence(there: bool | None) -> str:
    return "" if there is None else ("yes" if there else "no")


def notes(found: ResolveRecord) -> Iterable[str]:
    """What is worth saying below the table, each sentence once."""
    said = [f"warning: {warning}" for each in found.references for warning in each.warnings]
    said += [f"error: {each.error.sentence}" for each in found.references if each.error]
    said += [f"warning: {warning}" for warning in found.warnings]
    if found.image and found.image.error and found.image.partial:
        said.append(f"warning: {found.image.error.sentence}")
    elif found.image and found.image.error:
        said.append(f"error: the image can't be made: {found.image.error.sentence}")
    elif found.image:
        said.append(f"The {found.image.image_type.value} image would hold {found.image.packages} packages.")
    if found.partial:
        said.append("Some of it is not known yet: ask again in a moment.")
    return dict.fromkeys(said)


COMMANDS = {"resolve": resolve}
