# SPDX-License-Identifier: MIT
"""A line between two processes that a test can cut: a TCP proxy on a port of its own. Understands nothing of what it carries."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator

PIECE = 65536


class CutProxy:
    """Carries connections to `target`. While it is cut it carries no byte, as a network does that drops packets."""

    def __init__(self, target: int) -> None:
        """`target` is a port of 127.0.0.1."""
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._whole = threading.Event()
        self._whole.set()
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """Nothing passes from now on, and nobody is told."""
        self._whole.clear()

    def mend(self) -> None:
        """All passes again; connections that hung are gone, as after a long cut."""
        with self._lock:
            for each in self._open:
                with contextlib.suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)
        self._whole.set()

    def close(self) -> None:
        """Ends it with all connections."""
        self._listener.close()
        self.mend()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                threading.Thread(target=self._connect, args=(near,), daemon=True).start()

    def _connect(self, near: socket.socket) -> None:
        self._whole.wait()
        with contextlib.suppress(OSError), near, socket.create_connection(("127.0.0.1", self._target), 5) as far:
            with self._lock:
                self._open |= {near, far}
            back = threading.Thread(target=self._carry, args=(far, near), daemon=True)
            back.start()
            self._carry(near, far)
            back.join()
            with self._lock:
                self._open -= {near, far}

    def _carry(self, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while piece := source.recv(PIECE):
                self._whole.wait()
                sink.sendall(piece)
        for each in (source, sink):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)


@contextlib.contextmanager
def before(target: int) -> Iterator[CutProxy]:
    """A line to that port."""
    proxy = CutProxy(target)
    try:
        yield proxy
    finally:
        proxy.close()
