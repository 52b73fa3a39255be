# SPDX-License-Identifier: MIT
"""Snapshots: a repository's metadata at one moment, named by the SHA-256 of its repomd.xml, kept on disk.

A snapshot never changes once it stands; RPMs are none of its business.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import gzip
import hashlib
import importlib.metadata
import lzma
import os
import pathlib
import shutil
import tempfile
import time
import urllib.parse
import uuid
import xml.etree.ElementTree as etree
from collections.abc import Iterator
from typing import IO, Any, cast

import requests
import solv
import zstandard

from ondemand import errors
from ondemand_web.packages import downloads, solv_files

REPOMD = "repodata/repomd.xml"
REPOMD_LIMIT = 1024 * 1024
FILE_LIMIT = 512 * 1024 * 1024
OPEN_LIMIT = 4 * 1024**3
TOTAL = 240.0
"""Seconds that the files of a snapshot may take in all."""
_SPACE = "{http://linux.duke.edu/metadata/repo}"
_PARTS = {
    "primary": ("primary",),
    "filelists": ("filelists",),
    "updateinfo": ("updateinfo",),
    "comps": ("group", "group_gz", "group_zst", "group_xz"),
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Part:
    """A metadata file that repomd.xml names; `size` is bytes or -1."""

    href: str
    sha256: str
    size: int


@dataclasses.dataclass(frozen=True, kw_only=True)
class Snapshot:
    """A repository at one moment. `sha256` is that of repomd.xml; `folder` holds it and what it names.

    `url` is where it was read, `mirrors` are further addresses of the same repository. `warnings` are for the lock.
    """

    repository: str
    url: str
    sha256: str
    folder: pathlib.Path
    primary: Part
    filelists: Part | None
    comps: Part | None
    updateinfo: Part | None = None
    mirrors: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    @functools.cached_property
    def urls(self) -> tuple[str, ...]:
        """All its addresses, the one where it was read first."""
        return (self.url, *self.mirrors)


def take(
    repository: str, url: str, folder: pathlib.Path, session: requests.Session, seconds: float = TOTAL
) -> Snapshot:
    """The repository as it is now: downloads what is not there yet, below `folder`/<repository>/<sha256>.

    Raises errors.SourceUnavailable when it is away, broken, in the middle of its update or slower than `seconds`
    in all, and downloads.Missing when there is no repository at `url`.
    """
    end = time.monotonic() + seconds
    repomd = downloads.text(session, f"{url}/{REPOMD}", REPOMD_LIMIT, min(seconds, downloads.SHORTEST))
    return complete(repository, url, repomd, folder, session, end - time.monotonic())


def complete(
    repository: str, url: str, repomd: bytes, folder: pathlib.Path, session: requests.Session, seconds: float = TOTAL
) -> Snapshot:
    """The snapshot that a repomd.xml names: downloads from `url` what is not there yet, in `seconds` at most.

    Several processes may take the same one at once; raises errors.SourceUnavailable.
    """
    snapshot = _read(repository, url, repomd, folder / repository)
    if not (snapshot.folder / "repomd.xml").exists():
        snapshot.folder.parent.mkdir(parents=True, exist_ok=True)
        work = pathlib.Path(tempfile.mkdtemp(prefix=".new-", dir=snapshot.folder.parent))
        end = time.monotonic() + seconds
        # Asked in this order: another process may put a whole one there at any moment.
        if snapshot.folder.exists() and not (snapshot.folder / "repomd.xml").exists():
            discard(snapshot.folder)
        try:
            for part in filter(None, (snapshot.primary, snapshot.comps, snapshot.updateinfo)):
                _download(snapshot, part, work, session, end - time.monotonic())
            (work / "repomd.xml").write_bytes(repomd)
            with contextlib.suppress(FileExistsError, OSError):
                work.rename(snapshot.folder)
        finally:
            shutil.rmtree(work, ignore_errors=True)
    _used(snapshot.folder)
    return snapshot


def discard(folder: pathlib.Path) -> None:
    """Removes a snapshot's folder; at once for all who look for it, since half of one must never be found."""
    with contextlib.suppress(OSError):
        gone = folder.rename(folder.with_name(f".new-{uuid.uuid4().hex}"))
        shutil.rmtree(gone, ignore_errors=True)


