# SPDX-License-Identifier: MIT
"""The first program inside new namespaces: gives the tool temporary folders of its own attempt, then becomes it.

`python private_folders.py FOLDER PROGRAM [ARGUMENT]...`; imports nothing of ours, so that it starts in milliseconds.
"""

from __future__ import annotations

import ctypes
import os
import sys

SHARED = ("/tmp", "/var/tmp")  # noqa: S108 - these are what a tool would share with the whole machine
_BIND = 4096


def main(folder: str, *argv: str) -> None:
    """Mounts and becomes `argv`; a fault ends it with a sentence on standard error."""
    here = os.path.realpath(folder)
    for target in SHARED:
        # A folder that holds the attempt itself would hide it.
        if os.path.isdir(target) and not here.startswith(f"{os.path.realpath(target)}/"):
            own = os.path.join(here, "private" + target.replace("/", "-"))
            os.makedirs(own, exist_ok=True)
            os.chmod(own, 0o1777)  # noqa: S103 - as the folder that it stands for
            _bind(own, target)
    os.execv(argv[0], argv)  # noqa: S606 - no shell is wanted


def _bind(source: str, target: str) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mount(source.encode(), target.encode(), None, _BIND, None):
        raise SystemExit(f"{source} can't be mounted on {target}: {os.strerror(ctypes.get_errno())}")


if __name__ == "__main__":
    main(*sys.argv[1:])
