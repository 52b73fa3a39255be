# SPDX-License-Identifier: MIT
"""Logs and uploads as files on the master's disk, appended by offset. Rows speak of finished uploads only."""

from __future__ import annotations

import dataclasses
import fcntl
import hashlib
import os
import pathlib
import re
import shutil
import time
from typing import BinaryIO

import sqlalchemy as sa

from ondemand import errors
from ondemand.proofs import FILES, Artifact
from ondemand.states import Step
from ondemand_web.builds.models import Build
from ondemand_web.database import Database
from ondemand_web.files.models import ArtifactFile
from ondemand_web.queue import attempts

CHUNK = 1 << 20
PATIENCE = 5.0
"""Seconds that a piece waits for another one of the same file."""
UPLOAD_REMEDY = "ask the operator to raise `master.max_upload`"
LOG_REMEDY = "send no more of it; the build may go on"
_NAME = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._+-]{0,199}$")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Files:
    """The master's folders of logs and uploads below `data`."""

    data: pathlib.Path
    max_upload: int

    def log(self, build_id: int, attempt: int, step: Step) -> pathlib.Path:
        """The log of one step."""
        return self.data / "logs" / str(build_id) / str(attempt) / f"{step.value}.log"

    def upload(self, build_id: int, attempt: int, name: str) -> pathlib.Path:
        """Where an artifact lies until it is stored; raises errors.InvalidRequest for a wrong name."""
        if not _NAME.match(name):
            raise errors.InvalidRequest(
                f"«{name[:200]}» is no name for an artifact",
                cause="only letters, digits, dot, dash, plus and underscore may stand in it",
                remedy="rename the file",
            )
        return self.data / "uploads" / str(build_id) / str(attempt) / name

    def forget_uploads(self, build_id: int, attempt: int) -> None:
        """Removes what an attempt left in the uploads."""
        shutil.rmtree(self.data / "uploads" / str(build_id) / str(attempt), ignore_errors=True)


def append(
    path: pathlib.Path,
    offset: int,
    stream: BinaryIO,
    limit: int,
    remedy: str = UPLOAD_REMEDY,
    patience: float = PATIENCE,
) -> int:
    """Appends the stream's bytes at `offset`; gives the file's size in bytes. Waits `patience` s for another piece's end.

    Raises errors.OffsetMismatch with the true size when `offset` is not the file's end, errors.ServiceError when the
    other piece does not end, and errors.InvalidRequest with `remedy` past `limit` bytes; nothing of that piece stays.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    with os.fdopen(descriptor, "r+b") as file:
        _lock(file, path.name, patience)
        size = file.seek(0, os.SEEK_END)
        if size != offset:
            raise errors.OffsetMismatch(
                f"The piece does not begin where {path.name} ends",
                size=size,
                cause=f"{size} bytes are here",
                remedy=f"go on at offset {size}",
            )
        while piece := stream.read(CHUNK):
            size += len(piece)
            if size > limit:
                file.truncate(offset)
                raise errors.InvalidRequest(
                    f"{path.name} is too large", cause=f"more than {limit} bytes are not taken", remedy=remedy
                )
            file.write(piece)
    return size


def _lock(file: BinaryIO, name: str, patience: float) -> None:
    """Keeps everybody else from appending to the file. A piece whose sender broke off ends soon, so it is waited for."""
    end = time.monotonic() + patience
    while True:
        try:
            return fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            if time.monotonic() >= end:
                raise errors.ServiceError(
                    f"Another piece of {name} is still coming", remedy="send this one again"
                ) from error
            time.sleep(0.05)


def growing(database: Database, files: Files, builder: str, build_id: int, attempt: int, name: str) -> pathlib.Path:
    """The upload to append to; raises errors.StateConflict for a completed one, errors.InvalidRequest for one too many."""
    path = files.upload(build_id, attempt, name)
    names = {item["name"] for item in of_attempt(database, builder, build_id, attempt)}
    if name in names:
        raise _completed(name)
    begun = {file.name for file in path.parent.iterdir()} if path.parent.exists() else set()
    if len(names | begun | {name}) > FILES:
        raise errors.InvalidRequest(
            f"Attempt {attempt} of build {build_id} has too many files for {name}",
            cause=f"an attempt may have {FILES}",
            remedy="pack several into one",
        )
    return path


def complete(
    database: Database, files: Files, builder: str, build_id: int, attempt: int, artifact: Artifact
) -> None:
    """Notes an upload as whole; its digest is compared before it is stored. Repeating it is harmless.

    Raises errors.WrongDigest for another size, errors.StateConflict when it was completed as something else.
    """
    path = files.upload(build_id, attempt, artifact.name)
    with database.writing() as session:
        attempts.running(session, builder, build_id, attempt, locked=True)
        known = session.get(ArtifactFile, (build_id, attempt, artifact.name))
        if known is None:
            _compare_size(path, artifact)
            session.add(ArtifactFile(build_id=build_id, attempt=attempt, state="uploaded", **artifact.model_dump()))
        elif (known.role, known.size, known.sha256) != (artifact.role, artifact.size, artifact.sha256):
            raise _completed(artifact.name)


def _compare_size(path: pathlib.Path, artifact: Artifact) -> None:
    size = path.stat().st_size if path.exists() else None
    if size != artifact.size:
        path.unlink(missing_ok=True)
        raise errors.WrongDigest(
            f"{artifact.name} can't be completed",
            cause=f"{'nothing' if size is None else f'{size} bytes'} of it came, of {artifact.size}",
            remedy="upload it again from the start",
        )


def _completed(name: str) -> errors.StateConflict:
    return errors.StateConflict(
        f"{name} was completed before",
        cause="what was completed is being stored and can't change",
        remedy="give other bytes another name",
    )


def of_attempt(database: Database, builder: str, build_id: int, attempt: int) -> list[dict[str, str | None]]:
    """The running attempt's artifacts with their states, for its builder."""
    with database.reading() as session:
        attempts.running(session, builder, build_id, attempt)
        rows = session.execute(
            sa.select(ArtifactFile).where(ArtifactFile.build_id == build_id, ArtifactFile.attempt == attempt)
        ).scalars()
        return [{"name": row.name, "state": row.state, "url": row.url, "error": row.error} for row in rows]


def published(database: Database, build_id: int, name: str) -> tuple[ArtifactFile, str]:
    """The shown artifact of that name with its storage key; raises errors.UnknownBuild."""
    with database.reading() as session:
        build = session.get(Build, build_id)
        row = session.get(ArtifactFile, (build_id, build.shown, name)) if build and build.shown else None
        if build is None or row is None:
            raise errors.UnknownBuild(
                f"Build {build_id} has no file «{name[:200]}»",
                cause="the build has not succeeded, its files were removed after their time, or the name is wrong",
                remedy="see the build's page",
            )
        return row, key(build, row.attempt, row.name)


def key(build: Build, attempt: int, name: str) -> str:
    """An artifact's place in the storage: `release/build/attempt/name`."""
    return f"{prefix(build, attempt)}/{name}"


def prefix(build: Build, attempt: int) -> str:
    """Where an attempt's artifacts lie in the storage."""
    return f"{build.release}/{build.id}/{attempt}"


def sha256(path: pathlib.Path) -> str:
    """The file's SHA-256 in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
