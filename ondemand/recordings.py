# SPDX-License-Identifier: MIT
"""Files of recorded messages, as `fedora-messaging record` writes them: one JSON object a line. Reads; judges nothing."""

from __future__ import annotations

import json
import pathlib
from collections.abc import Iterator

from ondemand import errors
from ondemand.triggers import Heard

LARGEST = 512 * 1024**2
"""Bytes that a file may have."""
LONGEST = 4 * 1024**2
"""Bytes that a line may have."""
LINES = 100_000


def read(path: pathlib.Path) -> Iterator[tuple[int, Heard | errors.InvalidRequest]]:
    """Each line's number with its message, or with why it is none; raises errors.InvalidRequest for the whole file."""
    try:
        if path.stat().st_size > LARGEST:
            raise _unusable(path, f"it has more than {LARGEST >> 20} MiB")
        with path.open("rb") as file:
            number = 0
            while line := file.readline(LONGEST + 1):
                number += 1
                if number > LINES:
                    raise _unusable(path, f"it has more than {LINES} lines")
                if len(line) > LONGEST:
                    raise _unusable(path, f"line {number} has more than {LONGEST >> 20} MiB")
                if line.strip():
                    yield number, _message(line)
    except OSError as error:
        raise _unusable(path, f"of «{error.strerror}»") from error


def _message(line: bytes) -> Heard | errors.InvalidRequest:
    try:
        read = json.loads(line)
        return Heard(id=read.get("id"), topic=str(read["topic"]), headers=read.get("headers"), body=read["body"])
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        return errors.InvalidRequest(
            "The line is no recorded message",
            cause=f"of {type(error).__name__}: {str(error)[:100]}",
            remedy="record with `fedora-messaging record`",
        )


def _unusable(path: pathlib.Path, why: str) -> errors.InvalidRequest:
    return errors.InvalidRequest(
        f"The file {path} can't be read", cause=why, remedy="name a file that `fedora-messaging record` wrote, or a part of one"
    )
