# SPDX-License-Identifier: MIT
"""What a tool may use: memory, processes and disk. The builder looks at it while the tool runs; see docs/settings.md.

A control group holds a tool to the first two where the machine has one for us; this looks in any case.
"""

from __future__ import annotations

import dataclasses
import os
import pathlib
import shutil

from ondemand import errors, settings

_PAGE = os.sysconf("SC_PAGE_SIZE")
_AGAIN = "it is tried again on another builder if there is one"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Limits:
    """`memory` in bytes, of all its processes together. `free`: bytes that must stay free on the disk of `folder`.

    `disk`: bytes that the attempt in `folder` may use, by which a build that grew is told from a disk that others filled.
    """

    memory: int
    processes: int
    folder: pathlib.Path
    free: int = 0
    disk: int = 0

    def check(self, first: int) -> None:
        """Looks at process `first` and all that came of it; raises errors.ToolStarved, LimitExceeded or TooLittleDisk."""
        pids = descendants(first)
        if len(pids) > self.processes:
            raise errors.LimitExceeded(
                f"The image tool ran {len(pids)} processes at once",
                cause=f"a build may have {self.processes}",
                remedy="look at the scripts that the image is made with; the operator may set builder.tool_processes",
            )
        if resident(pids) > self.memory and (used := proportional(pids)) > self.memory:
            raise errors.ToolStarved(
                f"The image tool used {used / 1e9:.1f} GB of memory",
                cause=f"the builder gives a build {self.memory / 1e9:.1f} GB",
                remedy=f"{_AGAIN}; the operator may set builder.tool_memory",
            )
        if self.free:
            self._check_disk()

    def _check_disk(self) -> None:
        if shutil.disk_usage(self.folder).free >= self.free:
            return
        used = occupied(self.folder)
        if self.disk and used > self.disk:
            raise errors.LimitExceeded(
                f"The build used {used / 1e9:.1f} GB of disk",
                cause=f"it was to need {self.disk / 1e9:.1f} GB at most, and only the builder's reserve is left",
                remedy="ask for fewer packages, or look at what the scripts write",
            )
        raise errors.TooLittleDisk(
            f"The builder's disk has less than {self.free / 1e9:.1f} GB left", cause="something else fills it", remedy=_AGAIN
        )


def of(builder: settings.Builder, folder: pathlib.Path, disk: int) -> Limits:
    """The limits of an attempt in `folder` that was to need `disk` bytes."""
    return Limits(
        memory=builder.tool_memory * 1024**2 or machine_memory() * 9 // 10,
        processes=builder.tool_processes,
        folder=folder,
        free=builder.disk_reserve // 2,
        disk=disk,
    )


def descendants(first: int) -> list[int]:
    """The process and all below it, as they are now."""
    found = [first]
    for pid in found:
        for task in _listed(pathlib.Path(f"/proc/{pid}/task")):
            found += [int(word) for word in _read(task / "children").split()]
    return found


def resident(pids: list[int]) -> int:
    """Bytes in memory, what processes share counted for each of them."""
    return sum(int(words[1]) * _PAGE for pid in pids if (words := _read(pathlib.Path(f"/proc/{pid}/statm")).split()))


def proportional(pids: list[int]) -> int:
    """Bytes in memory, what processes share counted once; dearer to ask."""
    lines = [line for pid in pids for line in _read(pathlib.Path(f"/proc/{pid}/smaps_rollup")).splitlines()]
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))


def occupied(folder: pathlib.Path) -> int:
    """Bytes on disk below a folder, of what can be read just now."""
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.lstat(os.path.join(place, name)).st_blocks * 512
            except OSError:
                continue
    return total


def machine_memory() -> int:
    """Bytes of memory that the machine has."""
    return _PAGE * os.sysconf("SC_PHYS_PAGES")


def _listed(folder: pathlib.Path) -> list[pathlib.Path]:
    try:
        return list(folder.iterdir())
    except OSError:
        return []


def _read(path: pathlib.Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""
