# SPDX-License-Identifier: MIT
"""Stands for `rsync` while kiwi runs: where kiwi lays its first folders over a root that is there already, that root stays as it is.

A program of its own: it imports nothing but the standard library.
"""

from __future__ import annotations

import os
import shutil

_FIRST = ["-a", "--ignore-existing"]
"""How kiwi begins a root; it would give each folder that is there its own mode."""
_REPLACED = "etc/resolv.conf", "etc/hosts", "etc/sysconfig/proxy"
"""What kiwi takes from the host for the time of its work; of a package's own it keeps what lies there as `.rpmnew`."""


def main(programs: str, words: list[str]) -> None:
    """Does what `rsync` with these words does; `programs` is the folder in which this stands before it on PATH."""
    own = os.path.realpath(programs)
    real = shutil.which("rsync", path=os.pathsep.join(path for path in os.get_exec_path() if os.path.realpath(path) != own))
    if real is None:
        raise SystemExit("rsync is not installed")
    if words[:2] == _FIRST:
        words = [*_FIRST, "--no-perms", "--no-owner", "--no-group", "--omit-dir-times", *words[2:]]
        for name in _REPLACED:
            path = os.path.join(words[-1], name)
            if os.path.isfile(path) and not os.path.islink(path):
                os.rename(path, f"{path}.rpmnew")
    os.execv(real, [real, *words])  # noqa: S606 - no shell is wanted
