# SPDX-License-Identifier: MIT
"""The first program inside new namespaces: mounts an overlay for the tool, then becomes what follows. Gone with them.

`python layers.py TARGET UPPER N LOWER... M (FOLDER PLACE)... PROGRAM [ARGUMENT]...`: N lower folders from the top down, then M words
for what of the host is seen where in it. Imports nothing of ours.
"""

from __future__ import annotations

import ctypes
import os
import stat
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pathlib
    from collections.abc import Mapping, Sequence

_BIND, _RECURSIVE = 4096, 16384
_OPTIONS = "redirect_dir=on,metacopy=off,index=off,xino=off"
"""RPM renames its database's folder, which needs redirects. What the kernel would note for this mount alone stays out, since a
layer lies below others later."""


def words(
    target: pathlib.Path, upper: pathlib.Path, lower: Sequence[pathlib.Path], seen: Mapping[str, pathlib.Path] | None = None
) -> tuple[str, ...]:
    """The words that begin a command with it; `upper` is made, and beside it a folder for the kernel."""
    places = [word for folder, place in (seen or {}).items() for word in (folder, str(place))]
    # Safe mode: nothing of the folder it is started in is imported.
    begin = (sys.executable, "-I", "-S", __file__, str(target), str(upper))
    return (*begin, str(len(lower)), *map(str, lower), str(len(places)), *places)


def main(target: str, upper: str, *rest: str) -> None:
    """Mounts and becomes the program; a fault ends it with a sentence on standard error."""
    lower, rest = _list(rest)
    seen, argv = _list(rest)
    scratch = upper + ".scratch"
    for folder in (target, upper, scratch):
        if not os.path.isdir(folder):
            os.makedirs(folder)
            # The overlay's own folder is the uppermost one, so it has to look like the one below.
            os.chmod(folder, stat.S_IMODE(os.stat(lower[0]).st_mode))
    options = f"lowerdir={':'.join(map(_escaped, lower))},upperdir={_escaped(upper)},workdir={_escaped(scratch)},{_OPTIONS}"
    _mount("overlay", target, "overlay", 0, options)
    for source, place in zip(seen[::2], seen[1::2], strict=True):
        if os.path.isdir(place):
            _mount(source, place, None, _BIND | _RECURSIVE, None)
    os.execv(argv[0], argv)  # noqa: S606 - no shell is wanted


def _list(words: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    end = 1 + int(words[0])
    return words[1:end], words[end:]


def _mount(source: str, target: str, kind: str | None, flags: int, options: str | None) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    said = [word.encode() if word is not None else None for word in (source, target, kind)]
    if libc.mount(*said, ctypes.c_ulong(flags), options.encode() if options else None):
        raise SystemExit(f"{source} can't be mounted on {target}: {os.strerror(ctypes.get_errno())}")


def _escaped(path: str) -> str:
    return path.replace("\\", "\\\\").replace(":", "\\:").replace(",", "\\,")


if __name__ == "__main__":
    main(*sys.argv[1:])
