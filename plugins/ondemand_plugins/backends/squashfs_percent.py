# SPDX-License-Identifier: MIT
"""Stands for `mksquashfs` while kiwi runs, which shows what that says only when it has ended: its percentages are told meanwhile.

A program of its own: it imports nothing but the standard library.
"""

from __future__ import annotations

import collections
import contextlib
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from typing import IO

_PERCENT = re.compile(rb"[\]|] +\d+/\d+ +(\d+)%")
_STEP = 5
"""Per cent from one told line to the next."""
_KEPT = 200
"""Last lines of the tool, without its percentages, that kiwi is given."""
_PIECE = 65536


def main(_programs: str, real: str, words: list[str]) -> None:
    """Does what `mksquashfs`, which is `real`, with these words does."""
    with subprocess.Popen([real, *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process, _teller() as teller:
        assert process.stdout is not None  # noqa: S101 - it was asked for
        kept = follow(process.stdout, teller)
    sys.stdout.buffer.write(b"".join(line + b"\n" for line in kept))
    raise SystemExit(process.returncode if process.returncode >= 0 else 128 - process.returncode)


def follow(output: IO[bytes], teller: IO[bytes] | None) -> list[bytes]:
    """Tells each so many per cent by the tool's own line; gives the last lines of all else."""
    told, kept = -_STEP, collections.deque[bytes](maxlen=_KEPT)
    for line in _lines(output):
        found = _PERCENT.search(line)
        if not found:
            kept.append(line)
        elif (percent := int(found[1])) >= told + _STEP:
            told = percent
            if teller is not None:
                with contextlib.suppress(OSError):
                    teller.write(line.strip() + b"\n")
    return list(kept)


def _lines(output: IO[bytes]) -> Iterator[bytes]:
    """Lines that end with a line feed or, as those of a bar do, a carriage return."""
    rest = b""
    while piece := os.read(output.fileno(), _PIECE):
        *whole, rest = re.split(rb"[\r\n]+", rest[-_PIECE:] + piece)
        yield from filter(None, whole)
    if rest:
        yield rest


@contextlib.contextmanager
def _teller() -> Iterator[IO[bytes] | None]:
    """The standard output of whoever called: kiwi gave this program a pipe, which it reads at the end only."""
    try:
        file = open(f"/proc/{os.getppid()}/fd/1", "ab", buffering=0)  # noqa: SIM115 - closed below
    except OSError:
        yield None
        return
    with file:
        yield file
