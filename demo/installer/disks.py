# SPDX-License-Identifier: MIT
"""Takes the first empty disk: one partition, ext4. A disk that holds anything is never touched."""

from __future__ import annotations

import json
import pathlib

from demo.installer import programs

SYSTEM = pathlib.Path("/mnt/sysimage")
_LEAST = 1 << 30
"""Bytes that a disk must have to be taken."""


def first_empty() -> pathlib.Path:
    """Return the device of the first writable disk without partitions and file systems. Raises Problem."""
    programs.run("udevadm", "settle", "--timeout=600")
    listing = "".join(programs.run("lsblk", "--json", "--bytes", "--nodeps", "--output", "PATH,TYPE,RO,SIZE"))
    for disk in json.loads(listing)["blockdevices"]:
        if disk["type"] == "disk" and not disk["ro"] and int(disk["size"]) >= _LEAST and _is_empty(disk["path"]):
            return pathlib.Path(disk["path"])
    raise programs.Problem(
        "No empty disk of 1 GiB or more is there: attach one; a disk that holds something is left alone."
    )


def _is_empty(device: str) -> bool:
    return not programs.run("wipefs", "--noheadings", device)


def prepare(disk: pathlib.Path) -> str:
    """Partition and format `disk`, mount it at SYSTEM and return the file system's UUID."""
    programs.run("sfdisk", "--quiet", disk, text="label: dos\nstart=1MiB, type=83, bootable\n")
    programs.run("udevadm", "settle", "--timeout=600")
    listing = programs.run("lsblk", "--noheadings", "--list", "--output", "PATH,TYPE", disk)
    partition = next(line.split()[0] for line in listing if line.split()[1:] == ["part"])
    # Features that GRUB 2.06 does not read.
    programs.run("mkfs.ext4", "-q", "-F", "-O", "^metadata_csum_seed", partition)
    SYSTEM.mkdir(parents=True, exist_ok=True)
    programs.run("mount", partition, SYSTEM)
    return programs.run("blkid", "--match-tag", "UUID", "--output", "value", partition)[0]
