# SPDX-License-Identifier: MIT
"""The firmware that starts an image: BIOS, UEFI, and UEFI with Secure Boot; which of them an image is made for.

UEFI builds are found by QEMU's firmware descriptors (docs/interop/firmware.json there), so that every distribution's do.
"""

from __future__ import annotations

import dataclasses
import enum
import json
import pathlib
import platform
import re
import shutil
import subprocess
from typing import Any

from ondemand import errors, locks, secure_boot
from ondemand.build_requests import Profile

DESCRIPTORS = (pathlib.Path("/etc/qemu/firmware"), pathlib.Path("/usr/share/qemu/firmware"))
"""Where QEMU's firmware descriptors lie; of two with the same name the first hides the second."""
_PROGRAM = re.compile(r"^File data lba: *\d+ *, *(\d+) *, *\d+ *, *\d+ *, *'/EFI/BOOT/BOOT[A-Z0-9]+\.EFI'$", re.MULTILINE | re.IGNORECASE)
_BLOCK = 2048
_RECORD = re.compile(r"^El Torito boot img *: *\d+ +(BIOS|UEFI) ", re.MULTILINE)
_TIMEOUT = 60


class Firmware(enum.StrEnum):
    """What a machine starts with, as proofs name it."""

    BIOS = "BIOS"
    UEFI = "UEFI"
    SECURE = "UEFI with Secure Boot"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Choice:
    """Under which firmware an image is proven; `remarks` are sentences on what is not tried, and why."""

    kinds: tuple[Firmware, ...]
    remarks: tuple[str, ...] = ()


def choose(records: frozenset[Firmware], offered: frozenset[Firmware], profile: Profile, lock: locks.Lock) -> Choice:
    """One firmware for profile test, each that the image has a boot record for and the builder has for release.

    Secure Boot takes the place of plain UEFI where shim, GRUB and kernel are those of the release; of a published boot.iso,
    which no lock tells of, they are where `records` has it. An image without any record is tried under BIOS, which says
    what it lacks.
    """
    bios = Firmware.BIOS in records or Firmware.UEFI not in records
    if profile is Profile.TEST and bios:
        return Choice(kinds=(Firmware.BIOS,))
    kinds, remarks = ([Firmware.BIOS] if bios else []), []
    if Firmware.UEFI not in records:
        remarks.append("The image has no boot record for UEFI.")
    elif not {Firmware.UEFI, Firmware.SECURE} & offered:
        remarks.append("UEFI was not tried: this builder has no firmware for it.")
    else:
        why = secure_boot.hindrance(lock) or secure_boot.lacks(lock)
        if lock.boot_iso and Firmware.SECURE not in records:
            why = "the published boot.iso holds no signed program for UEFI"
        if not why and Firmware.SECURE not in offered:
            why = "this builder has no firmware with keys enrolled"
        if profile is Profile.TEST:
            why = why or "profile test boots once"
        secure = Firmware.SECURE in offered and (not why or Firmware.UEFI not in offered)
        kinds.append(Firmware.SECURE if secure else Firmware.UEFI)
        if not secure:
            remarks.append(why if why.endswith(".") else f"Secure Boot was not tried: {why}.")
    return Choice(kinds=tuple(kinds), remarks=tuple(remarks))


