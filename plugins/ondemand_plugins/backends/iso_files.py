# SPDX-License-Identifier: MIT
"""An ISO through xorriso and mtools: what it holds, its boot records, its EFI image, and a changed copy with all of them kept.

Needs no file system of the kernel's and mounts nothing.
"""

from __future__ import annotations

import dataclasses
import os
import pathlib
import re
import shlex
import subprocess
from collections.abc import Iterable

BLOCK = 2048
TIMEOUT = 1800
_SECTOR = 512
_PIECE = 1 << 20
_ESP = "C12A7328-F81F-11D2-BA4B-00A0C93EC93B"
_IMAGE = re.compile(r"^El Torito boot img : +(\d+) +(\S+) +\S+ +(\S+) +\S+ +\S+ +(\d+) +(\d+)$", re.MULTILINE)
_PATH = re.compile(r"^El Torito img path : +(\d+) +(\S.*)$", re.MULTILINE)
_SIZE = re.compile(r"^ISO image size/512 : +(\d+)$", re.MULTILINE)
_SUMMARY = re.compile(r"^System area summary: (.*)$", re.MULTILINE)
_PART = re.compile(r"^(?:GPT start and size : +(\d+) +(\d+) +(\d+)|MBR partition +: +(\d+) +\S+ +0xef +(\d+) +(\d+))$", re.MULTILINE)
_VOLUME = re.compile(r"^Volume id +: (.*)$", re.MULTILINE)
_EXTENT = re.compile(r"^File data lba: *\d+ *, *(\d+) *, *\d+ *, *(\d+) *, (.*)$", re.MULTILINE)


class IsoError(Exception):
    """An ISO can't be read, changed or written; its text is a phrase for people."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class BootImage:
    """An El Torito boot image: `platform` is BIOS or UEFI, `path` empty where it is no file but a partition after the files."""

    platform: str
    emulation: str
    path: str
    block: int = dataclasses.field(compare=False)


@dataclasses.dataclass(frozen=True, kw_only=True)
class BootRecords:
    """All by which firmware starts an ISO. `system_area` are xorriso's words for its first blocks: MBR, GPT and the like.

    `partitions` are (number, first byte, bytes) of the partition tables.
    """

    images: tuple[BootImage, ...]
    system_area: str
    partitions: tuple[tuple[int, int, int], ...] = dataclasses.field(compare=False)

    @property
    def efi(self) -> BootImage | None:
        """The EFI image's record."""
        return next((image for image in self.images if image.platform == "UEFI"), None)

    def efi_partition(self) -> tuple[int, int, int] | None:
        """Number, first byte and bytes of the partition that is the EFI image; None where it is a file alone."""
        start = self.efi.block * BLOCK if self.efi and not self.efi.path else -1
        return next((part for part in self.partitions if part[1] == start), None)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Extent:
    """A file's bytes in the ISO, where they lie in one piece."""

    start: int
    size: int


@dataclasses.dataclass(frozen=True, kw_only=True)
class Contents:
    """What an ISO holds: paths of its files without a slash before them; `extents` of those in one piece."""

    label: str
    files: frozenset[str]
    extents: dict[str, Extent]
    records: BootRecords


def contents(iso: pathlib.Path) -> Contents:
    """All that is asked of an ISO, in one run of xorriso; raises IsoError."""
    done = _tool(
        *("xorriso", "-no_rc", "-indev", str(iso), "-report_el_torito", "plain", "-report_system_area", "plain"),
        *("-find", "/", "-type", "f", "-exec", "report_lba", "--"),
    )
    volume = _VOLUME.search(done.stderr)
    places: dict[str, list[Extent]] = {}
    for block, size, path in _EXTENT.findall(done.stdout):
        name = shlex.split(path)[0].lstrip("/")
        places.setdefault(name, []).append(Extent(start=int(block) * BLOCK, size=int(size)))
    if not places:
        raise IsoError(f"{iso.name} holds no files, or is no ISO")
    return Contents(
        label=volume.group(1).strip().strip("'") if volume else "",
        files=frozenset(places),
        extents={name: found[0] for name, found in places.items() if len(found) == 1},
        records=_records(done.stdout),
    )


def _records(report: str) -> BootRecords:
    paths = {number: path.lstrip("/") for number, path in _PATH.findall(report)}
    images = tuple(
        BootImage(platform=platform, emulation=emulation, path=paths.get(number, ""), block=int(block))
        for number, platform, emulation, _, block in _IMAGE.findall(report)
    )
    partitions = tuple(
        (int(gpt or mbr), int(start or first) * _SECTOR, int(size or blocks) * _SECTOR)
        for gpt, start, size, mbr, first, blocks in _PART.findall(report)
    )
    summary = _SUMMARY.search(report)
    return BootRecords(images=images, system_area=summary.group(1).strip() if summary else "", partitions=partitions)


