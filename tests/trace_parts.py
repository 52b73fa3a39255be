# SPDX-License-Identifier: MIT
"""Files that a build may leave on the machine: what is new in places that are not its own. Tests nothing itself."""

from __future__ import annotations

import os
import pathlib
import re
from collections.abc import Iterator

_WHOLE = ("/etc", "/home", "/opt", "/run", "/srv", "/usr/lib/sysimage", "/usr/local", "/var")
"""Looked at with all that is below them."""
_TOPS = ("/", "/root")
"""Of these their own entries only: below them others work."""
_SHARED = "/tmp"
_TOOLS = re.compile(r"ondemand|kiwi|dnf|yum|rpm|lorax|livecd|imgcreate|dracut|squashfs|xorriso|createrepo|qemu|ovmf|loop", re.IGNORECASE)
"""What is new in /tmp counts by such a name alone: all the machine uses it at all times, and tools have one of their own."""
_OTHERS = re.compile(
    r"/__pycache__(/|$)|^/(tmp/ondemand-postgres-|var/(log/(journal|apt)|lib/(apt|dpkg|systemd|postgresql)|cache/(apt|debconf|ldconfig|man))"
    r"|run/(systemd|udev|user|log|postgresql)|etc/ld\.so\.cache|root/\.(cache|config|local|pki))"
)
"""What the machine's own services and package managers write at any time, and the tests' own database."""


class Files:
    """What is there when it is made, against what is there later."""

    def __init__(self, own: pathlib.Path) -> None:
        """Below `own` a build may write what it likes."""
        self._own = f"{own}/"
        self._before = set(_found())

    def new(self) -> set[str]:
        """Paths that were not there."""
        return {path for path in set(_found()) - self._before if not f"{path}/".startswith(self._own)}


def _found() -> Iterator[str]:
    for place in (*_WHOLE, *_TOPS, _SHARED):
        for folder, folders, names in os.walk(place):
            for name in (*folders, *names):
                path = os.path.join(folder, name)
                if not _OTHERS.search(path) and (place != _SHARED or _TOOLS.search(name)):
                    yield path
            if place not in _WHOLE:
                break