def of_image(image: pathlib.Path) -> frozenset[Firmware]:
    """What the ISO has boot records for; Secure Boot beside UEFI where the first program is signed, by whomever.

    A file that is no ISO has none. Raises errors.WrongContents where it can't be read, errors.ToolMissing without xorriso.
    """
    argv = ["xorriso", "-no_rc", "-indev", str(image), "-report_el_torito", "plain"]
    argv += ["-find", "/", "-name", "BOOT*.EFI", "-exec", "report_lba", "--"]
    try:
        # xorriso takes a file that is not there for a blank medium, and ends well.
        image.open("rb").close()
    except OSError as error:
        raise _unreadable(str(error)) from error
    try:
        done = subprocess.run(argv, capture_output=True, timeout=_TIMEOUT, check=False, text=True, errors="replace")
    except FileNotFoundError as error:
        raise errors.ToolMissing(
            "This builder has no xorriso", cause="by it the image's boot records are read", remedy="install xorriso on the builder"
        ) from error
    except subprocess.TimeoutExpired as error:
        raise _unreadable(f"xorriso did not end within {_TIMEOUT} seconds") from error
    if done.returncode:
        raise _unreadable(f"xorriso says «{' '.join(done.stderr.split())[-200:]}»")
    found = {Firmware(name) for name in _RECORD.findall(done.stdout)}
    if Firmware.UEFI in found and any(_is_signed(image, int(block) * _BLOCK) for block in _PROGRAM.findall(done.stdout)):
        found.add(Firmware.SECURE)
    return frozenset(found)


def _unreadable(cause: str) -> errors.WrongContents:
    return errors.WrongContents("The image's boot records can't be read", cause=cause, remedy="look at the log of step build")


def _is_signed(image: pathlib.Path, start: int) -> bool:
    """Whether the program at that byte bears a signature: the fifth directory of its PE32+ header names one."""
    with image.open("rb") as file:
        file.seek(start)
        head = file.read(4096)
    at = int.from_bytes(head[0x3C:0x40], "little")
    if head[:2] != b"MZ" or head[at : at + 4] != b"PE\0\0" or head[at + 24 : at + 26] != b"\x0b\x02":
        return False
    return any(head[at + 24 + 112 + 4 * 8 + 4 : at + 24 + 112 + 5 * 8])


def available() -> dict[Firmware, dict[str, Any]]:
    """The descriptor of the UEFI build that serves each kind on this machine's architecture; BIOS needs none."""
    by_name: dict[str, pathlib.Path] = {}
    for folder in reversed(DESCRIPTORS):
        by_name |= {path.name: path for path in folder.glob("*.json")}
    found: dict[Firmware, dict[str, Any]] = {}
    for _, path in sorted(by_name.items()):
        described = _read(path)
        kind = _kind(described)
        if kind and kind not in found:
            found[kind] = described
    return found


def words(described: dict[str, Any], folder: pathlib.Path) -> list[str]:
    """QEMU's words for that build; its variables are copied into `folder`, so that no boot leaves any behind."""
    mapping = described["mapping"]
    code, template = mapping["executable"], mapping["nvram-template"]
    variables = folder / "variables"
    shutil.copyfile(template["filename"], variables)
    smm = "requires-smm" in described["features"]
    made = ["-machine", f"q35{',smm=on' * smm}"]
    if smm:
        made += ["-global", "driver=cfi.pflash01,property=secure,value=on"]
    for unit, (path, form, readonly) in enumerate(
        ((code["filename"], code.get("format", "raw"), "on"), (variables, template.get("format", "raw"), "off"))
    ):
        escaped = str(path).replace(",", ",,")
        made += ["-drive", f"if=pflash,unit={unit},format={form},readonly={readonly},file={escaped}"]
    return made


def _read(path: pathlib.Path) -> dict[str, Any]:
    try:
        described = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return described if isinstance(described, dict) else {}


def _kind(described: dict[str, Any]) -> Firmware | None:
    """What a descriptor describes, if this machine can use it: flash with a template, for q35 of our architecture."""
    mapping, features = described.get("mapping", {}), set(described.get("features", ()))
    files = [mapping.get(name, {}).get("filename", "") for name in ("executable", "nvram-template")]
    fits = any(
        target.get("architecture") == platform.machine() and any("q35" in name for name in target.get("machines", ()))
        for target in described.get("targets", ())
    )
    if mapping.get("device") != "flash" or not fits or not all(name and pathlib.Path(name).is_file() for name in files):
        return None
    if {"secure-boot", "enrolled-keys"} <= features:
        return Firmware.SECURE
    return None if "secure-boot" in features else Firmware.UEFI
