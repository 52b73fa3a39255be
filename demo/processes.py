# SPDX-License-Identifier: MIT
"""Runs the outside programs that make the demo distribution, each with a time limit.

Must not be used by the service: it belongs to the demo alone.
"""

from __future__ import annotations

import collections.abc
import pathlib
import subprocess

_TAIL = 1500


class DemoError(Exception):
    """The demo distribution could not be made; the text says what happened and what to do."""


def run(
    command: collections.abc.Sequence[str | pathlib.Path],
    *,
    timeout: float = 120,
    cwd: pathlib.Path | None = None,
    env: collections.abc.Mapping[str, str] | None = None,
) -> str:
    """Run one program and return what it wrote to standard output.

    `timeout` is in seconds. Raises DemoError when the program is missing, fails or takes too long.
    """
    words = [str(word) for word in command]
    try:
        done = subprocess.run(
            words,
            cwd=cwd,
            env=dict(env) if env is not None else None,
            timeout=timeout,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
    except FileNotFoundError as problem:
        raise DemoError(f"{words[0]} was not found: install the package that holds it.") from problem
    except subprocess.TimeoutExpired as problem:
        raise DemoError(
            f"{words[0]} took longer than {timeout:.0f} s: the machine may be overloaded; try again."
        ) from problem
    if done.returncode != 0:
        tail = (done.stdout[-_TAIL:] + done.stderr[-_TAIL:]).strip()
        raise DemoError(f"{' '.join(words[:4])} ended with status {done.returncode}: {tail}")
    return done.stdout
