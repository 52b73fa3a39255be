# SPDX-License-Identifier: MIT
"""Commands of people and scripts: build, rebuild, watch, show, list, cancel, log, releases, presets."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Annotated, Any

import typer

from ondemand import build_requests, errors
from ondemand.builds import BuildRecord
from ondemand.client import Client
from ondemand.commands import options, output
from ondemand.states import State, Step


def build(
    references: options.References = None,
    release: options.Release = "",
    image_type: options.ImageType = "live",
    arch: options.Arch = "x86_64",
    add: options.Add = None,
    remove: options.Remove = None,
    add_group: options.AddGroup = None,
    remove_group: options.RemoveGroup = None,
    preset: options.Preset = "",
    kickstart: options.Kickstart = "",
    description: options.Description = "",
    description_profile: options.DescriptionProfile = "",
    repository: options.Repository = None,
    repository_key: options.RepositoryKey = None,
    name: Annotated[str, typer.Option(help="The image's name.")] = "",
    title: Annotated[str, typer.Option(help="A title for people.")] = "",
    label: Annotated[str, typer.Option(help="The volume label.")] = "",
    backend: options.Backend = "",
    profile: Annotated[str, typer.Option(help="test (quick) or release (small).")] = "test",
    notify: Annotated[list[str] | None, typer.Option(metavar="MAIL", help="Who gets a mail at the end.")] = None,
    keep_for: Annotated[int, typer.Option(help="Days that the image is kept.")] = 14,
    key: options.Key = "",
    wait: options.Wait = False,
    timeout: options.Timeout = 7200,
    as_json: options.Json = False,
) -> None:
    """Ask for an image with exactly the builds you name."""
    client = options.client()
    data: dict[str, Any] = {
        "release": options.release(release, references or (), client),
        "image_type": image_type,
        "arch": arch,
        "builds": references or [],
        "add_packages": add or [],
        "remove_packages": remove or [],
        "add_groups": add_group or [],
        "remove_groups": remove_group or [],
        "preset": preset or None,
        **options.kickstart(kickstart),
        **options.description(description, description_profile),
        "repositories": options.repositories(repository, repository_key),
        "name": name or None,
        "title": title or None,
        "volume_label": label or None,
        "backend": backend or None,
        "profile": profile,
        "notify": notify or [],
        "keep_for": keep_for,
    }
    record = client.submit(build_requests.validate(data), key or None)
    _told(record, timeout if wait else None, as_json=as_json)


def rebuild(
    build_id: options.BuildId,
    same_lock: Annotated[bool, typer.Option("--same-lock", help="Build exactly what that build's lock names.")] = False,
    key: options.Key = "",
    wait: options.Wait = False,
    timeout: options.Timeout = 7200,
    as_json: options.Json = False,
) -> None:
    """Ask for a build again, with a new lock unless you want the same."""
    record = options.client().rebuild(build_id, same_lock=same_lock, key=key or None)
    _told(record, timeout if wait else None, as_json=as_json)


def watch(
    build_id: options.BuildId,
    timeout: options.Timeout = 7200,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the build's record at each change, a JSON object a line; the last is final.")
    ] = False,
) -> None:
    """Follow a build until its end; the exit status says how it ended."""
    if not as_json:
        _exit(_watch(build_id, timeout, quiet=False))
        return
    for record in options.client().follow(build_id, timeout=timeout):
        print(record.model_dump_json(by_alias=True), flush=True)
    _exit(record)


def show(build_id: options.BuildId, as_json: options.Json = False) -> None:
    """All that is known of a build."""
    record = options.client().build(build_id)
    if as_json:
        output.print_json(record.model_dump(mode="json", by_alias=True))
        return
    output.console.print(f"build {record.id}: {record.title}\nstate: {record.state.value}\npage: {record.page}")
    for line in _facts(record):
        output.console.print(line)


def list_builds(
    state: Annotated[State | None, typer.Option(help="Only builds in that state.")] = None,
    before: Annotated[int | None, typer.Option(help="Only builds with a smaller id.")] = None,
    limit: Annotated[int, typer.Option(help="How many.", min=1, max=500)] = 20,
    as_json: options.Json = False,
) -> None:
    """List builds, the newest first."""
    found = options.client().builds(state=state, before=before, limit=limit)
    if as_json:
        output.print_json([record.model_dump(mode="json", by_alias=True) for record in found])
        return
    table = output.table("build", "state", "release", "type", "owner", "title")
    for item in found:
        request = item.request
        table.add_row(
            str(item.id), item.state.value, request.release, request.image_type.value, item.owner, item.title
        )
    output.console.print(table)


def cancel(build_id: options.BuildId, as_json: options.Json = False) -> None:
    """End a build."""
    record = options.client().cancel(build_id)
    if as_json:
        output.print_json(record.model_dump(mode="json", by_alias=True))
    else:
        output.console.print(f"build {record.id} {record.state.value}")


def log(
    build_id: options.BuildId,
    step: Annotated[Step, typer.Option(help="Which step's log.")] = Step.BUILD,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until the build ends, through every attempt.")] = False,
) -> None:
    """Print a step's log of the newest attempt."""
    client, number, offset = options.client(), 0, 0
    while True:
        record = client.build(build_id)
        for attempt in [item for item in record.attempts if item.number >= number] if number else record.attempts[-1:]:
            if attempt.number != number:
                number, offset = attempt.number, 0
                if follow:
                    print(f"attempt {number} on builder {attempt.builder}", file=sys.stderr, flush=True)
            offset = _print_log(client, build_id, step, number, offset)
        if record.state.final or not follow:
            return
        time.sleep(1)


