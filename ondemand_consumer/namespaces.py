# SPDX-License-Identifier: MIT
"""Runs a program in its own mount, PID and network namespace, so that all it starts ends with it.

This contains leaks; it is no security boundary. The builder's death, even by SIGKILL, takes it down.
"""

from __future__ import annotations

import contextlib
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from typing import IO

from ondemand import errors
from ondemand_consumer import cgroups, hidden_folders, joined_group, ledger, limits, private_folders, stopping

TOOLS = ("unshare", "setpriv")
HIDDEN = ("/root", "/home", "/etc/ondemand", "/run/ondemand", "/run/credentials", "/run/secrets", "/var/lib/ondemand")
"""What no tool sees of the host, beside the other attempts and what the settings name."""
_LOOK = 0.5
_PATIENCE = 30.0
"""Seconds within which what was killed has to be gone: only who waits in the kernel for a device isn't."""
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class Process:
    """A program that runs in its namespaces. Use as a context: at its end nothing of it is left."""

    def __init__(
        self,
        argv: Sequence[str],
        *,
        folder: pathlib.Path,
        cwd: pathlib.Path,
        output: IO[bytes],
        errors_to: IO[bytes] | None = None,
        network: bool = False,
        environment: Mapping[str, str] | None = None,
        first: Sequence[str] = (),
        hidden: Sequence[pathlib.Path] = (),
        limit: limits.Limits | None = None,
    ) -> None:
        """Starts `argv`; `folder` is the attempt's, for its ledger. Raises errors.ToolMissing.

        `first` are the words of a program that mounts something for the others and then becomes what follows it.
        Of the host it sees neither HIDDEN nor `hidden` nor what lies beside `folder`. `limit` is what it may use.
        """
        self.argv = tuple(argv)
        words = [_program(tool) for tool in TOOLS]
        command = [words[1], "--pdeathsig", "KILL", "--", words[0], "--mount", "--propagation", "private"]
        command += ["--pid", "--fork", "--kill-child=KILL", "--mount-proc", "--ipc"]
        command += [] if network else ["--net"]
        command += ["--", *first, sys.executable, "-I", "-S", private_folders.__file__, str(folder)]
        command += [sys.executable, "-I", "-S", hidden_folders.__file__, *_hidden(folder, hidden)]
        command += [_program(argv[0]), *argv[1:]]
        self._limit = limit
        self._group = cgroups.create(folder, limit.memory if limit else 0, limit.processes if limit else 0)
        if self._group:
            command = [sys.executable, "-I", "-S", joined_group.__file__, str(self._group), *command]
        try:
            self._process = subprocess.Popen(
                command,
                cwd=cwd,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=errors_to or subprocess.STDOUT,
                env=_environment(folder, environment or {}),
                start_new_session=True,
            )
        except BaseException:
            cgroups.end(self._group)
            raise
        try:
            ledger.note(folder, self._process.pid)
        except OSError:
            self.kill()
            raise

    def __enter__(self) -> Process:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    @property
    def status(self) -> int | None:
        """The exit status (negative: the signal); None while it runs."""
        return self._process.poll()

    def wait(self, stop: stopping.Stop, timeout: float) -> int:
        """The exit status; raises errors.StepTimedOut after `timeout` seconds, the stop's reason, or what its limits raise."""
        until = time.monotonic() + timeout
        look = time.monotonic() + _LOOK
        while True:
            stop.check()
            with contextlib.suppress(subprocess.TimeoutExpired):
                return self._ended(self._process.wait(0.2))
            if self._limit and time.monotonic() > look:
                self._limit.check(self._process.pid)
                look = time.monotonic() + _LOOK
            if time.monotonic() > until:
                raise errors.StepTimedOut(
                    f"«{pathlib.Path(self.argv[0]).name}» was ended after {timeout:.0f} seconds",
                    cause="it ran past its time limit",
                    remedy="look at the end of its log; ask for fewer packages, or for more time",
                )

    def _ended(self, status: int) -> int:
        if self._limit and cgroups.killed(self._group):
            raise errors.ToolStarved(
                f"«{pathlib.Path(self.argv[0]).name}» ran out of memory",
                cause=f"the builder gives a build {self._limit.memory / 1e9:.1f} GB",
                remedy="it is tried again on another builder if there is one; the operator may set builder.tool_memory",
            )
        return status

    def kill(self) -> None:
        """Kills everything in its namespaces; safe to repeat. Raises errors.BuilderError for what can't be killed."""
        first: list[int] = []
        if self._process.poll() is None:
            first = _children(self._process.pid)
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(_PATIENCE)
        # The kernel ends all others of a PID namespace before its first process.
        left = ledger.wait_for(first, _PATIENCE)
        cgroups.end(self._group)
        if left or self._process.poll() is None:
            raise errors.BuilderError(
                f"«{pathlib.Path(self.argv[0]).name}» can't be ended",
                cause="the kernel keeps it, as it does while a disk or device does not answer",
                remedy="it is tried again on another builder if there is one; the operator has to look at this one's disks",
            )


