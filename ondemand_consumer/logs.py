# SPDX-License-Identifier: MIT
"""Streams the step logs of an attempt to the master while they grow; a log not sent fails no build."""

from __future__ import annotations

import contextlib
import logging
import os
import threading
import time
from typing import IO

from ondemand import builds, errors, states
from ondemand_consumer import attempts, master

_log = logging.getLogger(__name__)
_PIECE = 1024**2
_PAUSE = 0.5
_CUT = b"\n[The log was cut here, because it is too long; the builder goes on.]\n"


class Shipper:
    """Use as a context: while it is open a thread sends what is new; at its end it sends the rest."""

    def __init__(self, attempt: attempts.Attempt, client: master.AttemptClient, patience: float = 120.0) -> None:
        """`patience`: seconds to try at the end while the master is away."""
        self._attempt = attempt
        self._client = client
        self._patience = patience
        self._sent = dict.fromkeys(states.Step, 0)
        self._room = dict.fromkeys(states.Step, builds.LOG_LIMIT - len(_CUT))
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="log-shipper", daemon=True)

    def __enter__(self) -> Shipper:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join(self._patience + 90)

    def send(self) -> bool:
        """Sends what is new; False when something is left because the master is away."""
        return False not in [self._send(step) for step in states.Step]

    def _run(self) -> None:
        pause = _PAUSE
        while not self._ended.wait(pause):
            pause = _PAUSE if self._send_safely() else min(pause * 2, 10.0)
        until = time.monotonic() + self._patience
        while not self._send_safely() and time.monotonic() < until:
            if isinstance(self._attempt.stop.reason, errors.LeaseLost):
                return
            time.sleep(_PAUSE)

    def _send_safely(self) -> bool:
        try:
            return self.send()
        except errors.OndemandError as error:
            _log.warning("attempt %s: a log can't be sent: %s", self._attempt.name, error)
            return True

    def _send(self, step: states.Step) -> bool:
        with contextlib.suppress(FileNotFoundError), self._attempt.log(step).open("rb") as file:
            while piece := self._piece(step, file):
                try:
                    self._sent[step] = self._client.append_log(step, self._sent[step], piece)
                except errors.OffsetMismatch as error:
                    if error.size == self._sent[step]:
                        return True
                    self._sent[step] = error.size
                except errors.InvalidRequest as error:
                    self._cut(step, error)
                except errors.MasterUnavailable:
                    return False
        return True

    def _piece(self, step: states.Step, file: IO[bytes]) -> bytes:
        """What follows; past the log's room only the line that says so."""
        sent, room = self._sent[step], self._room[step]
        file.seek(sent)
        if sent < room:
            return file.read(min(_PIECE, room - sent))
        return _CUT[sent - room :] if file.seek(0, os.SEEK_END) > room else b""

    def _cut(self, step: states.Step, error: errors.InvalidRequest) -> None:
        """The master takes no more of this log: it ends here, at the latest with the line that says so."""
        _log.warning("attempt %s: the log of step %s ends early: %s", self._attempt.name, step.value, error)
        sent = self._sent[step]
        self._room[step] = sent if sent < self._room[step] else sent - len(_CUT)