def releases(as_json: options.Json = False) -> None:
    """The releases and what can be asked of them."""
    found = options.client().releases()
    if as_json:
        output.print_json(found)
        return
    table = output.table("release", "title", "architectures", "image types")
    for item in found:
        kinds = ", ".join(f"{kind} ({backend})" for kind, backend in item["image_types"].items())
        table.add_row(item["name"], item["title"], ", ".join(item["arches"]), kinds)
    output.console.print(table)


def presets(as_json: options.Json = False) -> None:
    """What an image can begin from."""
    found = options.client().presets()
    if as_json:
        output.print_json(found)
        return
    table = output.table("preset", "kind", "title", "commit", "profile")
    for item in found:
        table.add_row(*(str(item.get(name) or "") for name in ("name", "kind", "title", "commit", "profile")))
    output.console.print(table)


COMMANDS: dict[str, Callable[..., None]] = {
    "build": build,
    "rebuild": rebuild,
    "watch": watch,
    "show": show,
    "list": list_builds,
    "cancel": cancel,
    "log": log,
    "releases": releases,
    "presets": presets,
}


def _print_log(client: Client, build_id: int, step: Step, attempt: int, offset: int) -> int:
    """Prints what an attempt's log has from `offset` on; gives its size."""
    while True:
        piece, size = client.log(build_id, step, offset, attempt)
        sys.stdout.buffer.write(piece)
        sys.stdout.buffer.flush()
        offset += len(piece)
        if not piece or offset >= size:
            return offset


def _told(record: BuildRecord, wait: float | None, *, as_json: bool) -> None:
    """Says what was asked for, with `wait` seconds how it ends, and exits so."""
    if wait is not None:
        record = _watch(record.id, wait, quiet=as_json)
    if as_json:
        output.print_json(record.model_dump(mode="json", by_alias=True))
    elif wait is None:
        output.console.print(f"build {record.id} {record.state.value}\n{record.page}")
    _exit(record)


def _watch(build_id: int, timeout: float, *, quiet: bool) -> BuildRecord:
    """Prints each change once: states, then steps with their seconds."""
    said: set[str] = set()
    record: BuildRecord | None = None
    for record in options.client().follow(build_id, timeout=timeout):
        for line in progress(record):
            if line not in said and not quiet:
                output.console.print(line)
            said.add(line)
    if record is None:
        raise errors.UnknownBuild(f"There is no build {build_id}")
    if not quiet:
        for line in _facts(record):
            output.console.print(line)
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
        lines += output.reasons(f"error: {record.error.sentence}", record.error.details)
        lines += [f"log: {line}" for line in record.error.lines]
    if record.progress is not None:
        going = record.progress
        far = f", {going.fraction:.0%} of the step" if going.fraction is not None else ""
        left = f", about {going.remaining:.0f} s left" if going.remaining is not None else ""
        lines.append(f"progress: {going.step.value} {going.text}{far}{left}")
    lines += [f"warning: {warning}" for warning in record.warnings]
    if record.packages:
        more = f", {record.side} more in the side repository alone" if record.side else ""
        lines.append(f"packages: {record.packages} in the image{more}. {record.rules}")
    lines += output.wanted(record.wanted)
    lines += [f"proof {proof.kind.value}: {'held' if proof.held else 'NOT HELD'}. {proof.how}" for proof in record.proofs]
    lines += [f"file: {item.url} {item.size} bytes sha256 {item.sha256}" for item in record.artifacts]
    return lines


def _exit(record: BuildRecord) -> None:
    """A refused, failed or canceled build ends the command with its error's status."""
    if record.error is not None:
        raise typer.Exit(errors.by_code(record.error.code).exit_status)
    if record.state is State.CANCELED:
        raise typer.Exit(errors.BuildCanceled.exit_status)
