# SPDX-License-Identifier: MIT
"""The command `check`: whether an image could be made, without making one."""

from __future__ import annotations

import pathlib
from typing import Annotated

import typer

from ondemand import build_requests, settings
from ondemand.builds import CheckRecord
from ondemand.client import Client
from ondemand.commands import builds


def check(
    references: Annotated[
        list[str] | None, typer.Argument(metavar="BUILD", help="Bodhi updates and Koji builds that it shall hold.")
    ] = None,
    release: Annotated[str, typer.Option("--release", "-r", help="The release, see `ondemand releases`.")] = "",
    image_type: Annotated[str, typer.Option("--type", "-t", help="live, boot or dvd.")] = "live",
    arch: Annotated[str, typer.Option(help="The architecture.")] = "x86_64",
    add: Annotated[list[str] | None, typer.Option("--add", metavar="PACKAGE", help="Also install it.")] = None,
    remove: Annotated[list[str] | None, typer.Option("--remove", metavar="PACKAGE", help="Leave it out.")] = None,
    preset: Annotated[str, typer.Option(help="A preset of the service.")] = "",
    kickstart: Annotated[pathlib.Path | None, typer.Option(help="A kickstart of your own.")] = None,
    as_json: builds.JsonOption = False,
) -> None:
    """Say whether an image could be made and where each wanted package would come from; makes none."""
    request = build_requests.validate(
        {
            "release": release,
            "image_type": image_type,
            "arch": arch,
            "builds": references or [],
            "add_packages": add or [],
            "remove_packages": remove or [],
            "preset": preset or None,
            "kickstart": builds.read(kickstart) if kickstart else None,
        }
    )
    options = settings.load()
    found = Client(options.master.url, options.master.token).check(request)
    if as_json:
        builds.print_json(found.model_dump(mode="json"))
        return
    for line in lines(found):
        builds.console.print(line, markup=False)


def lines(found: CheckRecord) -> list[str]:
    """What a person is told."""
    head = f"It can be made with {found.backend}: {found.packages} packages"
    told = [f"{head}, {found.download_size / 1e6:.0f} MB to fetch, {found.installed_size / 1e6:.0f} MB installed."]
    told += [f"wanted: {item.nevra} from {item.origin} ({item.trust})" for item in found.wanted]
    return told + [f"warning: {warning}" for warning in found.warnings]


COMMANDS = {"check": check}
