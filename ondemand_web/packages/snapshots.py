# SPDX-License-Identifier: MIT
"""Snapshots: a repository's metadata at one moment, named by the SHA-256 of its repomd.xml, kept on disk.

A snapshot never changes once it stands; RPMs are none of its business.
"""

from __future__ import annotations

import contextlib
import dataclasses
import gzip
import hashlib
import importlib.metadata
import lzma
import pathlib
import shutil
import tempfile
import urllib.parse
import uuid
import xml.etree.ElementTree as etree
from collections.abc import Iterator
from typing import IO, Any, cast

import requests
import solv
import zstandard

from ondemand import errors
from ondemand_web.packages import downloads

REPOMD_LIMIT = 1024 * 1024
FILE_LIMIT = 512 * 1024 * 1024
OPEN_LIMIT = 4 * 1024**3
_SPACE = "{http://linux.duke.edu/metadata/repo}"
_PARTS = {
    "primary": ("primary",),
    "filelists": ("filelists",),
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
    """A repository at one moment. `sha256` is that of repomd.xml; `folder` holds it and what it names."""

    repository: str
    url: str
    sha256: str
    folder: pathlib.Path
    primary: Part
    filelists: Part | None
    comps: Part | None


def take(repository: str, url: str, folder: pathlib.Path, session: requests.Session) -> Snapshot:
    """The repository as it is now: downloads what is not there yet, below `folder`/<repository>/<sha256>.

    Raises errors.SourceUnavailable when it is away, broken or in the middle of its update, and
    downloads.Missing when there is no repository at `url`.
    """
    repomd = downloads.text(session, f"{url}/repodata/repomd.xml", REPOMD_LIMIT)
    snapshot = _read(repository, url, repomd, folder / repository)
    if not (snapshot.folder / "repomd.xml").exists():
        snapshot.folder.parent.mkdir(parents=True, exist_ok=True)
        work = pathlib.Path(tempfile.mkdtemp(prefix=".new-", dir=snapshot.folder.parent))
        try:
            for part in filter(None, (snapshot.primary, snapshot.comps)):
                _download(snapshot, part, work, session)
            (work / "repomd.xml").write_bytes(repomd)
            with contextlib.suppress(FileExistsError, OSError):
                work.rename(snapshot.folder)
        finally:
            shutil.rmtree(work, ignore_errors=True)
    return snapshot


def remember(snapshot: Snapshot, name: str, folder: pathlib.Path) -> None:
    """Notes below `folder` that the snapshot is the newest one of what is called `name`."""
    path = folder / "newest" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    work = path.with_name(f".new-{uuid.uuid4().hex}")
    work.write_text(snapshot.sha256)
    work.replace(path)


def newest(repository: str, url: str, name: str, folder: pathlib.Path) -> Snapshot | None:
    """The snapshot that was noted last under `name`; None when there is none. Asks no server."""
    try:
        digest = (folder / "newest" / name).read_text()
        repomd = (folder / repository / digest / "repomd.xml").read_bytes()
    except OSError:
        return None
    return _read(repository, url, repomd, folder / repository)


def load(pool: Any, snapshot: Snapshot, session: requests.Session, *, filelists: bool = False) -> Any:
    """The snapshot as a libsolv repository in `pool`, from its `.solv` file, written first if need be."""
    tail = "-filelists" if filelists else ""
    cache = snapshot.folder / f"{snapshot.sha256}-{importlib.metadata.version('solv')}{tail}.solv"
    repo = pool.add_repo(snapshot.repository)
    if cache.exists():
        with _solv_file(cache) as handle:
            if repo.add_solv(handle):
                return repo
        repo.empty(True)
    _parse(repo, snapshot, snapshot.primary, 0)
    if filelists and snapshot.filelists:
        if not (snapshot.folder / pathlib.PurePosixPath(snapshot.filelists.href).name).exists():
            _download(snapshot, snapshot.filelists, snapshot.folder, session)
        _parse(repo, snapshot, snapshot.filelists, solv.Repo.REPO_EXTEND_SOLVABLES)
    _write(repo, cache)
    return repo


def comps(snapshot: Snapshot) -> str:
    """The text of the repository's group file; empty where there is none."""
    if snapshot.comps is None:
        return ""
    with _opened(snapshot.folder / pathlib.PurePosixPath(snapshot.comps.href).name) as source:
        return source.read(64 * 1024 * 1024).decode("utf-8", "replace")


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


def _download(snapshot: Snapshot, part: Part, folder: pathlib.Path, session: requests.Session) -> None:
    url = f"{snapshot.url}/{urllib.parse.quote(part.href)}"
    name = pathlib.PurePosixPath(part.href).name
    limit = min(FILE_LIMIT, part.size if part.size >= 0 else FILE_LIMIT)
    with tempfile.NamedTemporaryFile(dir=folder, prefix=".new-", delete=False) as made:
        work = pathlib.Path(made.name)
    try:
        downloads.file(session, url, work, part.sha256, limit)
        work.replace(folder / name)
    except downloads.Missing as error:
        raise downloads.unavailable(url, "repomd.xml names the file and it is not there") from error
    finally:
        work.unlink(missing_ok=True)


def _parse(repo: Any, snapshot: Snapshot, part: Part, flags: int) -> None:
    """Feeds a metadata file to libsolv, unpacked here: not every libsolv reads every compression."""
    path = snapshot.folder / pathlib.PurePosixPath(part.href).name
    with tempfile.TemporaryFile(dir=snapshot.folder) as plain:
        with _opened(path) as source:
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


@contextlib.contextmanager
def _solv_file(path: pathlib.Path) -> Iterator[Any]:
    handle = solv.xfopen(str(path))
    try:
        yield handle
    finally:
        handle.close()


def _write(repo: Any, cache: pathlib.Path) -> None:
    with tempfile.NamedTemporaryFile(dir=cache.parent, prefix=".new-", delete=False) as made:
        work = pathlib.Path(made.name)
        handle = solv.xfopen_fd("", made.fileno(), "w")
        repo.write(handle)
        handle.close()
    work.replace(cache)
