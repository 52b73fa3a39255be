# SPDX-License-Identifier: MIT
"""Removes what attempts left: processes, mounts, loop devices, folders. Touches nothing elsewhere."""

from __future__ import annotations

import fcntl
import logging
import os
import pathlib
import re
import shutil
import struct
import subprocess

from ondemand_consumer import cgroups, ledger

_log = logging.getLogger(__name__)
_LOOP_GET_STATUS64 = 0x4C05
_STATUS_SIZE = 232
_OCTAL = re.compile(r"\\([0-7]{3})")


def sweep(attempts: pathlib.Path) -> list[str]:
    """Ends and removes every attempt below `attempts`; returns a sentence for each thing left there."""
    found: list[str] = []
    if not attempts.is_dir():
        return found
    attempts = attempts.resolve()
    for group in cgroups.left_over(attempts):
        cgroups.end(group)
    for folder in sorted(attempts.iterdir()):
        pids = ledger.kill(folder)
        found += [f"killed process {pid} of attempt {folder.name}" for pid in pids]
        ledger.wait_for(pids)
    found += _unmount(attempts)
    found += _detach(attempts)
    stuck = mounts(attempts)
    for folder in sorted(attempts.iterdir()):
        if any(mount.is_relative_to(folder) for mount in stuck):
            _log.error("%s stays: something is still mounted in it", folder)
        elif folder.is_symlink() or not folder.is_dir():
            folder.unlink(missing_ok=True)
        else:
            shutil.rmtree(folder, ignore_errors=True)
    for sentence in found:
        _log.warning("swept: %s", sentence)
    return found


def mounts(below: pathlib.Path) -> list[pathlib.Path]:
    """Mount points strictly below a folder, the deepest first."""
    lines = pathlib.Path("/proc/self/mountinfo").read_text().splitlines()
    points = [pathlib.Path(_plain(line.split()[4])) for line in lines]
    inside = [point for point in points if point != below and point.is_relative_to(below)]
    return sorted(inside, key=lambda point: len(point.parts), reverse=True)


def loops(below: pathlib.Path) -> list[tuple[pathlib.Path, pathlib.Path]]:
    """Loop devices whose backing file lies (or lay) below a folder: device and file.

    A device that a tool attached shows the file by its path in the tool's own mounts, so the file itself is compared, too.
    """
    found = []
    files: dict[tuple[int, int], pathlib.Path] | None = None
    for entry in sorted(pathlib.Path("/sys/block").glob("loop*/loop/backing_file")):
        try:
            backing = pathlib.Path(entry.read_text().strip().removesuffix(" (deleted)"))
        except OSError:
            continue
        device = pathlib.Path("/dev", entry.parts[3])
        if not backing.is_relative_to(below):
            files = _files(below) if files is None else files
            backing = files.get(backing_file(device), backing)
        if backing.is_relative_to(below):
            found.append((device, backing))
    return found


def _files(below: pathlib.Path) -> dict[tuple[int, int], pathlib.Path]:
    """The regular files below a folder by device and inode."""
    found = {}
    for place, _, names in os.walk(below):
        for path in (pathlib.Path(place, name) for name in names):
            try:
                about = path.lstat()
            except OSError:
                continue
            found[about.st_dev, about.st_ino] = path
    return found


def backing_file(device: pathlib.Path) -> tuple[int, int]:
    """Device and inode of the file behind a loop device; (-1, -1) when it has none any more."""
    try:
        with device.open("rb") as file:
            status = fcntl.ioctl(file, _LOOP_GET_STATUS64, bytes(_STATUS_SIZE))
    except OSError:
        return -1, -1
    number, inode = struct.unpack_from("=QQ", status)
    return number, inode


def _unmount(attempts: pathlib.Path) -> list[str]:
    found = []
    for point in mounts(attempts):
        if not (_tool("umount", str(point)) or _tool("umount", "--lazy", str(point))):
            _log.error("%s can't be unmounted", point)
        found.append(f"unmounted {point.relative_to(attempts)}")
    return found


def _detach(attempts: pathlib.Path) -> list[str]:
    found = []
    for device, backing in loops(attempts):
        _tool("losetup", "--detach", str(device))
        found.append(f"detached {device} from {backing.relative_to(attempts)}")
    return found


def _tool(*argv: str) -> bool:
    try:
        return subprocess.run(argv, capture_output=True, timeout=60, check=False).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def _plain(text: str) -> str:
    return _OCTAL.sub(lambda found: chr(int(found.group(1), 8)), text)
