# SPDX-License-Identifier: MIT
"""What a tool prints on its way into a step's log: followed line by line, and capped so that it can't fill a disk.

The tool goes on past the cap. The log then lacks the middle and says so; the last MiB is always kept, here and in the log.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable
from typing import IO

from ondemand import errors

TAIL = 1024**2
"""Bytes of the end that are kept whatever comes."""
_PIECE = 64 * 1024
_LINE = 4096
_HEARD = 200
"""Lines of one piece that are heard: who prints faster is not followed word by word."""
_PATIENCE = 10.0
"""Seconds for what is still in the pipe once the tool has ended; it is 64 KiB at most."""


class Output:
    """Use as a context: it gives what the tool may write to. After it `tail` holds the last that the tool said."""

    def __init__(self, log: IO[bytes], limit: int, hear: Callable[[str], None] | None = None) -> None:
        """`log` gets `limit` bytes at most, then a line that says so and the tail. `hear` takes each line as it comes."""
        self._log = log
        self._room = max(0, limit - os.fstat(log.fileno()).st_size)
        self._hear = hear
        self._line = b""
        self._last = bytearray()
        self._kept = self._said = 0
        reading, writing = os.pipe()
        self._reading, self._writing = reading, open(writing, "wb", buffering=0)  # noqa: SIM115 - closed by __exit__
        self._thread = threading.Thread(target=self._pump, name="output", daemon=True)

    @property
    def tail(self) -> str:
        """The last that the tool said; whole only once the context is left."""
        return self._last[-TAIL:].decode("utf-8", "replace")

    def __enter__(self) -> IO[bytes]:
        self._thread.start()
        return self._writing

    def __exit__(self, *_: object) -> None:
        """Raises errors.BuilderError where something of the tool lives on and holds the pipe."""
        self._writing.close()
        self._thread.join(_PATIENCE)
        if self._thread.is_alive():
            # The pipe stays open: its number would be another file's while the thread still reads from it.
            raise errors.BuilderError(
                "Something of the image tool runs on although the tool has ended",
                cause="the kernel keeps it, as it does while a disk or device does not answer",
                remedy="it is tried again on another builder if there is one; the operator has to look at this one's disks",
            )
        os.close(self._reading)
        dropped = self._said - self._kept
        if dropped > 0:
            end = bytes(self._last[-min(dropped, TAIL) :])
            gone = dropped - len(end)
            if gone:
                self._write(f"[{gone} bytes are left out here; the end follows.]\n".encode())
            self._write(end)

    def _pump(self) -> None:
        """Reads whatever comes, so that no tool ever waits for us; a disk that is full loses the log, not the tool."""
        while piece := os.read(self._reading, _PIECE):
            self._said += len(piece)
            self._last += piece
            if len(self._last) > 2 * TAIL:
                del self._last[:-TAIL]
            if self._hear:
                self._listen(piece)
            if self._kept + len(piece) <= self._room:
                self._write(piece)
                self._kept += len(piece)
            elif self._room >= 0:
                part = piece[: self._room - self._kept]
                self._kept += len(part)
                self._write(part + b"\n[The log is full here; the tool goes on, and its last words follow at the end.]\n")
                self._room = -1

    def _listen(self, piece: bytes) -> None:
        # From the right, so that who shouts costs no more than who speaks.
        first, *lines = (self._line + piece).replace(b"\r", b"\n").rsplit(b"\n", _HEARD)
        lines.insert(0, first.rpartition(b"\n")[2])
        self._line = lines.pop()[-_LINE:]
        for line in lines:
            if line and self._hear:
                self._hear(line[-_LINE:].decode("utf-8", "replace"))

    def _write(self, piece: bytes) -> None:
        # Closed is the log of who was given up, and lives on in this thread.
        with contextlib.suppress(OSError, ValueError):
            self._log.write(piece)
