# SPDX-License-Identifier: MIT
"""The duty that reads a release's repositories when a message said that they are new."""

from __future__ import annotations

import logging

import sqlalchemy as sa

from ondemand import errors
from ondemand_web.packages import reading
from ondemand_web.service import Service
from ondemand_web.wishes.models import ReleaseToRead

log = logging.getLogger(__name__)


def read_next(here: Service) -> bool:
    """Reads the release that was asked for first; gives whether there was one. What can't be read now the next
    reading of all releases tries again."""
    with here.database.reading() as session:
        asked = session.execute(sa.select(ReleaseToRead).order_by(ReleaseToRead.asked_at).limit(1)).scalar()
    if asked is None:
        return False
    try:
        reading.read(here, here.releases.get(asked.release))
    except errors.UnknownRelease as error:
        log.warning("%s", error)
    with here.database.writing() as session:
        # Asked for again meanwhile, it is read again.
        same = (ReleaseToRead.release == asked.release, ReleaseToRead.asked_at == asked.asked_at)
        session.execute(sa.delete(ReleaseToRead).where(*same))
    return True
