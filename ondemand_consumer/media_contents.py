# SPDX-License-Identifier: MIT
"""Tells what an installation medium carries, by the bytes in the ISO. Run as a program; mounts and unpacks nothing.

`python -m ondemand_consumer.media_contents ISO FOLDER...` prints path, size and SHA-256 of every RPM in these folders of the
ISO, and of what an installer runs from.
"""

from __future__ import annotations

import hashlib
import pathlib
import re
import shlex
import subprocess
import sys

RUNTIMES = ("images/install.img", "LiveOS/squashfs.img", "images/updates.img", "images/pxeboot/vmlinuz", "images/pxeboot/initrd.img")
"""Files that an installer runs from."""
_EXTENT = re.compile(r"^File data lba: *\d+ *, *(\d+) *, *\d+ *, *(\d+) *, (.*)$", re.MULTILINE)
_BLOCK = 2048
_PIECE = 1 << 20
_TIMEOUT = 600


def main(iso: str, *folders: str) -> None:
    """Prints the list; what fails ends the program with a sentence on standard error."""
    argv = ("xorriso", "-no_rc", "-indev", iso, "-find", "/", "-type", "f", "-exec", "report_lba", "--")
    done = subprocess.run(argv, capture_output=True, timeout=_TIMEOUT, check=False, text=True, errors="replace")
    if done.returncode:
        raise SystemExit(f"xorriso can't read the image: {' '.join(done.stderr.split())[-300:]}")
    found: dict[str, list[tuple[int, int]]] = {}
    for block, size, path in _EXTENT.findall(done.stdout):
        found.setdefault(shlex.split(path)[0].lstrip("/"), []).append((int(block) * _BLOCK, int(size)))
    with pathlib.Path(iso).open("rb") as file:
        for name, extents in sorted(found.items()):
            folder, _, last = name.rpartition("/")
            if name in RUNTIMES or (folder in folders and last.endswith(".rpm")):
                digest = hashlib.sha256()
                for start, left in extents:
                    file.seek(start)
                    while left > 0 and (piece := file.read(min(left, _PIECE))):
                        digest.update(piece)
                        left -= len(piece)
                print(name, sum(size for _, size in extents), digest.hexdigest(), sep="\t")


if __name__ == "__main__":
    main(*sys.argv[1:])
