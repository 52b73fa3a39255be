# SPDX-License-Identifier: MIT
"""Prepared roots and initramfs images by what they were made from. Safe to lose; whoever takes one checks it first.

`<key>/<entry>/` holds `about.json` and `tree`; an entry with a parent is a layer over it. What is being stored is
`<key>/partial-*`. Whoever uses a key holds its lock shared; only who has it alone removes.
"""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import hashlib
import json
import os
import pathlib
import secrets
import shutil
import stat
import time
from collections.abc import Iterator, Mapping
from typing import Any

_DAY = 86400.0
_PARTIAL = "partial-"
_OVERLAY = frozenset({"trusted.overlay.opaque", "trusted.overlay.redirect"})
"""What decides how a layer's folder lies over that below it."""
DEPTH = 4
"""Layers that may lie upon each other."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Entry:
    """Something stored: `about` is what was noted of it, `digest` (in it) is over its tree."""

    folder: pathlib.Path
    about: Mapping[str, Any]

    @property
    def tree(self) -> pathlib.Path:
        """The files."""
        return self.folder / "tree"

    def holds(self) -> bool:
        """Whether its files are what was stored."""
        try:
            return bool(digest(self.tree)[0] == self.about["digest"])
        except OSError:
            return False


class Store:
    """The entries of one key, while their lock is held."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.folder = folder

    def entries(self) -> list[Entry]:
        """All that can be read, the last used first; a layer whose parent is gone is none."""
        found = {}
        for path in self.folder.glob("*/about.json"):
            with contextlib.suppress(OSError, ValueError):
                if not path.parent.name.startswith(_PARTIAL):
                    found[path.parent.name] = (path.stat().st_mtime, Entry(folder=path.parent, about=json.loads(path.read_text())))
        whole = [(used, entry) for used, entry in found.values() if entry.about.get("parent") in {None, *found}]
        return [entry for _, entry in sorted(whole, key=lambda item: item[0], reverse=True)]

    def chain(self, entry: Entry) -> list[Entry]:
        """The entry and the layers below it, from the top down."""
        known = {each.folder.name: each for each in self.entries()}
        found = [entry]
        while (parent := found[-1].about.get("parent")) in known and len(found) <= DEPTH:
            found.append(known[parent])
        return found

    def keep(self, tree: pathlib.Path, about: Mapping[str, Any]) -> pathlib.Path:
        """Moves `tree` in by renaming and gives where it is now; raises OSError, and then it is where it was."""
        checksum, size = digest(tree)
        made = self.folder / f"{_PARTIAL}{secrets.token_hex(8)}"
        made.mkdir()
        try:
            (made / "about.json").write_text(json.dumps({**about, "digest": checksum, "size": size}))
            tree.rename(made / "tree")
            target = self.folder / made.name.removeprefix(_PARTIAL)
            made.rename(target)
        except OSError:
            with contextlib.suppress(OSError):
                (made / "tree").rename(tree)
            shutil.rmtree(made, ignore_errors=True)
            raise
        return target / "tree"

    def used(self, entry: Entry) -> None:
        """Notes that a build used it now."""
        with contextlib.suppress(OSError):
            os.utime(entry.folder / "about.json")

    def drop(self, entry: Entry) -> None:
        """Forgets an entry that has gone bad; who else uses it still has its files, until the next eviction."""
        with contextlib.suppress(OSError):
            entry.folder.rename(self.folder / f"{_PARTIAL}{secrets.token_hex(8)}")


@contextlib.contextmanager
def opened(folder: pathlib.Path, key: Mapping[str, Any]) -> Iterator[Store]:
    """The store of a key in the cache `folder`; raises OSError where the folder can't be written."""
    name = hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()[:32]
    own = folder / name
    own.mkdir(parents=True, exist_ok=True)
    with (folder / f"{name}.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_SH)
        yield Store(own)


def evict(folder: pathlib.Path, limit: int, days: float) -> int:
    """Removes what was left half-stored, what is too old, then the longest unused until `limit` bytes hold; bytes freed.

    What another build uses now stays until a later time.
    """
    freed, kept = 0, []
    for lock in sorted(folder.glob("*.lock")):
        with _alone(lock) as alone:
            own = folder / lock.stem
            if alone:
                for path in own.glob("*"):
                    if path.name.startswith(_PARTIAL) or not (path / "about.json").is_file():
                        shutil.rmtree(path, ignore_errors=True)
            kept += [((entry.folder / "about.json").stat().st_mtime, entry, lock) for entry in Store(own).entries()]
    over = sum(entry.about["size"] for _, entry, _ in kept) - limit
    for used, entry, lock in sorted(kept, key=lambda item: item[0]):
        if time.time() - used < days * _DAY and freed >= over:
            break
        with _alone(lock) as alone:
            if alone:
                shutil.rmtree(entry.folder, ignore_errors=True)
                freed += entry.about["size"]
    return freed


@contextlib.contextmanager
def _alone(lock: pathlib.Path) -> Iterator[bool]:
    with lock.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            yield False
        else:
            yield True


def digest(tree: pathlib.Path) -> tuple[str, int]:
    """One digest over paths, kinds, modes, owners, sizes, links, a layer's marks and contents; and the bytes of all files.

    Raises OSError, also for a tree that is not there.
    """
    whole, size = hashlib.sha256(str(stat.S_IMODE(tree.stat().st_mode)).encode()), 0
    for path, info in _walk(str(tree)):
        line: list[str | int] = [path[len(str(tree)) :], info.st_mode, info.st_uid, info.st_gid, info.st_rdev]
        if stat.S_ISLNK(info.st_mode):
            line.append(os.readlink(path))
        elif stat.S_ISDIR(info.st_mode):
            line += [os.getxattr(path, name).decode("latin-1") for name in sorted(os.listxattr(path)) if name in _OVERLAY]
        elif stat.S_ISREG(info.st_mode):
            with open(path, "rb") as file:
                line += [info.st_size, hashlib.file_digest(file, "sha256").hexdigest()]
            size += info.st_size
        whole.update(json.dumps(line).encode())
    return whole.hexdigest(), size


def _walk(folder: str) -> Iterator[tuple[str, os.stat_result]]:
    with os.scandir(folder) as found:
        entries = sorted(found, key=lambda entry: entry.name)
    for entry in entries:
        info = entry.stat(follow_symlinks=False)
        yield entry.path, info
        if stat.S_ISDIR(info.st_mode):
            yield from _walk(entry.path)
