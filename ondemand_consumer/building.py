# SPDX-License-Identifier: MIT
"""Step build: carries out a backend's plan in namespaces. Knows no image tool, writes only below work."""

from __future__ import annotations

import contextlib
import os
import pathlib
from collections.abc import Sequence

from ondemand import errors, plugins, proofs, states
from ondemand_consumer import attempts, capabilities, failing, limits, namespaces, outputs, progressing, roots

_LOG_FILES = 20
_LOG_BYTES = 1024**2
"""So many further logs are collected, of each its end."""


def check(attempt: attempts.Attempt, backend: plugins.Backend) -> None:
    """Whether the backend, with its tools' versions here, can do it at all; raises as `plugins.check` does."""
    plugins.check(backend, _draft(attempt, backend))


def _draft(attempt: attempts.Attempt, backend: plugins.Backend) -> plugins.Draft:
    assignment = attempt.assignment
    return plugins.Draft(
        request=assignment.request,
        release=assignment.release,
        lock=assignment.lock,
        kickstart=assignment.kickstart,
        label=assignment.label,
        options=assignment.options,
        description=assignment.description,
        versions=capabilities.versions(backend),
    )


def order(attempt: attempts.Attempt, backend: plugins.Backend) -> plugins.Order:
    """What the backend works from, once all is fetched."""
    assignment = attempt.assignment
    lock, side = assignment.lock, attempt.side
    return plugins.Order(
        **{**vars(_draft(attempt, backend)), "kickstart": attempt.kickstart},
        build_id=assignment.build_id,
        attempt=assignment.attempt,
        repository=attempt.repository,
        work=attempt.work,
        boot_iso=attempt.boot_iso if lock.boot_iso else None,
        tree=attempt.tree if lock.tree else None,
        side=side if lock.remastered and (side / "repodata").is_dir() else None,
    )


def build(attempt: attempts.Attempt, backend: plugins.Backend) -> tuple[pathlib.Path, proofs.Proof]:
    """The image's path and the proof that it was built; raises errors.ToolFailed."""
    given = order(attempt, backend)
    plan = backend.plan(given)
    prepare(attempt.work, plan)
    reuse = roots.Reuse(attempt, lambda command, first: _run(attempt, backend, command, first))
    try:
        with reuse.root(plan.root) as first, reuse.initramfs(plan.initramfs):
            for command in plan.commands:
                _run(attempt, backend, command, first)
    finally:
        collect(attempt, plan.logs)
    reuse.evict()
    image = _image(attempt.work, plan.image)
    return image, proofs.Proof(
        kind=proofs.ProofKind.BUILT,
        held=True,
        how=f"{backend.name} made it from the frozen repository"
        + ("." if any(command.network for command in plan.commands) else ", without network.")
        + reuse.sentence,
        facts={
            "backend": backend.name,
            "closed": backend.closed,
            "size": image.stat().st_size,
            "tools": dict(given.versions),
            "reused": reuse.facts,
        },
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


def collect(attempt: attempts.Attempt, patterns: tuple[str, ...]) -> None:
    """Appends what a plan's tools wrote into files of their own to the step's log; what can't be read is left out."""
    work = attempt.work.resolve()
    found = dict.fromkeys(path for pattern in patterns for path in sorted(work.glob(pattern)))
    files = [path for path in found if path.is_file() and not path.is_symlink() and path.resolve().is_relative_to(work)]
    for path in files[:_LOG_FILES]:
        with contextlib.suppress(OSError), path.open("rb") as file, attempt.open_log(states.Step.BUILD) as log:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - _LOG_BYTES))
            cut = f", its last {_LOG_BYTES} of {size} bytes" if size > _LOG_BYTES else ""
            log.write(f"\n== {path.relative_to(work)}{cut}\n".encode())
            log.write(file.read(_LOG_BYTES).rstrip(b"\n") + b"\n")


def _run(
    attempt: attempts.Attempt, backend: plugins.Backend, command: plugins.Command, first: Sequence[str] = ()
) -> None:
    name = _name(command.argv)
    attempt.say(states.Step.BUILD, f"$ {' '.join(command.argv)}")
    needed = backend.disk(attempt.assignment.lock) + attempt.assignment.lock.disk
    with attempt.open_log(states.Step.BUILD) as log:
        output = outputs.Output(
            log, attempt.settings.log_size, progressing.Follower(attempt.progress, plugins.progress(backend))
        )
        with output as writing:
            status = namespaces.run(
                command.argv,
                folder=attempt.folder,
                cwd=attempt.work,
                output=writing,
                stop=attempt.stop,
                timeout=command.timeout,
                network=command.network,
                environment={**_path(attempt.work, command), **command.environment},
                first=first,
                hidden=attempt.hidden,
                limit=limits.of(attempt.settings, attempt.folder, needed),
            )
    if status:
        raise failing.explain(name, status, output.tail, plugins.failures(backend))


def _name(argv: Sequence[str]) -> str:
    """What people know the program by: of a Python module its own name, not the interpreter's."""
    return argv[2].rpartition(".")[2] if argv[1:2] == ("-m",) and len(argv) > 2 else pathlib.Path(argv[0]).name


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
    if found[0].stat().st_size == 0:
        raise errors.ToolFailed(
            f"The image tool left an image of 0 bytes, {found[0].name}",
            cause="it ended early without saying so",
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
