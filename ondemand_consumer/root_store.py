# SPDX-License-Identifier: MIT
"""Prepared roots and initramfs images by what they were made from. Safe to lose; whoever takes one checks it first.

`<key>/<entry>/` holds `about.json` and `tree`; an entry with a parent is a layer over it. What is being stored is
`<key>/partial-*`. Whoever uses a key holds its lock shared; only who has it alone removes, with the last entry the lock, too.
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
from typing import Annotated, Any

import pydantic

_DAY = 86400.0
_PARTIAL = "partial-"
_OVERLAY = frozenset({"trusted.overlay.opaque", "trusted.overlay.redirect"})
"""What decides how a layer's folder lies over that below it."""
DEPTH = 4
"""Layers that may lie upon each other."""


class About(pydantic.BaseModel, frozen=True, strict=True, extra="forbid"):
    """What is noted of something stored."""

    parent: str | None
    """The entry that this one is a layer over."""
    by: str
    """Who made it, for people."""
    seconds: Annotated[float, pydantic.Field(ge=0, allow_inf_nan=False)] = 0.0
    """How long it took to make."""
    packages: dict[str, str] | None = None
    """What is installed in it, `name.arch` -> which file; None for what is no root."""
    size: Annotated[int, pydantic.Field(ge=0)] = 0
    """Bytes of its files."""
    digest: str = ""
    """Over its tree and all that stands here but this."""

    def sealed(self, tree: str) -> str:
        """What `digest` has to be over a tree with that digest."""
        said = json.dumps(self.model_dump(exclude={"digest"}), sort_keys=True)
        return hashlib.sha256(f"{tree} {said}".encode()).hexdigest()


@dataclasses.dataclass(frozen=True, kw_only=True)
class Entry:
    """Something stored, and what was noted of it."""

    folder: pathlib.Path
    about: About

    @property
    def tree(self) -> pathlib.Path:
        """The files."""
        return self.folder / "tree"

    def holds(self) -> bool:
        """Whether its files and what is noted of them are what was stored."""
        try:
            return self.about.sealed(digest(self.tree)[0]) == self.about.digest
        except OSError:
            return False


class Store:
    """The entries of one key, while their lock is held."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.folder = folder

    def entries(self) -> list[Entry]:
        """All that can be read, the last used first; a layer whose parent is gone is none."""
        found: dict[str | None, tuple[float, Entry]] = {}
        for path in self.folder.glob("*/about.json"):
            with contextlib.suppress(OSError, ValueError):
                if not path.parent.name.startswith(_PARTIAL):
                    about = About.model_validate_json(path.read_bytes())
                    found[path.parent.name] = (path.stat().st_mtime, Entry(folder=path.parent, about=about))
        while gone := [name for name, (_, entry) in found.items() if entry.about.parent not in {None, *found}]:
            for name in gone:
                del found[name]
        return [entry for _, entry in sorted(found.values(), key=lambda item: item[0], reverse=True)]

    def chain(self, entry: Entry) -> list[Entry]:
        """The entry and the layers below it, from the top down."""
        known = {each.folder.name: each for each in self.entries()}
        found = [entry]
        while (parent := found[-1].about.parent) in known and len(found) <= DEPTH:
            found.append(known[parent])
        return found

    def keep(self, tree: pathlib.Path, about: About) -> pathlib.Path:
        """Moves `tree` in by renaming and gives where it is now; raises OSError, and then it is where it was."""
        checksum, size = digest(tree)
        sized = about.model_copy(update={"size": size})
        noted = sized.model_copy(update={"digest": sized.sealed(checksum)})
        made = self.folder / f"{_PARTIAL}{secrets.token_hex(8)}"
        made.mkdir()
        try:
            (made / "about.json").write_text(noted.model_dump_json())
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
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.lock"
    while True:
        with path.open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH)
            if not _is(path, lock.fileno()):
                continue
            own = folder / name
            own.mkdir(exist_ok=True)
            yield Store(own)
            return


def evict(folder: pathlib.Path, limit: int, days: float) -> int:
    """Removes what was left half-stored or can't be read, what is too old, then the longest unused until `limit` bytes hold.

    Gives the bytes freed. What another build uses now stays until a later time; a key without any entry goes with its lock.
    """
    freed, kept = 0, []
    for lock in sorted(folder.glob("*.lock")):
        store = Store(folder / lock.stem)
        with _alone(lock) as alone:
            entries = store.entries()
            for path in set(store.folder.glob("*")) - {entry.folder for entry in entries} if alone else ():
                shutil.rmtree(path, ignore_errors=True)
            kept += [((entry.folder / "about.json").stat().st_mtime, entry, lock) for entry in entries]
    over = sum(entry.about.size for _, entry, _ in kept) - limit
    for used, entry, lock in sorted(kept, key=lambda item: item[0]):
        if time.time() - used < days * _DAY and freed >= over:
            break
        with _alone(lock) as alone:
            if alone:
                shutil.rmtree(entry.folder, ignore_errors=True)
                freed += entry.about.size
    for lock in folder.glob("*.lock"):
        with _alone(lock) as alone, contextlib.suppress(OSError):
            if alone:
                with contextlib.suppress(FileNotFoundError):
                    (folder / lock.stem).rmdir()
                lock.unlink()
    return freed


@contextlib.contextmanager
def _alone(lock: pathlib.Path) -> Iterator[bool]:
    with lock.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            yield False
        else:
            yield _is(lock, file.fileno())


def _is(path: pathlib.Path, opened: int) -> bool:
    """Whether the path still names that file: a lock that was removed is none."""
    try:
        return os.path.samestat(path.stat(), os.fstat(opened))
    except OSError:
        return False


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