def read(iso: pathlib.Path, extent: Extent, limit: int = 1 << 20) -> bytes:
    """The bytes of a small file; raises IsoError for one of more than `limit`."""
    if extent.size > limit:
        raise IsoError(f"a file of {extent.size} bytes is too large for what it should be")
    with iso.open("rb") as file:
        file.seek(extent.start)
        return file.read(extent.size)


def copy_out(iso: pathlib.Path, start: int, size: int, target: pathlib.Path) -> None:
    """Writes `size` bytes of the ISO from `start` to `target`."""
    with iso.open("rb") as source, target.open("wb") as out:
        source.seek(start)
        while size > 0 and (piece := source.read(min(size, _PIECE))):
            size -= out.write(piece)
    if size:
        raise IsoError(f"{iso.name} ends within a file of its own; it did not arrive whole")


def efi_image(iso: pathlib.Path, held: Contents, target: pathlib.Path) -> None:
    """Writes the ISO's EFI image to `target`; raises IsoError where it can't be told which bytes that is."""
    record = held.records.efi
    if record is not None and record.path in held.extents:
        extent = held.extents[record.path]
        copy_out(iso, extent.start, extent.size, target)
    elif (part := held.records.efi_partition()) is not None:
        copy_out(iso, part[1], part[2], target)
    else:
        raise IsoError(f"the EFI image of {iso.name} is neither a file nor a partition")


def fat_files(image: pathlib.Path) -> list[str]:
    """The paths of all files in a FAT image, as they are written there."""
    listed = _tool("mdir", "-i", str(image), "-/", "-b", "::").stdout.splitlines()
    return [line.removeprefix("::").lstrip("/") for line in listed if line.startswith("::") and not line.endswith("/")]


def fat_read(image: pathlib.Path, path: str) -> str:
    """The text of a file in a FAT image."""
    return _tool("mtype", "-i", str(image), f"::/{path}").stdout


def fat_write(image: pathlib.Path, path: str, source: pathlib.Path) -> None:
    """Puts a file into a FAT image, in the place of one that is there; raises IsoError when it is full."""
    _tool("mcopy", "-o", "-i", str(image), str(source), f"::/{path}")


def changed_copy(
    source: pathlib.Path,
    target: pathlib.Path,
    label: str,
    mapped: Iterable[tuple[pathlib.Path, str]],
    efi_partition: tuple[int, pathlib.Path] | None = None,
) -> None:
    """Writes `target`: the ISO `source` with another label and further files, every boot record made anew as it was.

    `mapped` are files or folders and where they come; `efi_partition` is the number of the partition after the files
    that becomes the given image. Raises IsoError.
    """
    words = ["-indev", str(source), "-outdev", str(target), "-boot_image", "any", "replay", "-volid", label]
    # xorriso keeps no partition after the files by itself: without a new image the old one is replayed.
    if efi_partition is not None:
        words += ["-append_partition", str(efi_partition[0]), _ESP, str(efi_partition[1])]
    for path, place in mapped:
        words += ["-map", str(path), f"/{place}"]
    _tool("xorriso", "-no_rc", "-abort_on", "FAILURE", "-uid", "0", "-gid", "0", *words, "-padding", "included", "-commit")
    # xorriso fills up its last piece of 32 KiB, behind which the second partition table would not be at the end.
    os.truncate(target, min(target.stat().st_size, image_size(target)))


def image_size(iso: pathlib.Path) -> int:
    """Bytes up to the end of the last thing in the ISO, its second partition table; raises IsoError."""
    if found := _SIZE.search(_tool("xorriso", "-no_rc", "-indev", str(iso), "-report_system_area", "plain").stdout):
        return int(found.group(1)) * _SECTOR
    raise IsoError(f"the size of {iso.name} is not known")


def implant_checksum(iso: pathlib.Path) -> None:
    """Writes the media checksum into the ISO, by which it can test itself when it boots; nothing may change it then."""
    _tool("implantisomd5", "--force", str(iso))


def _tool(*argv: str) -> subprocess.CompletedProcess[str]:
    try:
        done = subprocess.run(
            argv, capture_output=True, timeout=TIMEOUT, check=False, text=True, errors="replace", stdin=subprocess.DEVNULL
        )
    except FileNotFoundError as error:
        raise IsoError(f"{argv[0]} is not installed") from error
    except subprocess.TimeoutExpired as error:
        raise IsoError(f"{argv[0]} was not done after {TIMEOUT} seconds") from error
    if done.returncode:
        raise IsoError(f"{argv[0]} ended with status {done.returncode}: {_said(done.stderr or done.stdout)}")
    return done


def _said(text: str) -> str:
    """What a tool says was wrong: xorriso marks it."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    marked = [line.split(" : ", 2)[-1] for line in lines if re.search(r" : (FAILURE|FATAL|SORRY) : ", line)]
    return " ".join((marked or lines or ["it said nothing"])[-3:])[:300]
