# SPDX-License-Identifier: MIT
"""Step build: carries out a backend's plan in namespaces. Knows no image tool, writes only below work."""

from __future__ import annotations

import collections
import pathlib
import re
from collections.abc import Sequence

from ondemand import errors, plugins, proofs, states
from ondemand_consumer import attempts, capabilities, namespaces, roots

_MARKED = re.compile(r"\[ ?(error|fatal|critical) *\]", re.IGNORECASE)
_ERROR = re.compile(r"\b(error|fatal|failed|no space left)\b", re.IGNORECASE)
_STAMP = re.compile(r"^\[ *\w+ *\]: [\d:]+ \| |^\[\d\d:\d\d:\d\d\] ")
_LAST_LINES = 400
_LONGEST = 300


def build(attempt: attempts.Attempt, backend: plugins.Backend) -> tuple[pathlib.Path, proofs.Proof]:
    """The image's path and the proof that it was built; raises errors.ToolFailed."""
    assignment = attempt.assignment
    versions = capabilities.versions(backend)
    plan = backend.plan(
        plugins.Order(
            build_id=assignment.build_id,
            attempt=assignment.attempt,
            request=assignment.request,
            release=assignment.release,
            lock=assignment.lock,
            kickstart=attempt.kickstart,
            label=assignment.label,
            repository=attempt.repository,
            work=attempt.work,
            options=assignment.options,
            description=assignment.description,
            versions=versions,
        )
    )
    prepare(attempt.work, plan)
    reuse = roots.Reuse(attempt, lambda command, first: _run(attempt, command, first))
    with reuse.root(plan.root) as first, reuse.initramfs(plan.initramfs):
        for command in plan.commands:
            _run(attempt, command, first)
    reuse.evict()
    image = _image(attempt.work, plan.image)
    return image, proofs.Proof(
        kind=proofs.ProofKind.BUILT,
        held=True,
        how=f"{backend.name} made it from the frozen repository"
        + ("." if any(command.network for command in plan.commands) else ", without network.")
        + reuse.sentence,
        facts={"backend": backend.name, "closed": backend.closed, "size": image.stat().st_size, "tools": versions, "reused": reuse.facts},
    )


def prepare(work: pathlib.Path, plan: plugins.Plan) -> None:
    """Makes the plan's folders and files; raises errors.BuilderError for a path out of `work`."""
    for name in plan.folders:
        _below(work, name).mkdir(parents=True, exist_ok=True)
    written = {name: content.encode() for name, content in plan.files.items()}
    for name, content in {**plan.binaries, **written}.items():
        path = _below(work, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        path.chmod(0o755 if name in plan.executable else 0o644)


def failing_line(log: pathlib.Path) -> str:
    """The last line marked as an error, else the last that looks like one, else the last that says anything.

    A line that ends in a colon announces its reason, so the next two belong to it.
    """
    with log.open("r", encoding="utf-8", errors="replace") as file:
        lines = [line.strip() for line in collections.deque(file, _LAST_LINES) if line.strip()] or ["it said nothing"]
    places = [at for at, line in enumerate(lines) if _MARKED.search(line)]
    places = places or [at for at, line in enumerate(lines) if _ERROR.search(line)] or [len(lines) - 1]
    said = _STAMP.sub("", lines[places[-1]])
    for line in lines[places[-1] + 1 : places[-1] + 3]:
        said += f" {line}" if said.endswith(":") else ""
    return said[:_LONGEST]


def _run(attempt: attempts.Attempt, command: plugins.Command, first: Sequence[str] = ()) -> None:
    name = pathlib.Path(command.argv[0]).name
    attempt.say(states.Step.BUILD, f"$ {' '.join(command.argv)}")
    with attempt.open_log(states.Step.BUILD) as log:
        status = namespaces.run(
            command.argv,
            folder=attempt.folder,
            cwd=attempt.work,
            output=log,
            stop=attempt.stop,
            timeout=command.timeout,
            network=command.network,
            environment={**_path(attempt.work, command), **command.environment},
            first=first,
        )
    if status:
        raise errors.ToolFailed(
            f"{name} ended with status {status}: {failing_line(attempt.log(states.Step.BUILD))}",
            remedy="look at the log of step build around that line",
        )


def _path(work: pathlib.Path, command: plugins.Command) -> dict[str, str]:
    return {"PATH": f"{_below(work, command.programs)}:{namespaces.search_path()}"} if command.programs else {}


def _image(work: pathlib.Path, pattern: str) -> pathlib.Path:
    found = sorted(path for path in work.glob(pattern) if path.is_file() and not path.is_symlink())
    if len(found) != 1:
        raise errors.ToolFailed(
            f"The image tool left {len(found)} files «{pattern}» instead of one image",
            cause="it ended early without saying so, or its version names results otherwise",
            remedy="look at the end of the log of step build",
        )
    return found[0]


def _below(work: pathlib.Path, name: str) -> pathlib.Path:
    path = work / name
    if not name or path == work or not path.resolve().is_relative_to(work.resolve()):
        raise errors.BuilderError(
            f"The backend wants to write «{name}», which lies outside its work folder",
            remedy="let the operator look at that plugin",
        )
    return path