def _used(folder: pathlib.Path) -> None:
    """Notes that the snapshot was wanted now, by the time of its folder."""
    with contextlib.suppress(OSError):
        os.utime(folder)


def remember(snapshot: Snapshot, name: str, folder: pathlib.Path) -> None:
    """Notes below `folder` that the snapshot is the newest one of what is called `name`."""
    path = folder / "newest" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    work = path.with_name(f".new-{uuid.uuid4().hex}")
    work.write_text("\n".join((snapshot.sha256, *snapshot.urls)))
    work.replace(path)


def newest(repository: str, url: str, name: str, folder: pathlib.Path) -> Snapshot | None:
    """The snapshot that was noted last under `name`, by default at `url`; None when there is none. Asks no server."""
    parent = f"{folder}/{repository}"
    try:
        with open(f"{folder}/newest/{name}", encoding="utf-8") as file:
            digest, *urls = file.read().split("\n")
        # That it is wanted now; and it must be there still, whatever is known of it.
        os.utime(f"{parent}/{digest}")
        return _remembered(repository, digest, tuple(urls or [url]), parent)
    except OSError:
        return None


@functools.lru_cache(maxsize=64)
def _remembered(repository: str, digest: str, urls: tuple[str, ...], parent: str) -> Snapshot | None:
    """A snapshot never changes, so what its repomd.xml says is read once. Raises OSError."""
    repomd = pathlib.Path(parent, digest, "repomd.xml").read_bytes()
    if hashlib.sha256(repomd).hexdigest() != digest:
        raise OSError("it is damaged")
    first, *others = urls
    return dataclasses.replace(_read(repository, first, repomd, pathlib.Path(parent)), mirrors=tuple(others))


def noted(name: str, folder: pathlib.Path) -> float | None:
    """When a snapshot was last noted under `name`, in seconds since 1970; None for never."""
    try:
        return (folder / "newest" / name).stat().st_mtime
    except OSError:
        return None


def load(pool: Any, snapshot: Snapshot, session: requests.Session, *, filelists: bool = False) -> Any:
    """The snapshot as a libsolv repository in `pool`, from its `.solv` file, written first if need be."""
    cache = solv_file(snapshot, "-filelists" if filelists else "")
    repo = pool.add_repo(snapshot.repository)
    if solv_files.read(repo, cache):
        return repo
    repo.empty(True)
    _parse(repo, snapshot, snapshot.primary, 0)
    if filelists and snapshot.filelists:
        if not _path(snapshot, snapshot.filelists).exists():
            _download(snapshot, snapshot.filelists, snapshot.folder, session)
        _parse(repo, snapshot, snapshot.filelists, solv.Repo.REPO_EXTEND_SOLVABLES)
    solv_files.write(repo, cache)
    return repo


def solv_file(snapshot: Snapshot, tail: str = "") -> pathlib.Path:
    """Where the snapshot is kept as libsolv writes it, once it was loaded."""
    return snapshot.folder / f"{snapshot.sha256}-{importlib.metadata.version('solv')}{tail}.solv"


def comps(snapshot: Snapshot) -> str:
    """The text of the repository's group file; empty where there is none. Raises errors.SourceUnavailable."""
    if snapshot.comps is None:
        return ""
    with opened(snapshot, snapshot.comps) as source:
        return source.read(64 * 1024 * 1024).decode("utf-8", "replace")


@contextlib.contextmanager
def opened(snapshot: Snapshot, part: Part) -> Iterator[IO[bytes]]:
    """The unpacked bytes of a part; raises errors.SourceUnavailable."""
    with _opened(_sound(snapshot, part)) as source:
        yield source


@functools.lru_cache(maxsize=32)
def _read(repository: str, url: str, repomd: bytes, parent: pathlib.Path) -> Snapshot:
    try:
        root = etree.fromstring(repomd)  # noqa: S314 - 1 MiB at most, and expat bounds entities
        parts = {data.get("type", ""): data for data in root.iter(f"{_SPACE}data")}
        found = {
            role: next((_part(parts[name]) for name in names if name in parts), None) for role, names in _PARTS.items()
        }
    except (etree.ParseError, ValueError) as error:
        raise downloads.unavailable(f"{url}/repodata/repomd.xml", f"it is no repository metadata ({error})") from error
    primary = found["primary"]
    if primary is None:
        raise downloads.unavailable(f"{url}/repodata/repomd.xml", "it names no primary metadata")
    digest = hashlib.sha256(repomd).hexdigest()
    return Snapshot(
        repository=repository,
        url=url,
        sha256=digest,
        folder=parent / digest,
        primary=primary,
        filelists=found["filelists"],
        comps=found["comps"],
        updateinfo=found["updateinfo"],
        warnings=(f"The modules of repository {repository} are ignored.",) if "modules" in parts else (),
    )


