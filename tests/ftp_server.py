# SPDX-License-Identifier: MIT
"""A real FTP server (pyftpdlib) in a thread, for tests. Everybody may read, its user may write."""

from __future__ import annotations

import pathlib
import threading
import types

from pyftpdlib.authorizers import DummyAuthorizer
from pyftpdlib.handlers import FTPHandler
from pyftpdlib.servers import FTPServer

PERMISSIONS = "elradfmwMT"


class FtpServer:
    """Serves one folder on a free port."""

    def __init__(self, folder: pathlib.Path) -> None:
        """`folder` is made."""
        folder.mkdir(parents=True, exist_ok=True)
        authorizer = DummyAuthorizer()
        authorizer.add_user("ondemand", "secret", str(folder), perm=PERMISSIONS)
        authorizer.add_anonymous(str(folder), perm="elr")
        handler = type("Handler", (FTPHandler,), {"authorizer": authorizer, "use_sendfile": False})
        self._server = FTPServer(("127.0.0.1", 0), handler)
        self.port = int(self._server.address[1])
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)

    @property
    def url(self) -> str:
        """The address for everybody."""
        return f"ftp://127.0.0.1:{self.port}"

    @property
    def url_with_password(self) -> str:
        """The address with user and password."""
        return f"ftp://ondemand:secret@127.0.0.1:{self.port}"

    def __enter__(self) -> FtpServer:
        self._thread.start()
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: types.TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join(timeout=10)
        self._server.close_all()

    def _serve(self) -> None:
        while not self._stop.is_set():
            self._server.serve_forever(timeout=0.05, blocking=False)
