# SPDX-License-Identifier: MIT
"""Election by a row: of all dispatchers one holds a duty, as long as it says so in time."""

from __future__ import annotations

import datetime
import math
import time

import sqlalchemy.exc

from ondemand_web.database import LOCK, Database, clock
from ondemand_web.queue.models import Duty

HOLD = 20.0
"""Seconds that a holder may be silent."""


class Hold:
    """A duty of one process. Renewed beside the work, so that a piece that lasts does not lose it."""

    def __init__(self, database: Database, name: str, holder: str, seconds: float = HOLD) -> None:
        """`holder` is the process; it may be silent for `seconds`."""
        self._database, self._name, self._holder, self._seconds = database, name, holder, seconds
        self._until = -math.inf

    @property
    def mine(self) -> bool:
        """Whether this process may begin a piece of the duty's work."""
        return time.monotonic() < self._until

    def renew(self) -> None:
        """Takes or keeps the duty; without word from the database it is lost after its time."""
        asked = time.monotonic()
        self._until = asked + self._seconds if hold(self._database, self._name, self._holder, self._seconds) else asked


def hold(database: Database, name: str, holder: str, seconds: float = HOLD) -> bool:
    """Takes or keeps the duty `name` for `holder`; gives whether it is the holder's now."""
    try:
        with database.writing() as session:
            now = clock(session)
            until = now + datetime.timedelta(seconds=seconds)
            duty = session.get(Duty, name, with_for_update=LOCK)
            if duty is None:
                session.add(Duty(name=name, holder=holder, until=until))
                return True
            if duty.holder != holder and duty.until > now:
                return False
            duty.holder, duty.until = holder, until
            return True
    except sqlalchemy.exc.IntegrityError:
        # Nobody had ever held it, and another one took it at this moment.
        return False


def release(database: Database, holder: str) -> None:
    """Gives up every duty of `holder`, so that the next one need not wait."""
    with database.writing() as session:
        now = clock(session)
        for duty in session.query(Duty).where(Duty.holder == holder):
            duty.until = now