def run(
    argv: Sequence[str],
    *,
    folder: pathlib.Path,
    cwd: pathlib.Path,
    output: IO[bytes],
    stop: stopping.Stop,
    timeout: float,
    errors_to: IO[bytes] | None = None,
    network: bool = False,
    environment: Mapping[str, str] | None = None,
    first: Sequence[str] = (),
    hidden: Sequence[pathlib.Path] = (),
    limit: limits.Limits | None = None,
) -> int:
    """The exit status of `argv`, run to its end; `timeout` in seconds.

    Raises errors.ToolMissing, errors.StepTimedOut, the stop's reason or what `limit` raises; then nothing of it is left.
    Raises errors.BuilderError where something is.
    """
    with Process(
        argv,
        folder=folder,
        cwd=cwd,
        output=output,
        errors_to=errors_to,
        network=network,
        environment=environment,
        first=first,
        hidden=hidden,
        limit=limit,
    ) as process:
        return process.wait(stop, timeout)


def _children(pid: int) -> list[int]:
    with contextlib.suppress(OSError):
        return [int(word) for word in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return []


def require_root() -> None:
    """Raises errors.ToolMissing for a user who can make no namespaces."""
    if os.geteuid() != 0:
        raise errors.ToolMissing(
            "The builder can't work as this user",
            cause="image tools mount file systems, which only root may",
            remedy="start it as root",
        )


def find(name: str) -> str | None:
    """The program's path; None where it is not installed. Our interpreter's folder and /usr/sbin count, too."""
    return shutil.which(name, path=search_path())


def _program(name: str) -> str:
    if path := find(name):
        return path
    raise errors.ToolMissing(
        f"The program «{name}» is missing on the builder",
        cause="it is not installed, or not on PATH",
        remedy="install it there and rebuild",
    )


def _hidden(folder: pathlib.Path, more: Sequence[pathlib.Path]) -> list[str]:
    """The words for hidden_folders: what is hidden, and what stays of it: the attempt, and the Python that runs our programs."""
    hidden = [*HIDDEN, str(folder.absolute().parent), *map(str, more)]
    kept = [str(folder.absolute()), sys.prefix, sys.base_prefix, *(path for path in sys.path if os.path.isabs(path))]
    return [str(len(hidden)), *hidden, str(len(kept)), *kept]


def search_path() -> str:
    """PATH as tools get it."""
    # A tool out of the same virtual environment is there without having that on PATH.
    own = str(pathlib.Path(sys.executable).parent)
    return ":".join(filter(None, (own, os.environ.get("PATH", ""), PATH)))


def _environment(folder: pathlib.Path, extra: Mapping[str, str]) -> dict[str, str]:
    # No TMPDIR: image tools hand their environment on into the new root, which has no such folder.
    home = folder / "home"
    home.mkdir(exist_ok=True)
    return {
        "PATH": search_path(),
        "HOME": str(home),
        "LANG": "C.UTF-8",
        "LC_ALL": "C.UTF-8",
        "TZ": "UTC",
        "TERM": "dumb",
        **extra,
    }
