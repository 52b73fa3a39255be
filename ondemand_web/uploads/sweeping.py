# SPDX-License-Identifier: MIT
"""Sweeps uploads that nobody used for long, so that the disk stays bounded. Never one that an unfinished build names."""

from __future__ import annotations

import contextlib
import datetime
import logging
import time

import sqlalchemy as sa

from ondemand_web.database import clock
from ondemand_web.service import Service
from ondemand_web.uploads.models import Upload
from ondemand_web.uploads.services import NOTED, PARTIAL, Uploads, in_use

LEFT = 24 * 3600.0
"""Seconds after which what a process left half-written goes."""
log = logging.getLogger(__name__)


def sweep_all(here: Service) -> bool:
    """The dispatcher's duty. Always False: then it pauses."""
    if removed := sweep(here.uploads):
        log.info("%d uploads that nobody uses any more are removed", removed)
    return False


def sweep(uploads: Uploads) -> int:
    """Removes uploads whose time is over and files without a row; gives how many rows that were."""
    with uploads.alone():
        removed = _forget(uploads)
        with uploads.database.reading() as session:
            kept = set(session.execute(sa.select(Upload.sha256)).scalars())
        for path in uploads.folder.glob("*/*.rpm"):
            if path.stem not in kept:
                path.unlink(missing_ok=True)
    for path in uploads.folder.glob(f"{PARTIAL}*"):
        with contextlib.suppress(OSError):
            if time.time() - path.stat().st_mtime > LEFT:
                path.unlink()
    return removed


def _forget(uploads: Uploads) -> int:
    """Removes the rows whose time is over. What an unfinished build names counts as used now."""
    with uploads.database.writing() as session:
        now = clock(session)
        needed = sorted(in_use(session))
        for sha256 in needed:
            of_build = (Upload.sha256 == sha256, Upload.last_used_at < now - NOTED)
            session.execute(sa.update(Upload).where(*of_build).values(last_used_at=now))
        limit = now - datetime.timedelta(days=uploads.master.keep_uploads)
        # The condition is held against each row as it is then: a check may have noted a use meanwhile.
        over = sa.delete(Upload).where(Upload.last_used_at < limit, Upload.sha256.not_in(needed))
        return len(session.execute(over.returning(Upload.owner)).all())
