# SPDX-License-Identifier: MIT
"""The command `upload`: RPM files of one's own, to be named in requests."""

from __future__ import annotations

import pathlib
import sys
from typing import Annotated

import typer

from ondemand import errors
from ondemand.commands import options, output
from ondemand.uploads import KIND, UploadList, UploadRecord

_MAGIC = b"\xed\xab\xee\xdb"


def upload(
    files: Annotated[list[pathlib.Path] | None, typer.Argument(metavar="FILE", help="RPM files.")] = None,
    list_all: Annotated[bool, typer.Option("--list", help="Print your uploads.")] = False,
    remove: Annotated[list[str] | None, typer.Option(metavar="REFERENCE", help="Remove an upload.")] = None,
    as_json: options.Json = False,
) -> None:
    """Upload RPM files of your own and print the reference of each, in their order.

    Name the references in `ondemand build`, `check` or `resolve`, as in
    `ondemand build -r f44 $(ondemand upload bash-*.rpm)`. You need the permission `own_code`.
    """
    if (bool(files) + list_all + bool(remove)) != 1:
        raise typer.BadParameter("name RPM files, or one of --list and --remove")
    client = options.client()
    for reference in remove or ():
        client.remove_upload(reference.removeprefix(f"{KIND}:"))
    if remove:
        return
    found = client.uploads()
    if list_all:
        _listed(found, as_json=as_json)
        return
    for path in files or ():
        _require(path, found.max_rpm)
    made = [_said(client.upload(path), as_json=as_json) for path in files or ()]
    if as_json:
        output.print_json([record.model_dump(mode="json") for record in made])


def _require(path: pathlib.Path, limit: int) -> None:
    """Refuses here what the service would refuse after all of it was sent."""
    try:
        with path.open("rb") as file:
            magic, size = file.read(4), path.stat().st_size
    except OSError as error:
        raise errors.InvalidRequest(f"{path} can't be read", cause=f"of «{error.strerror}»", remedy="name an RPM file") from error
    if magic != _MAGIC:
        raise errors.WrongDigest(f"{path} is no RPM file", cause="it does not begin as one", remedy="name another file")
    if size > limit:
        raise errors.InvalidRequest(
            f"{path} is too large",
            cause=f"it has {size} bytes and the service takes {limit}",
            remedy="ask the operator to raise `master.max_rpm`",
        )


def _said(record: UploadRecord, *, as_json: bool) -> UploadRecord:
    if not as_json:
        output.console.print(record.reference)
        told = f"{record.nevra}, {record.size} bytes, kept until {_moment(record)} and while it is used"
        print(told, file=sys.stderr, flush=True)
    return record


def _listed(found: UploadList, *, as_json: bool) -> None:
    if as_json:
        output.print_json(found.model_dump(mode="json"))
        return
    table = output.table("reference", "package", "bytes", "kept until")
    for record in found.uploads:
        table.add_row(record.reference, record.nevra, str(record.size), _moment(record))
    output.console.print(table)
    output.console.print(f"{found.used} of {found.limit} bytes are used")


def _moment(record: UploadRecord) -> str:
    return record.kept_until.strftime("%Y-%m-%d %H:%M UTC")


COMMANDS = {"upload": upload}
