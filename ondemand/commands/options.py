# SPDX-License-Identifier: MIT
"""The options that several commands share, said once, and what they lead to: a client, a file's text."""

from __future__ import annotations

import pathlib
from collections.abc import Sequence
from typing import Annotated

import typer

from ondemand import descriptions, errors, settings
from ondemand.client import Client

Json = Annotated[bool, typer.Option("--json", help="Print JSON, for scripts.")]
BuildId = Annotated[int, typer.Argument(metavar="ID", help="The build's id.")]
Timeout = Annotated[float, typer.Option(help="Seconds to wait for the end.")]
Key = Annotated[str, typer.Option(help="Idempotency-Key: the same key makes no second build.")]
Wait = Annotated[bool, typer.Option("--wait", help="Watch it until its end.")]
References = Annotated[
    list[str] | None, typer.Argument(metavar="REFERENCE", help="Updates, builds and packages that it shall hold.")
]
Release = Annotated[
    str, typer.Option("--release", "-r", help="The release, see `ondemand releases`; else the only one, or the named builds' own.")
]
ImageType = Annotated[str, typer.Option("--type", "-t", help="live, boot or dvd.")]
Arch = Annotated[str, typer.Option(help="The architecture.")]
Add = Annotated[list[str] | None, typer.Option("--add", metavar="PACKAGE", help="Also install it.")]
Remove = Annotated[list[str] | None, typer.Option("--remove", metavar="PACKAGE", help="Leave it out.")]
AddGroup = Annotated[list[str] | None, typer.Option(metavar="GROUP", help="Also install the group.")]
RemoveGroup = Annotated[list[str] | None, typer.Option(metavar="GROUP", help="Leave it out.")]
Preset = Annotated[str, typer.Option(help="A preset of the service.")]
Kickstart = Annotated[str, typer.Option(metavar="FILE|URL", help="A kickstart of your own; a URL is fetched by the service.")]
Description = Annotated[
    str, typer.Option(metavar="FOLDER", help="A kiwi description of your own; needs the permission own_code.")
]
DescriptionProfile = Annotated[str, typer.Option(help="Its profile, in place of those that it imports itself.")]
Repository = Annotated[
    list[str] | None, typer.Option(metavar="NAME=URL", help="A further repository; needs the permission own_code.")
]
RepositoryKey = Annotated[
    list[str] | None, typer.Option(metavar="NAME=FILE", help="Its armored public key: every RPM there has to be signed by it.")
]
Backend = Annotated[str, typer.Option(help="Another backend than the release's.")]


def client() -> Client:
    """The client of the service that the settings name."""
    found = settings.load()
    return Client(found.master.url, found.master.token)


def release(given: str, references: Sequence[str], asked: Client) -> str:
    """The release that is named; else the only one that there is, or the one whose builds the references name."""
    if given:
        return given
    offered = asked.releases()
    own = [each for each in offered if any(text.endswith(f".{each.get('dist_tag') or '?'}") for text in references)]
    fitting = [str(each["name"]) for each in (offered if len(offered) == 1 else own)]
    if len(fitting) != 1:
        names = ", ".join(str(each["name"]) for each in offered)
        raise errors.InvalidRequest(
            "No release is named",
            cause="the service makes images of several" if offered else "the service has none to offer",
            remedy=f"name one with --release: {names}" if offered else "ask the operator to define one",
        )
    return fitting[0]


def repositories(given: Sequence[str] | None, keys: Sequence[str] | None) -> list[dict[str, str]]:
    """The request's further repositories; raises errors.InvalidRequest for a key that can't be read or has none."""
    found = [{"name": name, "url": url} for name, _, url in (text.partition("=") for text in given or ())]
    for name, _, file in (text.partition("=") for text in keys or ()):
        owner = next((each for each in found if each["name"] == name), None)
        if owner is None:
            raise errors.InvalidRequest(f"The key of «{name}» is of no repository", remedy="name it with --repository NAME=URL")
        owner["key"] = _text(file, errors.InvalidRequest, f"The key {file}")
    return found


def kickstart(given: str) -> dict[str, str]:
    """The request's fields for a kickstart, by its URL or the text of a file; raises errors.KickstartInvalid."""
    if given.startswith(("http://", "https://")):
        return {"kickstart_url": given}
    return {"kickstart": _text(given, errors.KickstartInvalid, f"The kickstart {given}")} if given else {}


def description(folder: str, profile: str) -> dict[str, object]:
    """The request's field for a kiwi description; raises errors.InvalidRequest for what a request can't hold."""
    if not folder:
        return {}
    found = descriptions.read(pathlib.Path(folder), None, None)
    try:
        texts = {path: content.decode() for path, content in found.contents().items()}
    except UnicodeError as error:
        raise errors.InvalidRequest(
            f"The description {folder} can't be sent",
            cause="a file of it is no text",
            remedy="let config.sh make that file, or ask the operator for a preset",
        ) from error
    return {"description": {"files": texts, "main": found.main, "profile": profile or None}}


def _text(file: str, kind: type[errors.RequestError], what: str) -> str:
    try:
        return pathlib.Path(file).read_text("utf-8")
    except (OSError, UnicodeError) as error:
        raise kind(f"{what} can't be read", cause=str(error), remedy="name a readable text file") from error
