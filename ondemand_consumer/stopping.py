# SPDX-License-Identifier: MIT
"""How an attempt is told to end early: by cancel, by a lost lease or by the builder's own end."""

from __future__ import annotations

import threading
import time

from ondemand import errors


class Stop:
    """Set once, by whoever is first; every step asks it often."""

    def __init__(self) -> None:
        self._event = threading.Event()
        self._reason: errors.OndemandError | None = None

    def set(self, reason: errors.OndemandError) -> None:
        """Ends the attempt with `reason`; a later reason changes nothing."""
        if not self._event.is_set():
            self._reason = reason
            self._event.set()

    @property
    def reason(self) -> errors.OndemandError | None:
        """Why the attempt has to end; None while it may go on."""
        return self._reason

    def check(self) -> None:
        """Raises the reason, if there is one."""
        if self._reason:
            raise self._reason

    def sleep(self, seconds: float) -> None:
        """Waits `seconds`; raises the reason as soon as there is one."""
        self._event.wait(seconds)
        self.check()

    def patience(self, seconds: float) -> float:
        """The moment on the monotonic clock at which something may no longer be tried."""
        self.check()
        return time.monotonic() + seconds
