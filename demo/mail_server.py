# SPDX-License-Identifier: MIT
"""A fake mail server for demo and tests: speaks real SMTP, delivers nowhere, puts each mail into a folder."""

from __future__ import annotations

import itertools
import pathlib

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from demo import site


class _Folder:
    """Writes each mail as `NNN.eml`."""

    def __init__(self, folder: pathlib.Path) -> None:
        self._folder = folder
        self._numbers = itertools.count(1)

    async def handle_RCPT(
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        """Knows everybody but `nobody@…`."""
        if address.startswith("nobody@"):
            return "550 No such user"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:
        """Takes a mail; the whole file appears at once."""
        path = self._folder / f"{next(self._numbers):03}.eml"
        content = envelope.content
        path.with_suffix(".new").write_bytes(content if isinstance(content, bytes) else (content or "").encode())
        path.with_suffix(".new").rename(path)
        return "250 OK"


class MailServer:
    """Listens on a free port of 127.0.0.1 in a thread."""

    def __init__(self, folder: pathlib.Path) -> None:
        """`folder` is made."""
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.port = site.free_port()
        self._controller = Controller(_Folder(folder), hostname="127.0.0.1", port=self.port)

    def start(self) -> int:
        """Starts; gives the port."""
        self._controller.start()
        return self.port

    def stop(self) -> None:
        """Stops."""
        self._controller.stop()

    def mails(self) -> list[pathlib.Path]:
        """The mails so far."""
        return sorted(self.folder.glob("*.eml"))
