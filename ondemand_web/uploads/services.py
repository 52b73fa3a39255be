# SPDX-License-Identifier: MIT
"""Taking, listing, finding and removing uploads. A row and its file come and go under one lock.

The file of a digest lies there once, whoever uploaded it; it goes with the last row.
"""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import fcntl
import hashlib
import os
import pathlib
import tempfile
from collections.abc import Iterator
from typing import IO, BinaryIO

import sqlalchemy as sa
from sqlalchemy import orm

from ondemand import errors, plugins, references, settings
from ondemand.states import State
from ondemand.uploads import KIND, UploadList, UploadRecord, reference
from ondemand_web.builds.models import Build
from ondemand_web.database import Database, clock
from ondemand_web.packages import downloads, headers, rpm_files
from ondemand_web.uploads.models import Upload

MOST = 2000
"""Uploads that one owner may have."""
NOTED = datetime.timedelta(hours=1)
"""How exactly the last use is known, so that a check seldom writes."""
PARTIAL = ".new-"
"""What the name of a file that is still coming begins with."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Uploads:
    """The uploads of this service."""

    database: Database
    master: settings.Master

    @property
    def folder(self) -> pathlib.Path:
        """Where the files lie."""
        return self.master.data / "rpms"

    def path(self, sha256: str) -> pathlib.Path:
        """The file of that digest."""
        return self.folder / sha256[:2] / f"{sha256}.rpm"

    def url(self, row: Upload) -> str:
        """The address at which builders fetch it."""
        return f"{self.master.url.rstrip('/')}/uploads/{row.sha256}/{row.filename}"

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Held by who adds or removes files, and then only as long as one transaction takes."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / ".lock").open("a") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def require_room(self, owner: str, size: int) -> None:
        """Refuses before a byte came what can't be taken; raises errors.HttpError or errors.UploadsFull."""
        if size > self.master.max_rpm:
            raise _too_large(self.master.max_rpm)
        with self.database.reading() as session:
            _require_room(session, self.master, owner, size)

    def take(self, owner: str, stream: BinaryIO) -> UploadRecord:
        """Reads an RPM to its end and keeps it; the same one again changes nothing but its last use.

        Raises errors.WrongDigest, errors.InvalidRequest, errors.HttpError, errors.UploadsFull and errors.StorageFailed.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=self.folder, prefix=PARTIAL) as made:
                sha256 = _copied(stream, made, self.master.max_rpm)
                work = pathlib.Path(made.name)
                header = rpm_files.verified(work)
                os.fsync(made.fileno())
                return self._keep(owner, work, sha256, header)
        except OSError as error:
            raise errors.StorageFailed(
                "The RPM can't be kept on the master's disk",
                cause=f"of «{error.strerror or error}»",
                remedy="try again later, and tell the operator if it stays",
            ) from error

    def _keep(self, owner: str, work: pathlib.Path, sha256: str, header: headers.Header) -> UploadRecord:
        size = work.stat().st_size
        with self.alone(), self.database.writing() as session:
            now = clock(session)
            row = session.get(Upload, (sha256, owner))
            if row is None:
                _require_room(session, self.master, owner, size, sha256)
                parts = {part: getattr(header, part) for part in ("name", "epoch", "version", "release", "arch", "signed_by")}
                row = Upload(sha256=sha256, owner=owner, size=size, created_at=now, last_used_at=now, **parts)
                session.add(row)
            row.last_used_at = now
            _place(work, self.path(sha256))
            return self.record(row)

    def record(self, row: Upload) -> UploadRecord:
        """The upload as the API gives it."""
        return UploadRecord(
            reference=reference(row.sha256),
            sha256=row.sha256,
            nevra=row.nevra,
            size=row.size,
            signed_by=row.signed_by,
            owner=row.owner,
            url=self.url(row),
            created_at=row.created_at,
            last_used_at=row.last_used_at,
            kept_until=row.last_used_at + datetime.timedelta(days=self.master.keep_uploads),
        )

    def of_owner(self, owner: str) -> UploadList:
        """The owner's, the newest first."""
        query = sa.select(Upload).where(Upload.owner == owner).order_by(Upload.created_at.desc(), Upload.sha256)
        with self.database.reading() as session:
            rows = list(session.execute(query).scalars())
        used, limit = sum(row.size for row in rows), self.master.uploads_per_owner
        return UploadList(uploads=tuple(map(self.record, rows)), used=used, limit=limit, max_rpm=self.master.max_rpm)

    def find(self, sha256: str) -> plugins.SourceRpm | None:
        """The upload as sources tell of it, noted as used now; None where it is not there."""
        with self.database.reading() as session:
            row, now = _any(session, sha256), clock(session)
        if row is None or (now - row.last_used_at > NOTED and not self._note(sha256, now)):
            return None
        path = self.path(sha256)
        try:
            header = rpm_files.header(path)
        except downloads.Missing:
            return None
        # Koji names its builds' RPMs by these digests, so that two that differ are told apart.
        digests = {"sha256": sha256, "sigmd5": header.sigmd5, "header-sha256": header.header_sha256}
        return plugins.SourceRpm(
            name=row.name,
            epoch=row.epoch,
            version=row.version,
            release=row.release,
            arch=row.arch,
            urls=(self.url(row),),
            checksums={kind: digest for kind, digest in digests.items() if digest},
            size=row.size,
            signed_by=(row.signed_by,) if row.signed_by else (),
            origin=KIND,
            file=path,
        )

    def _note(self, sha256: str, now: datetime.datetime) -> bool:
        """Whether it is still there, and now for a while."""
        with self.database.writing() as session:
            statement = sa.update(Upload).where(Upload.sha256 == sha256).values(last_used_at=now)
            return bool(session.execute(statement.returning(Upload.owner)).first())

    def served(self, sha256: str, filename: str) -> pathlib.Path:
        """The file at that address; raises errors.UnknownUpload."""
        with self.database.reading() as session:
            row = _any(session, sha256)
        path = self.path(sha256)
        if row is None or row.filename != filename or not path.exists():
            raise _unknown(sha256)
        return path

    def remove(self, sha256: str, who: str) -> None:
        """Removes the asker's upload, an operator everybody's of that digest.

        Raises errors.UnknownUpload, and errors.StateConflict while an unfinished build needs the file.
        """
        with self.alone():
            with self.database.writing() as session:
                rows = list(session.execute(sa.select(Upload).where(Upload.sha256 == sha256)).scalars())
                gone = [row for row in rows if row.owner == who or who in self.master.operators]
                if not gone:
                    raise _unknown(sha256)
                needed = in_use(session).get(sha256)
                if len(gone) == len(rows) and needed is not None:
                    raise errors.StateConflict(
                        f"Upload {gone[0].nevra} can't be removed",
                        cause=f"build {needed} needs it and has not ended",
                        remedy="cancel that build or wait for its end",
                    )
                for row in gone:
                    session.delete(row)
            if len(gone) == len(rows):
                self.path(sha256).unlink(missing_ok=True)


