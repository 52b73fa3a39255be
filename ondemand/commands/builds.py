# SPDX-License-Identifier: MIT
"""Commands of people and scripts: build, watch, show, list, cancel, log, releases."""

from __future__ import annotations

import json
import pathlib
import sys
import time
from collections.abc import Callable
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from ondemand import build_requests, errors, settings
from ondemand.builds import BuildRecord
from ondemand.client import Client
from ondemand.states import State, Step

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON, for scripts.")]
BuildArgument = Annotated[int, typer.Argument(metavar="ID", help="The build's id.")]
TimeoutOption = Annotated[float, typer.Option(help="Seconds to wait for the end.")]
console = Console(highlight=False, soft_wrap=True)


def build(
    references: Annotated[
        list[str] | None, typer.Argument(metavar="BUILD", help="Bodhi updates and Koji builds that it shall hold.")
    ] = None,
    release: Annotated[str, typer.Option("--release", "-r", help="The release, see `ondemand releases`.")] = "",
    image_type: Annotated[str, typer.Option("--type", "-t", help="live, boot or dvd.")] = "live",
    arch: Annotated[str, typer.Option(help="The architecture.")] = "x86_64",
    add: Annotated[list[str] | None, typer.Option("--add", metavar="PACKAGE", help="Also install it.")] = None,
    remove: Annotated[list[str] | None, typer.Option("--remove", metavar="PACKAGE", help="Leave it out.")] = None,
    add_group: Annotated[list[str] | None, typer.Option(metavar="GROUP", help="Also install the group.")] = None,
    remove_group: Annotated[list[str] | None, typer.Option(metavar="GROUP", help="Leave it out.")] = None,
    preset: Annotated[str, typer.Option(help="A preset of the service.")] = "",
    kickstart: Annotated[pathlib.Path | None, typer.Option(help="A kickstart of your own.")] = None,
    name: Annotated[str, typer.Option(help="The image's name.")] = "",
    title: Annotated[str, typer.Option(help="A title for people.")] = "",
    label: Annotated[str, typer.Option(help="The volume label.")] = "",
    backend: Annotated[str, typer.Option(help="Another backend than the release's.")] = "",
    profile: Annotated[str, typer.Option(help="test (quick) or release (small).")] = "test",
    notify: Annotated[list[str] | None, typer.Option(metavar="MAIL", help="Who gets a mail at the end.")] = None,
    keep_for: Annotated[int, typer.Option(help="Days that the image is kept.")] = 14,
    key: Annotated[str, typer.Option(help="Idempotency-Key: the same key makes no second build.")] = "",
    wait: Annotated[bool, typer.Option("--wait", help="Watch it until its end.")] = False,
    timeout: TimeoutOption = 7200,
    as_json: JsonOption = False,
) -> None:
    """Ask for an image with exactly the builds you name."""
    data: dict[str, Any] = {
        "release": release,
        "image_type": image_type,
        "arch": arch,
        "builds": references or [],
        "add_packages": add or [],
        "remove_packages": remove or [],
        "add_groups": add_group or [],
        "remove_groups": remove_group or [],
        "preset": preset or None,
        "kickstart": read(kickstart) if kickstart else None,
        "name": name or None,
        "title": title or None,
        "volume_label": label or None,
        "backend": backend or None,
        "profile": profile,
        "notify": notify or [],
        "keep_for": keep_for,
    }
    record = _client().submit(build_requests.validate(data), key or None)
    if wait:
        record = _watch(record.id, timeout, quiet=as_json)
    if as_json:
        print_json(record.model_dump(mode="json", by_alias=True))
    elif not wait:
        console.print(f"build {record.id} {record.state.value}\n{record.page}")
    _exit(record)


def watch(build_id: BuildArgument, timeout: TimeoutOption = 7200) -> None:
    """Follow a build until its end; the exit status says how it ended."""
    _exit(_watch(build_id, timeout, quiet=False))


def show(build_id: BuildArgument, as_json: JsonOption = False) -> None:
    """All that is known of a build."""
    record = _client().build(build_id)
    if as_json:
        print_json(record.model_dump(mode="json", by_alias=True))
        return
    console.print(f"build {record.id}: {record.title}\nstate: {record.state.value}\npage: {record.page}", markup=False)
    for line in _facts(record):
        console.print(line, markup=False)


def list_builds(
    state: Annotated[State | None, typer.Option(help="Only builds in that state.")] = None,
    before: Annotated[int | None, typer.Option(help="Only builds with a smaller id.")] = None,
    limit: Annotated[int, typer.Option(help="How many.", min=1, max=500)] = 20,
    as_json: JsonOption = False,
) -> None:
    """List builds, the newest first."""
    found = _client().builds(state=state, before=before, limit=limit)
    if as_json:
        print_json([record.model_dump(mode="json", by_alias=True) for record in found])
        return
    table = Table("build", "state", "release", "type", "owner", "title", box=None)
    for item in found:
        request = item.request
        table.add_row(
            str(item.id), item.state.value, request.release, request.image_type.value, item.owner, item.title
        )
    console.print(table)