def _part(data: etree.Element) -> Part:
    location, checksum = data.find(f"{_SPACE}location"), data.find(f"{_SPACE}checksum")
    href = location.get("href", "") if location is not None else ""
    path = pathlib.PurePosixPath(href)
    if not href or ":" in href or path.is_absolute() or ".." in path.parts:
        raise ValueError(f"it names the file {href[:100]!r}")
    if checksum is None or checksum.get("type") != "sha256" or len((checksum.text or "").strip()) != 64:
        raise ValueError("it holds a checksum that is not SHA-256")
    return Part(href=href, sha256=(checksum.text or "").strip(), size=int(data.findtext(f"{_SPACE}size") or -1))


def _download(
    snapshot: Snapshot, part: Part, folder: pathlib.Path, session: requests.Session, seconds: float = TOTAL
) -> None:
    url = f"{snapshot.url}/{urllib.parse.quote(part.href)}"
    name = pathlib.PurePosixPath(part.href).name
    limit = min(FILE_LIMIT, part.size if part.size >= 0 else FILE_LIMIT)
    with tempfile.NamedTemporaryFile(dir=folder, prefix=".new-", delete=False) as made:
        work = pathlib.Path(made.name)
    try:
        fair = downloads.SHORTEST + limit / downloads.SLOWEST
        downloads.file(session, url, work, part.sha256, limit, min(seconds, fair))
        work.replace(folder / name)
    except downloads.Missing as error:
        raise downloads.unavailable(url, "repomd.xml names the file and it is not there") from error
    finally:
        work.unlink(missing_ok=True)


def _path(snapshot: Snapshot, part: Part) -> pathlib.Path:
    return snapshot.folder / pathlib.PurePosixPath(part.href).name


def _sound(snapshot: Snapshot, part: Part) -> pathlib.Path:
    """The part's file, if its bytes are still those that repomd.xml names; else the snapshot is given up."""
    path = _path(snapshot, part)
    with contextlib.suppress(OSError), path.open("rb") as source:
        if hashlib.file_digest(source, "sha256").hexdigest() == part.sha256:
            return path
    discard(snapshot.folder)
    raise errors.SourceUnavailable(
        f"The kept file {path.name} of repository {snapshot.repository} is damaged",
        cause="this machine's disk gave back other bytes than were written",
        remedy="nothing to do: the repository is read anew with the next try",
    )


def _parse(repo: Any, snapshot: Snapshot, part: Part, flags: int) -> None:
    """Feeds a metadata file to libsolv, unpacked here: not every libsolv reads every compression."""
    with tempfile.TemporaryFile(dir=snapshot.folder) as plain:
        with opened(snapshot, part) as source:
            left = OPEN_LIMIT
            while chunk := source.read(1024 * 1024):
                left -= len(chunk)
                if left < 0:
                    raise downloads.unavailable(f"{snapshot.url}/{part.href}", "it unpacks to more than 4 GiB")
                plain.write(chunk)
        plain.seek(0)
        handle = solv.xfopen_fd("plain.xml", plain.fileno())
        try:
            if not repo.add_rpmmd(handle, None, flags):
                raise downloads.unavailable(f"{snapshot.url}/{part.href}", f"libsolv can't read it: {repo.pool.errstr}")
        finally:
            handle.close()


@contextlib.contextmanager
def _opened(path: pathlib.Path) -> Iterator[IO[bytes]]:
    openers: dict[str, Any] = {".gz": gzip.open, ".xz": lzma.open, ".zst": zstandard.open}
    try:
        with openers.get(path.suffix, open)(path, "rb") as source:
            yield cast(IO[bytes], source)
    except (OSError, EOFError, lzma.LZMAError, zstandard.ZstdError) as error:
        raise errors.SourceUnavailable(
            f"The repository file {path.name} can't be unpacked",
            cause=str(error),
            remedy="nothing to do: the check is tried again by itself",
        ) from error
