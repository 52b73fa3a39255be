# SPDX-License-Identifier: MIT
"""Files in libsolv's own format: a repository that was parsed once. One that is damaged counts as none.

A CRC stands at the end: libsolv itself sees a cut file, but takes other bytes for packages.
"""

from __future__ import annotations

import contextlib
import pathlib
import tempfile
import zlib
from typing import IO, Any

import solv

_PIECE = 1024 * 1024
_TRAILER = 12
_MARK = b"crc-solv"


def read(repo: Any, path: pathlib.Path) -> bool:
    """Whether the packages of the file are in `repo` now; if not, `repo` may hold some of them."""
    try:
        with path.open("rb") as file:
            sum_, end = _sum(file, path.stat().st_size - _TRAILER)
    except OSError:
        return False
    if end != _MARK + sum_.to_bytes(4, "big"):
        return False
    handle = solv.xfopen(str(path))
    try:
        return bool(repo.add_solv(handle))
    finally:
        handle.close()


def write(repo: Any, path: pathlib.Path) -> None:
    """Writes the packages of `repo`, whole or not at all; a full disk leaves no file."""
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".new-", delete=False) as made:
        work = pathlib.Path(made.name)
        handle = solv.xfopen_fd("", made.fileno(), "w")
        written = repo.write(handle)
        handle.close()
    try:
        if written:
            with work.open("r+b") as file:
                sum_, _ = _sum(file, work.stat().st_size)
                file.write(_MARK + sum_.to_bytes(4, "big"))
            work.replace(path)
    except OSError:
        # The next process parses anew; a check must not fail for that.
        return
    finally:
        with contextlib.suppress(OSError):
            work.unlink(missing_ok=True)


def _sum(file: IO[bytes], size: int) -> tuple[int, bytes]:
    """The CRC of the first `size` bytes, and what follows them."""
    found, left = 0, size
    while left > 0 and (piece := file.read(min(_PIECE, left))):
        found, left = zlib.crc32(piece, found), left - len(piece)
    return found, file.read()
