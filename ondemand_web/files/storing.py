# SPDX-License-Identifier: MIT
"""Puts uploaded artifacts into the storage and sweeps those that lost or whose time is over."""

from __future__ import annotations

import datetime
import logging

import sqlalchemy as sa

from ondemand import errors
from ondemand_web.builds import services as builds
from ondemand_web.builds.models import Build
from ondemand_web.database import clock
from ondemand_web.files import services as files
from ondemand_web.files.models import ArtifactFile
from ondemand_web.queue.models import Attempt
from ondemand_web.service import Service

log = logging.getLogger(__name__)
TRIES = 3


def store_next(here: Service) -> bool:
    """Stores one uploaded artifact; gives whether there was one."""
    with here.database.reading() as session:
        found = session.execute(
            sa.select(ArtifactFile, Build)
            .join(Build, Build.id == ArtifactFile.build_id)
            .join(Attempt, sa.and_(Attempt.build_id == Build.id, Attempt.number == ArtifactFile.attempt))
            .where(ArtifactFile.state == "uploaded", Attempt.ended_at.is_(None))
            .order_by(ArtifactFile.tries, ArtifactFile.build_id)
            .limit(1)
        ).first()
    if found is None:
        return False
    row, build = found
    try:
        values: dict[str, object] = {"state": "stored", "url": _store(here, build, row)}
    except errors.OndemandError as error:
        log.warning("artifact %s: %s", files.key(build, row.attempt, row.name), error)
        last = isinstance(error, errors.WrongDigest) or row.tries + 1 >= TRIES
        values = {"state": "failed" if last else "uploaded", "tries": row.tries + 1, "error": error.sentence}
    with here.database.writing() as session:
        session.execute(
            sa.update(ArtifactFile)
            .where(
                ArtifactFile.build_id == row.build_id,
                ArtifactFile.attempt == row.attempt,
                ArtifactFile.name == row.name,
            )
            .values(**values)
        )
    if values["state"] == "stored":
        here.files.upload(row.build_id, row.attempt, row.name).unlink(missing_ok=True)
    return True


def _store(here: Service, build: Build, row: ArtifactFile) -> str:
    """Stores an upload and gives its address; raises errors.WrongDigest or errors.StorageFailed."""
    path = here.files.upload(row.build_id, row.attempt, row.name)
    try:
        digest = files.sha256(path)
    except OSError as error:
        raise errors.StorageFailed(
            f"{row.name} can't be read from the master's disk", cause=error.strerror or str(error), remedy="it is tried again"
        ) from error
    if digest != row.sha256:
        raise errors.WrongDigest(
            f"{row.name} came with other bytes than announced",
            cause=f"its SHA-256 is {digest}",
            remedy="the upload was damaged, so make the build once more",
        )
    stored = here.storage.store(path, files.key(build, row.attempt, row.name), row.sha256)
    return _url(here, build, row, stored.url)


def sweep_next(here: Service) -> bool:
    """Removes what one ended attempt left, but no file that is shown; gives whether there was one."""
    with here.database.reading() as session:
        found = session.execute(
            sa.select(Attempt, Build)
            .join(Build, Build.id == Attempt.build_id)
            .where(Attempt.ended_at.is_not(None), Attempt.swept_at.is_(None))
            .limit(1)
        ).first()
    if found is None:
        return False
    attempt, build = found
    here.files.forget_uploads(build.id, attempt.number)
    if attempt.number not in (build.winner, build.pictured):
        here.storage.delete(files.prefix(build, attempt.number))
    with here.database.writing() as session:
        session.get_one(Attempt, (build.id, attempt.number)).swept_at = clock(session)
    return True


def expire_next(here: Service) -> bool:
    """Removes the artifacts of one build whose time is over; record, lock and logs stay."""
    with here.database.reading() as session:
        now = clock(session)
        rows = session.execute(
            sa.select(Build).where(
                sa.or_(Build.winner.is_not(None), Build.pictured.is_not(None)),
                Build.artifacts_removed_at.is_(None),
                Build.ended_at < now - datetime.timedelta(days=1),
            )
        ).scalars()
        over = [build for build in rows if _is_over(build, now)]
    for build in over:
        here.storage.delete(files.prefix(build, build.shown or 0))
        with here.database.writing() as session:
            builds.get(session, build.id).artifacts_removed_at = clock(session)
    return bool(over)


def _is_over(build: Build, now: datetime.datetime) -> bool:
    keep = datetime.timedelta(days=builds.request_of(build).keep_for)
    return build.ended_at is not None and build.ended_at + keep < now


def _url(here: Service, build: Build, row: ArtifactFile, url: str) -> str:
    """The storage's own address, or the master's where the file is served from its disk."""
    if here.settings.storage.public_url or here.storage.local_path(files.key(build, row.attempt, row.name)) is None:
        return url
    return f"{here.settings.master.url.rstrip('/')}/builds/{build.id}/files/{row.name}"
