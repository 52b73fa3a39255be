# SPDX-License-Identifier: MIT
"""A kiwi description as it travels: its files, the main one's name and a profile. Read from a folder; parses no XML."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import os
import pathlib
import tarfile
from collections.abc import Collection, Iterator, Mapping
from typing import Annotated

import pydantic

from ondemand import errors

LIMIT = 5_000_000
"""Bytes that all files of a description may have together."""
FILES = 1000
"""Files that a description may have."""


def _within(path: str) -> str:
    parts = path.split("/")
    if {".", ".."} & {*parts}:
        raise ValueError(f"«{path}» may lie elsewhere")
    if any(len(part.encode()) > LONGEST for part in parts):
        raise ValueError(f"«{path[:80]}…» has a name of more than {LONGEST} bytes, which no disk takes")
    return path


LONGEST = 255
"""Bytes of a file's name on Linux's disks."""
Path = Annotated[
    str,
    pydantic.Field(pattern=r"^[^/\x00-\x1f\x7f]+(/[^/\x00-\x1f\x7f]+)*$", max_length=1000),
    pydantic.AfterValidator(_within),
]
"""A file's path in a description."""
MAIN = r"^[A-Za-z0-9][A-Za-z0-9._+-]{0,120}\.(kiwi|xml)$"
"""How the main file may be called."""


class Description(pydantic.BaseModel, frozen=True, extra="forbid"):
    """`files` maps a path to its bytes in Base64; `executable` are paths; `main` is the file that kiwi begins with.

    Without a `profile` those are taken that the description itself imports.
    """

    main: Annotated[str, pydantic.Field(pattern=MAIN)]
    profile: str | None = None
    files: dict[Path, str] = pydantic.Field(max_length=FILES)
    executable: tuple[str, ...] = ()

    @pydantic.field_validator("files")
    @classmethod
    def _bounded(cls, files: dict[str, str]) -> dict[str, str]:
        if sum(map(len, files.values())) > LIMIT * 4 // 3 + 4 * FILES:
            raise ValueError(f"more than {LIMIT} bytes")
        return files

    def content(self, path: str) -> bytes:
        """A file's bytes; raises KeyError for one that there is not."""
        return base64.b64decode(self.files[path], validate=True)

    def contents(self) -> Mapping[str, bytes]:
        """All files by path."""
        return {path: self.content(path) for path in sorted(self.files)}

    def archive(self) -> bytes:
        """A tar archive of all files below `description/`; the same bytes for the same description."""
        held = io.BytesIO()
        with tarfile.open(fileobj=held, mode="w", format=tarfile.GNU_FORMAT) as archive:
            for path, content in self.contents().items():
                entry = tarfile.TarInfo(f"description/{path}")
                entry.size, entry.mode = len(content), 0o755 if path in self.executable else 0o644
                archive.addfile(entry, io.BytesIO(content))
        return held.getvalue()

    def digest(self) -> str:
        """SHA-256 over the canonical JSON: the same for the same files, main file and profile."""
        text = json.dumps(self.model_dump(mode="json"), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()


def stamp(folder: pathlib.Path) -> tuple[tuple[str, int, int], ...]:
    """What changes when a file of the folder does: path, time and size of each, in no time."""
    found = []
    for place, folders, names in os.walk(folder):
        top = place == str(folder)
        folders[:] = [name for name in folders if not (top and name.startswith("."))]
        for name in names:
            path = f"{place}/{name}"
            about = os.lstat(path)
            found.append((path, about.st_mtime_ns, about.st_size))
    return tuple(found)


def read(folder: pathlib.Path, main: str | None, profile: str | None) -> Description:
    """The description in `folder`, without what begins with a dot at its top; `main` may be the only one there is.

    Raises errors.InvalidRequest for what can't travel: too much, links that lead out, no main file.
    """
    contents: dict[str, str] = {}
    executable: list[str] = []
    size = 0
    for path, file in _walk(folder):
        size += file.stat().st_size
        if size > LIMIT or len(contents) >= FILES:
            raise invalid(folder.name, f"it has more than {LIMIT} bytes or {FILES} files, which is too much")
        contents[path] = base64.b64encode(file.read_bytes()).decode()
        executable += [path] if os.access(file, os.X_OK) else []
    chosen = _main(folder.name, contents, main)
    return Description(main=chosen, profile=profile, files=contents, executable=tuple(executable))


def of_texts(name: str, texts: Mapping[str, str], main: str | None, profile: str | None) -> Description:
    """The description of these files, path -> text, which people know as `name`; raises errors.InvalidRequest."""
    files = {path: base64.b64encode(text.encode()).decode() for path, text in sorted(texts.items())}
    return Description(
        main=_main(name, files, main), profile=profile, files=files, executable=tuple(path for path in files if path.endswith(".sh"))
    )


def _main(name: str, files: Collection[str], main: str | None) -> str:
    tops = sorted(path for path in files if path == "config.xml" or ("/" not in path and path.endswith(".kiwi")))
    chosen = main or (tops[0] if len(tops) == 1 else "")
    if chosen not in files:
        there = f"it has {', '.join(tops)}, and nothing says which" if tops else "it has none"
        raise invalid(name, f"«{main}» is not in it" if main else f"of config.xml and *.kiwi {there}")
    return chosen


def invalid(name: str, cause: str) -> errors.InvalidRequest:
    """A description that can't be used."""
    return errors.InvalidRequest(
        f"The kiwi description «{name}» can't be used", cause=cause, remedy="correct it; a preset is the operator's to correct"
    )


def _walk(folder: pathlib.Path) -> Iterator[tuple[str, pathlib.Path]]:
    """Path and file of all that belongs to it, in order. A link counts as the file that it leads to."""
    root = folder.resolve()
    for place, folders, names in os.walk(root):
        here = pathlib.Path(place)
        folders[:] = sorted(name for name in folders if here != root or not name.startswith("."))
        for name in sorted([*names, *(name for name in folders if (here / name).is_symlink())]):
            file = here / name
            if here == root and name.startswith("."):
                continue
            path = file.relative_to(root).as_posix()
            if not file.resolve().is_relative_to(root) or not file.is_file():
                raise invalid(folder.name, f"{path} is a link out of it, or no file; let config.sh make that in the image")
            yield path, file
