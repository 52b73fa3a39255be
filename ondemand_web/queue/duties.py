# SPDX-License-Identifier: MIT
"""Election by a row: of all dispatchers one holds a duty, as long as it says so in time."""

from __future__ import annotations

import datetime

from ondemand_web.database import Database, clock
from ondemand_web.queue.models import Duty

HOLD = 20.0
"""Seconds that a holder may be silent."""


def hold(database: Database, name: str, holder: str) -> bool:
    """Takes or keeps the duty `name` for `holder`; gives whether it is the holder's now."""
    with database.writing() as session:
        now = clock(session)
        until = now + datetime.timedelta(seconds=HOLD)
        duty = session.get(Duty, name, with_for_update=True)
        if duty is None:
            session.add(Duty(name=name, holder=holder, until=until))
            return True
        if duty.holder != holder and duty.until > now:
            return False
        duty.holder, duty.until = holder, until
        return True


def release(database: Database, holder: str) -> None:
    """Gives up every duty of `holder`, so that the next one need not wait."""
    with database.writing() as session:
        now = clock(session)
        for duty in session.query(Duty).where(Duty.holder == holder):
            duty.until = now
