# SPDX-License-Identifier: MIT
"""A total time for HTTP: requests bounds only the pause between two bytes, so a server that drips could hold us for ever.

Says nothing of where a request may go; that is `addresses`.
"""

from __future__ import annotations

import contextlib
import io
import os
import socket
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

import requests
import requests.adapters
import urllib3
import urllib3.connection
import urllib3.exceptions

_local = threading.local()
_BROKEN = (requests.RequestException, urllib3.exceptions.HTTPError, OSError)


class Late(requests.Timeout):
    """The total time was over before the answer was."""


class Deadline:
    """Cuts the connections that this thread uses inside `with`, once `seconds` are over; then raises Late."""

    def __init__(self, seconds: float) -> None:
        """`seconds` run from `with` on; not more than 0 means at once."""
        self._timer = threading.Timer(max(0.0, seconds), self._cut)
        self._timer.daemon = True
        self._lock = threading.Lock()
        self._sockets: list[socket.socket] = []
        self._outer: Deadline | None = None
        self._over = False

    def __enter__(self) -> Self:
        """Starts the time; deadlines may be nested, and each holds."""
        self._outer, _local.deadline = getattr(_local, "deadline", None), self
        self._timer.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        """Raises Late when the time was over, unless the code inside raised an error of another kind."""
        self._timer.cancel()
        _local.deadline = self._outer
        with self._lock:
            over, sockets, self._sockets = self._over, self._sockets, []
        for held in sockets:
            held.close()
        if over and (error is None or isinstance(error, _BROKEN)):
            raise Late("the answer takes too long") from error

    def hold(self, connection: socket.socket) -> None:
        """Has the connection cut in time; a duplicate is kept, since TLS takes the socket itself away."""
        with self._lock:
            self._sockets.append(socket.socket(fileno=os.dup(connection.fileno())))
            if self._over:
                _shut(self._sockets[-1])
        if self._outer is not None:
            self._outer.hold(connection)

    def _cut(self) -> None:
        with self._lock:
            self._over = True
            for held in self._sockets:
                _shut(held)


def _shut(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)


def _hold(connection: socket.socket | None) -> None:
    deadline: Deadline | None = getattr(_local, "deadline", None)
    if deadline is not None and connection is not None and connection.fileno() >= 0:
        deadline.hold(connection)


class Connection(urllib3.connection.HTTPConnection):
    """Tells the thread's deadline of its socket, when it is made and when it is used again."""

    def _new_conn(self) -> socket.socket:
        made = super()._new_conn()
        _hold(made)
        return made

    def request(self, *args: Any, **kwargs: Any) -> None:
        """Sends a request on a socket that the deadline knows."""
        _hold(self.sock)
        super().request(*args, **kwargs)


class TlsConnection(Connection, urllib3.connection.HTTPSConnection):
    """The same over TLS."""


class Adapter(requests.adapters.HTTPAdapter):
    """Connects so that a Deadline can cut it, through a proxy too; reads no body of a redirect."""

    def pools(self) -> dict[str, Any]:
        """The classes of connection pools by scheme."""
        return _PLAIN

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Makes pools of our connections."""
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = self.pools()

    def proxy_manager_for(self, *args: Any, **kwargs: Any) -> Any:
        """The same for a proxy."""
        manager = super().proxy_manager_for(*args, **kwargs)
        manager.pool_classes_by_scheme = self.pools()
        return manager

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        """Sends the request."""
        answer = super().send(request, *args, **kwargs)
        if answer.is_redirect:
            # requests reads a redirect's body to its end before it goes on, however long it is.
            answer.close()
            answer.raw = io.BytesIO()
        return answer


def pool(kind: type, connection: type, **attributes: Any) -> Any:
    """A class of connection pools whose connections are of that class, with these class attributes."""
    made = type(connection.__name__, (connection,), attributes)
    return type(kind.__name__, (kind,), {"ConnectionCls": made})


_PLAIN = {
    "http": pool(urllib3.HTTPConnectionPool, Connection),
    "https": pool(urllib3.HTTPSConnectionPool, TlsConnection),
}


class Later(requests.Session):
    """A session that is made when it is first used: most checks ask no server at all."""

    def __init__(self, make: Callable[[], requests.Session]) -> None:
        """`make` is called once at most, by whichever thread comes first."""
        self._make, self._making = make, threading.Lock()

    def __getattr__(self, name: str) -> Any:
        """Whatever a session has; asked only for what is not there yet."""
        with self._making:
            if "adapters" not in vars(self):
                # In one step: no thread may see half a session, which would reach what a guard forbids.
                vars(self).update(vars(self._make()))
        return object.__getattribute__(self, name)

    def close(self) -> None:
        """Closes what was made."""
        if "adapters" in vars(self):
            super().close()


def session() -> requests.Session:
    """A session as any other, whose answers a Deadline can cut."""
    made = requests.Session()
    for scheme in ("http://", "https://"):
        made.mount(scheme, Adapter())
    return made
