# SPDX-License-Identifier: MIT
"""Puts uploaded artifacts into the storage and sweeps those that lost or whose time is over."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable
from typing import TypeVar

import sqlalchemy as sa
from sqlalchemy import orm

from ondemand import errors
from ondemand_web.builds import services as builds
from ondemand_web.builds.models import Build
from ondemand_web.database import LOCK, clock
from ondemand_web.files import services as files
from ondemand_web.files.models import ArtifactFile
from ondemand_web.queue.models import Attempt
from ondemand_web.service import Service

log = logging.getLogger(__name__)
TRIES = 3
PIECE = 50
"""Attempts that are swept at once."""
DELAY = 300.0
"""Seconds until something that could not be deleted is tried again."""
Found = TypeVar("Found")
_SAME_ATTEMPT = sa.and_(Attempt.build_id == ArtifactFile.build_id, Attempt.number == ArtifactFile.attempt)
_TO_STORE = (
    sa.select(ArtifactFile, Build)
    .join(Build, Build.id == ArtifactFile.build_id)
    .join(Attempt, _SAME_ATTEMPT)
    .where(sa.or_(ArtifactFile.state == "storing", sa.and_(ArtifactFile.state == "uploaded", Attempt.ended_at.is_(None))))
    .order_by(ArtifactFile.tries, ArtifactFile.build_id)
    .limit(1)
)


class Postponed:
    """What could not be deleted and when it may be tried again. Kept in memory: a new process tries all at once."""

    def __init__(self, delay: float = DELAY) -> None:
        """`delay` in seconds."""
        self._delay = delay
        self._until: dict[str, float] = {}

    @property
    def enough(self) -> int:
        """How many of the oldest things have to be looked at, so that one of them need not wait."""
        return len(self._until) + 1

    def ready(self, found: Iterable[tuple[Found, str]]) -> list[tuple[Found, str]]:
        """Those of the found things whose prefix need not wait."""
        now = time.monotonic()
        return [item for item in found if self._until.get(item[1], now) <= now]

    def delete(self, here: Service, prefix: str) -> bool:
        """Removes all below the prefix; gives False, and postpones it, when the storage can't."""
        try:
            here.storage.delete(prefix)
        except Exception:
            log.exception("%s can't be deleted now; it is tried again in %.0f s", prefix, self._delay)
            self._until[prefix] = time.monotonic() + self._delay
            return False
        self._until.pop(prefix, None)
        return True


def store_next(here: Service) -> bool:
    """Stores one uploaded artifact; gives whether there was one.

    While it is `storing`, nothing of its attempt is swept. One that is so already was left by a process that ended.
    """
    with here.database.asking() as session:
        found = session.execute(_TO_STORE).first()
    if found is None:
        return False
    row, build = found
    if not _begin(here, row):
        return True
    try:
        values: dict[str, object] = {"state": "stored", "url": _store(here, build, row)}
    except errors.OndemandError as error:
        log.warning("artifact %s: %s", files.key(build, row.attempt, row.name), error)
        last = isinstance(error, errors.WrongDigest) or row.tries + 1 >= TRIES
        values = {"state": "failed" if last else "uploaded", "tries": row.tries + 1, "error": error.sentence}
    with here.database.writing() as session:
        _set(session, row, values)
    if values["state"] == "stored":
        here.files.upload(row.build_id, row.attempt, row.name).unlink(missing_ok=True)
    return True


def _begin(here: Service, row: ArtifactFile) -> bool:
    """Notes that the file is on its way; one of an attempt that has ended stays behind."""
    with here.database.writing() as session:
        attempt = session.get_one(Attempt, (row.build_id, row.attempt), with_for_update=LOCK)
        runs = attempt.ended_at is None
        _set(session, row, {"state": "storing"} if runs else {"state": "failed", "error": "The attempt ended before."})
        return runs


def _set(session: orm.Session, row: ArtifactFile, values: dict[str, object]) -> None:
    of_row = (
        ArtifactFile.build_id == row.build_id,
        ArtifactFile.attempt == row.attempt,
        ArtifactFile.name == row.name,
    )
    session.execute(sa.update(ArtifactFile).where(*of_row).values(**values))


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
    try:
        stored = here.storage.store(path, files.key(build, row.attempt, row.name), row.sha256)
        return _url(here, build, row, stored.url)
    except errors.OndemandError:
        raise
    except Exception as error:
        raise errors.StorageFailed(
            f"{row.name} could not be stored", cause=f"the storage plugin broke off with {error!r}", remedy="it is tried again"
        ) from error


def sweep_next(here: Service, postponed: Postponed) -> bool:
    """Removes what some ended attempts left, but no file that is shown; gives whether there were any."""
    on_its_way = sa.select(ArtifactFile.name).where(_SAME_ATTEMPT, ArtifactFile.state == "storing").exists()
    with here.database.reading() as session:
        found = session.execute(
            sa.select(Attempt, Build)
            .join(Build, Build.id == Attempt.build_id)
            .where(Attempt.ended_at.is_not(None), Attempt.swept_at.is_(None), ~on_its_way)
            .order_by(Attempt.ended_at)
            .limit(postponed.enough + PIECE - 1)
        )
        chosen = postponed.ready(((attempt, build), files.prefix(build, attempt.number)) for attempt, build in found)[:PIECE]
    swept = []
    for (attempt, build), prefix in chosen:
        here.files.forget_uploads(build.id, attempt.number)
        if attempt.number in (build.winner, build.pictured) or postponed.delete(here, prefix):
            swept.append((build.id, attempt.number))
    if swept:
        with here.database.writing() as session:
            of_them = sa.tuple_(Attempt.build_id, Attempt.number).in_(swept)
            session.execute(sa.update(Attempt).where(of_them).values(swept_at=clock(session)))
    return bool(chosen)


def expire_next(here: Service, postponed: Postponed) -> bool:
    """Removes the artifacts of one build whose time is over; record, lock and logs stay."""
    with here.database.reading() as session:
        over = sa.select(Build).where(Build.kept_until < clock(session)).order_by(Build.kept_until).limit(postponed.enough)
        rows = session.execute(over).scalars()
        chosen = postponed.ready((build, files.prefix(build, build.shown or 0)) for build in rows)
    if not chosen:
        return False
    build, prefix = chosen[0]
    if postponed.delete(here, prefix):
        with here.database.writing() as session:
            row = builds.get(session, build.id, locked=True)
            row.kept_until, row.artifacts_removed_at = None, clock(session)
    return True


def _url(here: Service, build: Build, row: ArtifactFile, url: str) -> str:
    """The storage's own address, or the master's where the file is served from its disk."""
    if here.settings.storage.public_url or here.storage.local_path(files.key(build, row.attempt, row.name)) is None:
        return url
    return f"{here.settings.master.url.rstrip('/')}/builds/{build.id}/files/{row.name}"
