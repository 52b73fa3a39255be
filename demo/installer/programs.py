# SPDX-License-Identifier: MIT
"""Says each phase on the serial console and runs the system's own programs, all they say kept in one log.

Every failure becomes a Problem with one sentence.
"""

from __future__ import annotations

import collections.abc
import pathlib
import subprocess

LOG = pathlib.Path("/run/demo-installer.log")
CONSOLES = (pathlib.Path("/dev/ttyS0"), pathlib.Path("/dev/tty1"))
_LAST = 300
"""Characters of a failed program's last words that its sentence holds."""

Listener = collections.abc.Callable[[str], None]


class Problem(Exception):
    """The installation can't go on; the text is one sentence with what happened and what to do."""


def say(text: str) -> None:
    """Print one line on the serial console and the first screen."""
    line = f"demo-installer: {text}"
    with LOG.open("a", encoding="utf-8") as log:
        log.write(line + "\n")
    for console in CONSOLES:
        try:
            console.write_text(f"\r{line}\r\n", encoding="utf-8")
        except OSError:
            continue


def run(
    *command: str | pathlib.Path, text: str = "", timeout: float = 900, listen: Listener | None = None
) -> tuple[str, ...]:
    """Run one program with `text` as its input and return its lines; `listen` hears each as it comes.

    Raises Problem when it fails. `timeout` in seconds is kept by coreutils' timeout.
    """
    words = ["timeout", f"{timeout:.0f}", *map(str, command)]
    lines = []
    with LOG.open("a", encoding="utf-8") as log:
        log.write(f"$ {' '.join(words[2:])}\n")
        pipe = subprocess.PIPE
        with subprocess.Popen(words, stdin=pipe, stdout=pipe, stderr=subprocess.STDOUT, text=True) as process:
            assert process.stdin and process.stdout
            process.stdin.write(text)
            process.stdin.close()
            for line in process.stdout:
                log.write(line)
                lines.append(line.rstrip())
                if listen:
                    listen(lines[-1])
    if process.returncode:
        last = " ".join(" ".join(lines[-6:]).split())[-_LAST:]
        raise Problem(f"{command[0]} ended with status {process.returncode}: {last or 'it said nothing'}")
    return tuple(lines)