def in_use(session: orm.Session) -> dict[str, int]:
    """The digests that unfinished builds name, each with one of these builds."""
    unfinished = [state for state in State if not state.final]
    found: dict[str, int] = {}
    for build, request in session.execute(sa.select(Build.id, Build.request).where(Build.state.in_(unfinished))):
        for text in request.get("builds", ()):
            # What an earlier version took and this one can't read names no upload.
            with contextlib.suppress(errors.UnknownReference):
                wanted = references.parse(text)
                if wanted.kind == KIND:
                    found[wanted.value] = build
    return found


def _any(session: orm.Session, sha256: str) -> Upload | None:
    return session.execute(sa.select(Upload).where(Upload.sha256 == sha256).limit(1)).scalar_one_or_none()


def _copied(stream: BinaryIO, target: IO[bytes], limit: int) -> str:
    """The SHA-256 of what was copied."""
    digest, size = hashlib.sha256(), 0
    while piece := stream.read(rpm_files.PIECE):
        size += len(piece)
        if size > limit:
            raise _too_large(limit)
        digest.update(piece)
        target.write(piece)
    target.flush()
    return digest.hexdigest()


def _place(work: pathlib.Path, path: pathlib.Path) -> None:
    """Gives the file its name for good; its bytes are on the disk already."""
    if path.exists():
        return
    path.parent.mkdir(exist_ok=True)
    os.link(work, path)
    path.chmod(0o444)
    for folder in (path.parent, path.parent.parent):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _require_room(session: orm.Session, master: settings.Master, owner: str, size: int, sha256: str = "") -> None:
    """Raises errors.UploadsFull where another `size` bytes of the owner have no room; what lies there anyhow takes none."""
    mine = sa.select(sa.func.count(), sa.func.coalesce(sa.func.sum(Upload.size), 0)).where(Upload.owner == owner)
    count, used = session.execute(mine).one()
    if count >= MOST or used + size > master.uploads_per_owner:
        raise errors.UploadsFull(
            f"{owner} has no room for another RPM of {size} bytes",
            cause=f"{count} uploads of {used} bytes are there, and an owner may have {MOST} of {master.uploads_per_owner} bytes",
            remedy="remove some with `ondemand upload --remove`",
        )
    files = sa.select(Upload.sha256, Upload.size).distinct().subquery()
    held = session.execute(sa.select(sa.func.coalesce(sa.func.sum(files.c.size), 0))).scalar_one()
    if held + size > master.uploads_in_all and not (sha256 and _any(session, sha256)):
        raise errors.UploadsFull(
            f"The service has no room for another RPM of {size} bytes",
            cause=f"all uploads together have {held} of {master.uploads_in_all} bytes",
            remedy="try again later, since unused ones are removed after a while, or ask the operator",
        )


def _too_large(limit: int) -> errors.HttpError:
    return errors.HttpError(
        "The RPM is too large",
        status=413,
        cause=f"more than {limit} bytes are not taken",
        remedy="ask the operator to raise `master.max_rpm`",
    )


def _unknown(sha256: str) -> errors.UnknownUpload:
    return errors.UnknownUpload(
        f"There is no upload {sha256} of yours here",
        cause="it was never uploaded, was removed, or was swept after its time",
        remedy="upload the file again, or see yours with `ondemand upload --list`",
    )
