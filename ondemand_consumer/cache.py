# SPDX-License-Identifier: MIT
"""RPM files and boot.iso by digest, shared by all builds of a node and bounded. Its readers verify what they take.

`sha256/ab/<digest>.rpm` holds the files; `index/<kind>-<digest>` names the SHA-256 of a file known otherwise.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import pathlib
import shutil
import tempfile
from collections.abc import Iterator, Mapping

_HEX = frozenset("0123456789abcdef")


class Cache:
    """The cache in a folder; several processes may use it at once."""

    def __init__(self, folder: pathlib.Path, limit: int) -> None:
        """`limit` in bytes; the folder is made where it is missing. Raises OSError where it can't be written."""
        self._folder = folder
        self._limit = limit
        for name in ("sha256", "index", "locks", "partial"):
            (folder / name).mkdir(parents=True, exist_ok=True)
            # A folder that is there tells nothing yet of a disk that is read-only or full.
            tempfile.TemporaryFile(dir=folder / name).close()

    @contextlib.contextmanager
    def locked(self, checksums: Mapping[str, str]) -> Iterator[pathlib.Path]:
        """Held while one file is fetched; gives the path of its partial download, which outlives us."""
        key = _key(*_strongest(checksums))
        # 256 locks for ever rather than one a file: a lock file that is removed is no lock.
        bucket = hashlib.sha256(key.encode()).hexdigest()[:2]
        with (self._folder / "locks" / bucket).open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield self._folder / "partial" / key

    def find(self, checksums: Mapping[str, str]) -> pathlib.Path | None:
        """The file with one of these checksums, marked as used now."""
        for kind, value in checksums.items():
            known = value
            if kind != "sha256":
                try:
                    known = (self._folder / "index" / _key(kind, value)).read_text()
                except OSError:
                    continue
            path = self._path(known)
            with contextlib.suppress(OSError):
                os.utime(path)
                return path
        return None

    def add(self, file: pathlib.Path, sha256: str, checksums: Mapping[str, str]) -> pathlib.Path:
        """Moves `file` (on this disk) into the cache under its digests; returns where it is."""
        path = self._path(sha256)
        path.parent.mkdir(exist_ok=True)
        file.chmod(0o444)
        file.replace(path)
        for kind, value in checksums.items():
            if kind != "sha256":
                index = self._folder / "index" / _key(kind, value)
                temporary = index.with_name(f"{index.name}.{os.getpid()}")
                temporary.write_text(sha256)
                temporary.replace(index)
        return path

    def remove(self, path: pathlib.Path) -> None:
        """Forgets a file that has gone bad."""
        path.unlink(missing_ok=True)

    def evict(self) -> int:
        """Removes the longest unused files until the limit holds; returns the bytes freed."""
        files = []
        for path in self._folder.glob("sha256/*/*.rpm"):
            with contextlib.suppress(OSError):
                files.append((path.stat().st_mtime, path.stat().st_size, path))
        over = sum(size for _, size, _ in files) - self._limit
        freed = 0
        for _, size, path in sorted(files):
            if freed >= over:
                break
            path.unlink(missing_ok=True)
            freed += size
        if freed:
            self._forget_names()
        return freed

    def _forget_names(self) -> None:
        for index in self._folder.glob("index/*"):
            with contextlib.suppress(OSError):
                if not self._path(index.read_text()).exists():
                    index.unlink()

    def _path(self, sha256: str) -> pathlib.Path:
        if len(sha256) != 64 or not _HEX.issuperset(sha256):
            return self._folder / "sha256" / "none"
        return self._folder / "sha256" / sha256[:2] / f"{sha256}.rpm"


def place(source: pathlib.Path, target: pathlib.Path) -> None:
    """Puts a file of the cache at `target`: linked where the disk is the same, else copied."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def _strongest(checksums: Mapping[str, str]) -> tuple[str, str]:
    kind = next(kind for kind in ("sha256", "header-sha256", "sigmd5") if kind in checksums)
    return kind, checksums[kind]


def _key(kind: str, value: str) -> str:
    if not _HEX.issuperset(value) or not value:
        value = hashlib.sha256(value.encode()).hexdigest()
    return f"{kind}-{value}"
