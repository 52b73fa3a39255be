# SPDX-License-Identifier: MIT
"""The duty that reads a release's repositories when a message said that they are new."""

from __future__ import annotations

import logging
import math
import time

import sqlalchemy as sa

from ondemand import errors
from ondemand_web.packages import reading
from ondemand_web.service import Service
from ondemand_web.wishes.models import ReleaseToRead

log = logging.getLogger(__name__)
PAUSE = 60.0
"""Seconds between two readings of one release, however many messages ask for it: anybody may have sent them."""
_ASKED = sa.select(ReleaseToRead).order_by(ReleaseToRead.asked_at)


class Reader:
    """Reads releases that were asked for."""

    def __init__(self, here: Service) -> None:
        """`here` is the service."""
        self._here = here
        self._read: dict[str, float] = {}

    def __call__(self) -> bool:
        """Reads the one that was asked for first, of those that were not read just now; gives whether there was one.
        What can't be read now the next reading of all releases tries again."""
        with self._here.database.asking() as session:
            rows = list(session.execute(_ASKED).scalars())
        now = time.monotonic()
        asked = next((row for row in rows if now - self._read.get(row.release, -math.inf) >= PAUSE), None)
        if asked is None:
            return False
        self._read[asked.release] = now
        try:
            reading.read(self._here, self._here.releases.get(asked.release))
        except errors.UnknownRelease as error:
            log.warning("%s", error)
        with self._here.database.writing() as session:
            # Asked for again meanwhile, it is read again.
            same = (ReleaseToRead.release == asked.release, ReleaseToRead.asked_at == asked.asked_at)
            session.execute(sa.delete(ReleaseToRead).where(*same))
        return True
