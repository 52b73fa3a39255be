# SPDX-License-Identifier: MIT
"""Storage `fsspec`: a folder named by URL (`file:///…`, `ftp://user:password@host/…`), written once and read back."""

from __future__ import annotations

import contextlib
import hashlib
import pathlib
import re
import urllib.parse
from collections.abc import Iterator
from typing import Any, ClassVar

import fsspec

from ondemand import errors, plugins

CHUNK = 1 << 20
TIMEOUT = 60
"""Seconds for each exchange with a server."""
_KEY = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._+-]*(/[A-Za-z0-9][A-Za-z0-9._+-]*)*$")
_OPTIONS: dict[str, dict[str, Any]] = {"ftp": {"timeout": TIMEOUT}}


class FsspecStorage:
    """Puts files below one folder of any filesystem that fsspec speaks."""

    name: ClassVar[str] = "fsspec"

    def __init__(self, url: str, public_url: str = "") -> None:
        """`url` may hold user and password; `public_url` is what people are told instead."""
        self._url = url.rstrip("/")
        self._public = (public_url or _without_password(url)).rstrip("/")
        self._protocol = urllib.parse.urlsplit(url).scheme or "file"
        self._opened: tuple[Any, str] | None = None

    def store(self, source: pathlib.Path, key: str, sha256: str) -> plugins.StoredFile:
        """Puts `source` at `key` by a temporary name and reads it back; raises errors.StorageFailed."""
        with self._told(f"{key} could not be stored") as (system, root):
            target, part = f"{root}/{_checked(key)}", f"{root}/{key}.part"
            system.makedirs(target.rpartition("/")[0], exist_ok=True)
            with source.open("rb") as read, system.open(part, "wb") as written:
                while piece := read.read(CHUNK):
                    written.write(piece)
            if self._protocol == "file":
                pathlib.Path(part).replace(target)
            else:
                system.mv(part, target)
            size, digest = _read_back(system, target)
        if (size, digest) != (source.stat().st_size, sha256):
            raise errors.StorageFailed(
                f"{key} came back from the storage with other bytes",
                cause=f"{size} bytes with SHA-256 {digest} were read",
                remedy="it is stored again; tell the operator if it stays",
            )
        return plugins.StoredFile(url=f"{self._public}/{key}", size=size, sha256=digest)

    def delete(self, prefix: str) -> None:
        """Removes everything below `prefix`; missing is no error."""
        with self._told(f"{prefix} could not be removed") as (system, root):
            system.invalidate_cache()
            target = f"{root}/{_checked(prefix)}"
            if system.exists(target):
                system.rm(target, recursive=True)

    def local_path(self, key: str) -> pathlib.Path | None:
        """The file's path when the folder is this machine's, else None."""
        if self._protocol != "file":
            return None
        return pathlib.Path(urllib.parse.urlsplit(self._url).path or self._url) / _checked(key)

    @contextlib.contextmanager
    def _told(self, what: str) -> Iterator[tuple[Any, str]]:
        """The filesystem and its folder; a fault of it becomes one sentence, and the next call connects anew."""
        try:
            if self._opened is None:
                options = {"skip_instance_cache": True, **_OPTIONS.get(self._protocol, {})}
                self._opened = fsspec.core.url_to_fs(self._url, **options)
            yield self._opened
        except errors.OndemandError:
            raise
        except Exception as error:
            self._opened = None
            raise errors.StorageFailed(
                what,
                cause=f"the storage is away or refuses ({type(error).__name__})",
                remedy="it is tried again; look at `[storage] url` if it stays",
            ) from error


def _read_back(system: Any, path: str) -> tuple[int, str]:
    digest, size = hashlib.sha256(), 0
    system.invalidate_cache()
    with system.open(path, "rb", block_size=CHUNK) as file:
        while piece := file.read(CHUNK):
            digest.update(piece)
            size += len(piece)
    return size, digest.hexdigest()


def _checked(key: str) -> str:
    if not _KEY.match(key):
        raise errors.StorageFailed(
            f"«{key[:200]}» is no place in the storage",
            cause="only names of letters, digits, dot, dash, plus and underscore may stand between its slashes",
            remedy="rename it",
        )
    return key


def _without_password(url: str) -> str:
    parts = urllib.parse.urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return urllib.parse.urlunsplit((parts.scheme, host, parts.path, "", ""))
