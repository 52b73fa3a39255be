# SPDX-License-Identifier: MIT
"""Inside new namespaces: hides folders and files of the host from a tool, all but what it works with, then becomes it.

`python hidden_folders.py N HIDDEN... M KEPT... PROGRAM [ARGUMENT]...`; imports nothing of ours, so that it starts in milliseconds.
A hidden folder is empty and takes 16 MiB, in memory; a hidden file is empty. What is kept stays although a folder above is hidden.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

_BIND, _NOSUID, _NODEV = 4096, 2, 4
_RECURSIVE = 16384


def main(*words: str) -> None:
    """Mounts and becomes the program; a fault ends it with a sentence on standard error."""
    hidden, rest = _list(words)
    kept, argv = _list(rest)
    opened = [(path, os.open(path, os.O_PATH)) for path in sorted(map(os.path.realpath, kept)) if os.path.exists(path)]
    here = os.getcwd()
    # The outermost first: what is bound back into it may hold the next one.
    for path in sorted({os.path.realpath(path) for path in hidden}, key=lambda path: path.count("/")):
        below = [(name, handle) for name, handle in opened if name.startswith(f"{path}/")]
        if os.path.isdir(path) and not any(name == path for name, _ in opened):
            _mount("tmpfs", path, "tmpfs", _NOSUID | _NODEV, "size=16m,mode=0755")
            for name, handle in below:
                _bind(f"/proc/self/fd/{handle}", name)
        elif os.path.exists(path) and not os.path.isdir(path):
            _mount("/dev/null", path, None, _BIND, None)
    for _, handle in opened:
        os.close(handle)
    os.chdir(here)
    for number in (signal.SIGPIPE, signal.SIGXFSZ):
        # Python ignores these, and a tool that inherits that would print into a closed pipe for ever.
        signal.signal(number, signal.SIG_DFL)
    os.execv(argv[0], argv)  # noqa: S606 - no shell is wanted


def _list(words: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    end = 1 + int(words[0])
    return words[1:end], words[end:]


def _bind(source: str, target: str) -> None:
    if os.path.isdir(source):
        os.makedirs(target, exist_ok=True)
    elif not os.path.exists(target):
        os.makedirs(os.path.dirname(target), exist_ok=True)
        os.close(os.open(target, os.O_CREAT | os.O_WRONLY))
    _mount(source, target, None, _BIND | _RECURSIVE, None)


def _mount(source: str, target: str, kind: str | None, flags: int, options: str | None) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    words = [word.encode() if word is not None else None for word in (source, target, kind)]
    if libc.mount(*words, ctypes.c_ulong(flags), options.encode() if options else None):
        raise SystemExit(f"{target} can't be hidden from the tool: {os.strerror(ctypes.get_errno())}")


if __name__ == "__main__":
    main(*sys.argv[1:])