def cancel(build_id: BuildArgument, as_json: JsonOption = False) -> None:
    """End a build."""
    record = _client().cancel(build_id)
    if as_json:
        print_json(record.model_dump(mode="json", by_alias=True))
    else:
        console.print(f"build {record.id} {record.state.value}")


def log(
    build_id: BuildArgument,
    step: Annotated[Step, typer.Option(help="Which step's log.")] = Step.BUILD,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until the build ends.")] = False,
) -> None:
    """Print a step's log."""
    client, offset = _client(), 0
    while True:
        ended = client.build(build_id).state.final
        piece, size = client.log(build_id, step, offset)
        sys.stdout.buffer.write(piece)
        sys.stdout.buffer.flush()
        offset += len(piece)
        if offset < size:
            continue
        if ended or not follow:
            return
        time.sleep(1)


def releases(as_json: JsonOption = False) -> None:
    """The releases and what can be asked of them."""
    found = _client().releases()
    if as_json:
        print_json(found)
        return
    table = Table("release", "title", "architectures", "image types", box=None)
    for item in found:
        kinds = ", ".join(f"{kind} ({backend})" for kind, backend in item["image_types"].items())
        table.add_row(item["name"], item["title"], ", ".join(item["arches"]), kinds)
    console.print(table)


COMMANDS: dict[str, Callable[..., None]] = {
    "build": build,
    "watch": watch,
    "show": show,
    "list": list_builds,
    "cancel": cancel,
    "log": log,
    "releases": releases,
}


def _client() -> Client:
    options = settings.load()
    return Client(options.master.url, options.master.token)


def _watch(build_id: int, timeout: float, *, quiet: bool) -> BuildRecord:
    """Prints each change once: states, then steps with their seconds."""
    said: set[str] = set()
    record: BuildRecord | None = None
    for record in _client().follow(build_id, timeout=timeout):
        for line in progress(record):
            if line not in said and not quiet:
                console.print(line, markup=False)
            said.add(line)
    if record is None:
        raise errors.UnknownBuild(f"There is no build {build_id}")
    if not quiet:
        for line in _facts(record):
            console.print(line, markup=False)
    return record


def progress(record: BuildRecord) -> list[str]:
    """What has happened so far, a line each; earlier lines stay the same as the build goes on."""
    lines = [f"build {record.id} received: {record.page}"]
    for attempt in record.attempts:
        lines.append(f"attempt {attempt.number} on builder {attempt.builder}")
        for step in attempt.steps:
            if step.ended_at is not None:
                seconds = (step.ended_at - step.started_at).total_seconds()
                lines.append(f"attempt {attempt.number}: {step.step.value} {step.state.value} in {seconds:.1f} s")
        if attempt.error is not None:
            lines.append(f"attempt {attempt.number}: {attempt.error.sentence}")
    if record.state.final:
        lines.append(f"build {record.id} {record.state.value}")
    elif record.waiting:
        lines.append(f"build {record.id} {record.state.value}: {record.waiting}")
    return lines


def _facts(record: BuildRecord) -> list[str]:
    lines = []
    if record.error is not None:
        lines += [f"error: {record.error.sentence}", *(f"  {detail}" for detail in record.error.details)]
    lines += [f"warning: {warning}" for warning in record.warnings]
    lines += [f"wanted: {item.nevra} from {item.origin} ({item.trust})" for item in record.wanted]
    lines += [f"proof {proof.kind.value}: {'held' if proof.held else 'NOT HELD'}. {proof.how}" for proof in record.proofs]
    lines += [f"file: {item.url} {item.size} bytes sha256 {item.sha256}" for item in record.artifacts]
    return lines


def _exit(record: BuildRecord) -> None:
    """A refused, failed or canceled build ends the command with its error's status."""
    if record.error is not None:
        raise typer.Exit(errors.by_code(record.error.code).exit_status)
    if record.state is State.CANCELED:
        raise typer.Exit(errors.BuildCanceled.exit_status)


def read(path: pathlib.Path) -> str:
    """The text of a kickstart file; raises errors.KickstartInvalid."""
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeError) as error:
        raise errors.KickstartInvalid(
            f"The kickstart {path} can't be read", cause=str(error), remedy="name a readable text file"
        ) from error


def print_json(data: object) -> None:
    """Prints for scripts."""
    json.dump(data, sys.stdout, indent=2)
    sys.stdout.write("\n")
