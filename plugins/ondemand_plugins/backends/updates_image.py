# SPDX-License-Identifier: MIT
"""`updates.img` for a running installer: files of pure Python packages as one gzipped cpio archive, which the installer unpacks.

Whether a package is pure is asked of the RPM itself: noarch, no scripts, files of Python modules alone.
"""

from __future__ import annotations

import gzip
import pathlib
import re
import subprocess
from collections.abc import Iterable, Iterator

from ondemand_plugins.backends import iso_files

PLACE = "images/updates.img"
"""Where the image lies on an ISO: the installer looks there by itself, too."""
_MODULES = re.compile(r"/usr/lib(64)?/python3\.\d+/site-packages(/.*)?")
_SILENT = re.compile(r"/usr/share/(doc|licenses|man)(/.*)?|/usr/lib(64)?(/python3\.\d+)?")
"""What a running installer never reads, and the folders above the modules."""
_MAGIC, _HEAD, _INODE = (b"070701", b"070702"), 110, slice(6, 14)
_END = "TRAILER!!!"
_TIMEOUT = 300


def impurity(rpm: pathlib.Path) -> str:
    """Why the package can't be given to a running installer, as a phrase; empty when it can."""
    arch, *files = _run("rpm", "-qp", "--nosignature", "--queryformat", "%{ARCH}\n[%{FILENAMES}\n]", str(rpm)).splitlines()
    if arch != "noarch":
        return "it is not of Python alone"
    if _run("rpm", "-qp", "--nosignature", "--scripts", "--triggers", str(rpm)).strip():
        return "it runs scripts when it is installed"
    if other := [name for name in files if not (_MODULES.fullmatch(name) or _SILENT.fullmatch(name))]:
        return f"it has files beside Python modules, as {other[0]}"
    return "" if any(_MODULES.fullmatch(name) for name in files) else "it has no Python modules"


def write(rpms: Iterable[pathlib.Path], target: pathlib.Path) -> None:
    """Writes the image of the packages' modules; raises iso_files.IsoError."""
    number = 0
    with gzip.GzipFile(target, "wb", mtime=0) as out:
        for rpm in rpms:
            packed = list(_entries(_cpio(rpm), rpm.name))
            # Of the names of one file the last alone comes with its bytes, and that one may be no module.
            linked = {head[_INODE]: data for head, _, data in packed if data}
            for head, name, data in packed:
                if _MODULES.fullmatch("/" + name.lstrip("./")):
                    number += 1
                    out.write(_entry(head, number, name.lstrip("./"), data or linked.get(head[_INODE], b"")))
        out.write(_entry(b"070701" + b"0" * (_HEAD - 6), 0, _END, b""))


def _cpio(rpm: pathlib.Path) -> bytes:
    done = subprocess.run(("rpm2cpio", str(rpm)), capture_output=True, timeout=_TIMEOUT, check=False, stdin=subprocess.DEVNULL)
    if done.returncode:
        raise iso_files.IsoError(f"{rpm.name} can't be unpacked: {done.stderr.decode('utf-8', 'replace').strip()[:200]}")
    return done.stdout


def _entries(archive: bytes, what: str) -> Iterator[tuple[bytes, str, bytes]]:
    """Head, name and data of each file in an archive of the new ASCII form."""
    at = 0
    while at + _HEAD <= len(archive):
        head = archive[at : at + _HEAD]
        if head[:6] not in _MAGIC:
            break
        size, length = int(head[54:62], 16), int(head[94:102], 16)
        name = archive[at + _HEAD : at + _HEAD + length - 1].decode("utf-8", "surrogateescape")
        if name == _END:
            return
        begin = _even(at + _HEAD + length)
        yield head, name, archive[begin : begin + size]
        at = _even(begin + size)
    raise iso_files.IsoError(f"the archive in {what} is damaged")


def _entry(head: bytes, number: int, name: str, data: bytes) -> bytes:
    """An entry with an inode number of its own, since those of two packages may be the same, and so with one name."""
    path = name.encode("utf-8", "surrogateescape") + b"\0"
    sizes = b"%08X" % number, head[14:38], b"%08X" % 1, head[46:54], b"%08X" % len(data), head[62:94], b"%08X" % len(path), b"0" * 8
    written = b"070701" + b"".join(sizes) + path
    written += b"\0" * (_even(len(written)) - len(written)) + data
    return written + b"\0" * (_even(len(written)) - len(written))


def _even(length: int) -> int:
    return (length + 3) // 4 * 4


def _run(*argv: str) -> str:
    done = subprocess.run(
        argv, capture_output=True, timeout=_TIMEOUT, check=False, text=True, errors="replace", stdin=subprocess.DEVNULL
    )
    if done.returncode:
        raise iso_files.IsoError(f"{argv[0]} can't read {pathlib.Path(argv[-1]).name}: {' '.join(done.stderr.split())[-200:]}")
    return done.stdout
