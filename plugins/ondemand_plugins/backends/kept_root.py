# SPDX-License-Identifier: MIT
"""Stands for `rsync` while kiwi runs: where kiwi lays its first folders over a root that is there already, that root stays as it is.

A program of its own: it imports nothing but the standard library.
"""

from __future__ import annotations

import os

_FIRST = ["-a", "--ignore-existing"]
"""How kiwi begins a root; it would give each folder that is there its own mode."""
_REPLACED = "etc/resolv.conf", "etc/hosts", "etc/sysconfig/proxy"
"""What kiwi takes from the host for the time of its work; of a package's own it keeps what lies there as `.rpmnew`."""


def main(_programs: str, real: str, words: list[str]) -> None:
    """Does what `rsync`, which is `real`, with these words does."""
    if words[:2] == _FIRST:
        words = [*_FIRST, "--no-perms", "--no-owner", "--no-group", "--omit-dir-times", *words[2:]]
        for name in _REPLACED:
            path = os.path.join(words[-1], name)
            if os.path.isfile(path) and not os.path.islink(path):
                os.rename(path, f"{path}.rpmnew")
    os.execv(real, [real, *words])  # noqa: S606 - no shell is wanted
