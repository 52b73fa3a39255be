# SPDX-License-Identifier: MIT
"""Files that a build may leave on the machine: what is new where image tools are known to write. Tests nothing itself.

Not the whole machine: its services write at all times, and one of continuous integration has files without number.
"""

from __future__ import annotations

import collections
import contextlib
import itertools
import os
import pathlib
import re
from collections.abc import Iterator

_WHOLE = (
    "/etc",
    "/usr/lib/sysimage",
    *(f"/var/cache/{name}" for name in ("dnf", "kiwi", "libdnf5", "lorax", "mock", "yum")),
    *(f"/var/lib/{name}" for name in ("dnf", "lorax", "mock", "rpm", "yum")),
)
"""Looked at with all folders that are below them."""
_TOPS = ("/", "/opt", "/root", "/srv", "/usr", "/usr/local", "/var", "/var/tmp")
"""Of these their own entries only: below them others work."""
_NAMED = ("/run", "/tmp", "/var/cache", "/var/lib", "/var/log")
"""Of these their own entries with a tool's name only: all the machine uses them at all times."""
_TOOLS = re.compile(
    r"ondemand|kiwi|dnf|yum|rpm|hawkey|lorax|livemedia|anaconda|livecd|imgcreate|mock|dracut|squashfs|xorriso|createrepo|qemu|ovmf|loop",
    re.IGNORECASE,
)
_OTHERS = re.compile(
    r"/__pycache__$|\.sqlite-(shm|wal|journal)$|/\.rpm\.lock$|^/root/\.|^/tmp/ondemand-postgres-|^/var/log/.*([.-][0-9]+|\.old|\.[gx]z|\.zst)$"
    r"|^/var/tmp/(systemd-private-|flatpak-cache-|abrt$|cloud-init)"
    r"|^/etc/((NetworkManager|apt|cups|docker|lvm)$|systemd/system/(.*/)?snap[.-]|(adjtime|ld\.so\.cache|mtab|resolv\.conf)|\.#)"
)
"""What the machine's own services and package managers write at any time, root's own settings, and the tests' own database."""
_BOUND = 5000
"""Folders that are looked at below each place, those nearest to it."""


class Files:
    """What is there when it is made, against what is there later."""

    def __init__(self, own: pathlib.Path) -> None:
        """Below `own` a build may write what it likes."""
        self._own = f"{own}/"
        # Later the same folders are looked at, so that no bound makes new what is old.
        self._before = {folder: _names(folder) for folder in _folders()}

    def new(self) -> set[str]:
        """Paths that were not there; of a new folder its own alone."""
        found = {os.path.join(folder, name) for folder, before in self._before.items() for name in _names(folder) - before}
        return {path for path in found if not f"{path}/".startswith(self._own)}


def _folders() -> Iterator[str]:
    yield from (*_TOPS, *_NAMED)
    for place in _WHOLE:
        yield from itertools.islice(_below(place), _BOUND)


def _below(place: str) -> Iterator[str]:
    waiting = collections.deque([place])
    while waiting:
        folder = waiting.popleft()
        yield folder
        with contextlib.suppress(OSError), os.scandir(folder) as entries:
            waiting.extend(entry.path for entry in entries if not _OTHERS.search(entry.path) and entry.is_dir(follow_symlinks=False))


def _names(folder: str) -> set[str]:
    with contextlib.suppress(OSError):
        names = {name for name in os.listdir(folder) if not _OTHERS.search(os.path.join(folder, name))}
        return {name for name in names if folder not in _NAMED or _TOOLS.search(name)}
    return set()
