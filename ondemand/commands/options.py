# SPDX-License-Identifier: MIT
"""The options that several commands share, said once, and what they lead to: a client, a file's text."""

from __future__ import annotations

import pathlib
from typing import Annotated

import typer

from ondemand import errors, settings
from ondemand.client import Client

Json = Annotated[bool, typer.Option("--json", help="Print JSON, for scripts.")]
BuildId = Annotated[int, typer.Argument(metavar="ID", help="The build's id.")]
Timeout = Annotated[float, typer.Option(help="Seconds to wait for the end.")]
Key = Annotated[str, typer.Option(help="Idempotency-Key: the same key makes no second build.")]
Wait = Annotated[bool, typer.Option("--wait", help="Watch it until its end.")]
References = Annotated[
    list[str] | None, typer.Argument(metavar="REFERENCE", help="Updates, builds and packages that it shall hold.")
]
Release = Annotated[str, typer.Option("--release", "-r", help="The release, see `ondemand releases`.")]
ImageType = Annotated[str, typer.Option("--type", "-t", help="live, boot or dvd.")]
Arch = Annotated[str, typer.Option(help="The architecture.")]
Add = Annotated[list[str] | None, typer.Option("--add", metavar="PACKAGE", help="Also install it.")]
Remove = Annotated[list[str] | None, typer.Option("--remove", metavar="PACKAGE", help="Leave it out.")]
AddGroup = Annotated[list[str] | None, typer.Option(metavar="GROUP", help="Also install the group.")]
RemoveGroup = Annotated[list[str] | None, typer.Option(metavar="GROUP", help="Leave it out.")]
Preset = Annotated[str, typer.Option(help="A preset of the service.")]
Kickstart = Annotated[str, typer.Option(metavar="FILE|URL", help="A kickstart of your own; a URL is fetched by the service.")]
Backend = Annotated[str, typer.Option(help="Another backend than the release's.")]


def client() -> Client:
    """The client of the service that the settings name."""
    found = settings.load()
    return Client(found.master.url, found.master.token)


def kickstart(given: str) -> dict[str, str]:
    """The request's fields for a kickstart, by its URL or the text of a file; raises errors.KickstartInvalid."""
    if given.startswith(("http://", "https://")):
        return {"kickstart_url": given}
    try:
        return {"kickstart": pathlib.Path(given).read_text("utf-8")} if given else {}
    except (OSError, UnicodeError) as error:
        raise errors.KickstartInvalid(
            f"The kickstart {given} can't be read", cause=str(error), remedy="name a readable text file"
        ) from error
