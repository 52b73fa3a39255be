# SPDX-License-Identifier: MIT
"""Sweeps the folder of snapshots, so that it stays bounded. A build needs no snapshot after its check: the lock has all.

Touches only what has a snapshot's name, a `.header` or a `.new-` one; others may keep further things there.
"""

from __future__ import annotations

import contextlib
import logging
import pathlib
import re
import shutil
import time
from collections.abc import Iterator

from ondemand import locks
from ondemand_web.packages import snapshots
from ondemand_web.service import Service

KEEP = 4
"""Snapshots of each repository that stay, the last used ones."""
HOUR, DAY = 3600.0, 24 * 3600.0
IN_USE = DAY
"""Seconds for which a snapshot that was wanted stays in any case: a check or a loaded pool may still read it."""
OLD = 30 * DAY
"""Seconds after which a header, and the note of a repository that no one reads any more, go."""
LEFT = DAY
"""Seconds after which what a process left half-written goes."""
log = logging.getLogger(__name__)
_SNAPSHOT = re.compile(r"[0-9a-f]{64}")


def sweep_all(here: Service) -> bool:
    """The dispatcher's duty. Always False: then it pauses."""
    if removed := sweep(here.settings.master.data / "snapshots"):
        log.info("%d snapshots that nobody wants any more are removed", removed)
    return False


def sweep(folder: pathlib.Path) -> int:
    """Removes what is not wanted any more below `folder`; gives how many snapshots that were."""
    now = time.time()
    for pattern, age in (("newest/*", OLD), ("headers/*.header", OLD), ("**/.new-*", LEFT)):
        for path, when in list(_times(folder.glob(pattern))):
            if now - when > age:
                _remove(path)
    noted = {path.read_text().split("\n")[0] for path in folder.glob("newest/*") if not path.name.startswith(".")}
    gone = [path for repository in folder.glob("*/") for path in _unwanted(repository, noted, now)]
    for path in gone:
        snapshots.discard(path)
    return len(gone)


def _unwanted(repository: pathlib.Path, noted: set[str], now: float) -> list[pathlib.Path]:
    """The snapshots of a repository that go; of one that a request named all that are not in use."""
    named = (path for path in repository.iterdir() if _SNAPSHOT.fullmatch(path.name))
    found = sorted(_times(named), key=lambda pair: -pair[1])
    keep = 0 if repository.name.startswith(locks.EXTRA) else KEEP
    return [path for path, when in found[keep:] if now - when > IN_USE and path.name not in noted]


def _times(paths: Iterator[pathlib.Path]) -> Iterator[tuple[pathlib.Path, float]]:
    """Each path that is still there with the time of its last use."""
    for path in paths:
        with contextlib.suppress(OSError):
            yield path, path.stat().st_mtime


def _remove(path: pathlib.Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
