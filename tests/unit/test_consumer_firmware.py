# SPDX-License-Identifier: MIT
"""Under which firmware an image is proven, and where that firmware comes from."""

import json
import pathlib
import platform
from typing import Any

import pytest

from ondemand import errors
from ondemand.build_requests import Profile
from ondemand.locks import Lock
from ondemand_consumer import firmware
from ondemand_consumer.firmware import Firmware
from tests import builder_parts
from tests.unit import test_secure_boot

BIOS, UEFI, SECURE = Firmware.BIOS, Firmware.UEFI, Firmware.SECURE
SIGNED = test_secure_boot.lock(*test_secure_boot.CHAIN)
SCRATCH = test_secure_boot.lock(*test_secure_boot.CHAIN, kernel_core="task:7")
PLAIN = test_secure_boot.lock("kernel-core")
DVD = test_secure_boot.medium("dvd", "tree", "task:7")


@pytest.mark.parametrize(
    ("records", "offered", "profile", "lock", "kinds", "remark"),
    [
        ({BIOS, UEFI}, {UEFI, SECURE}, "test", SIGNED, (BIOS,), ""),
        ({UEFI}, {UEFI, SECURE}, "test", SIGNED, (UEFI,), "profile test boots once"),
        ({BIOS, UEFI}, {UEFI, SECURE}, "release", SIGNED, (BIOS, SECURE), ""),
        ({BIOS, UEFI}, {UEFI, SECURE}, "release", SCRATCH, (BIOS, UEFI), "will not boot with Secure Boot"),
        ({BIOS, UEFI}, {UEFI, SECURE}, "release", PLAIN, (BIOS, UEFI), "the image holds no shim"),
        ({BIOS, UEFI}, {UEFI}, "release", SIGNED, (BIOS, UEFI), "no firmware with keys enrolled"),
        ({BIOS, UEFI}, set(), "release", SIGNED, (BIOS,), "UEFI was not tried"),
        ({BIOS}, {UEFI, SECURE}, "release", SIGNED, (BIOS,), "no boot record for UEFI"),
        ({BIOS, UEFI, SECURE}, {UEFI, SECURE}, "release", DVD, (BIOS, SECURE), ""),
        ({BIOS, UEFI}, {UEFI, SECURE}, "release", DVD, (BIOS, UEFI), "the published boot.iso holds no signed program for UEFI"),
        ({BIOS, UEFI, SECURE}, {UEFI}, "release", DVD, (BIOS, UEFI), "no firmware with keys enrolled"),
        (set(), {UEFI, SECURE}, "release", SIGNED, (BIOS,), "no boot record for UEFI"),
    ],
)
def test_the_profile_and_the_image_choose_the_firmware(
    records: set[Firmware], offered: set[Firmware], profile: str, lock: Lock, kinds: tuple[Firmware, ...], remark: str
) -> None:
    chosen = firmware.choose(frozenset(records), frozenset(offered), Profile(profile), lock)
    assert chosen.kinds == kinds
    assert remark in " ".join(chosen.remarks) and bool(remark) == bool(chosen.remarks)


def describe(folder: pathlib.Path, name: str, *features: str, machine: str = "pc-q35-*") -> None:
    """A firmware's descriptor in `folder`, and its two files."""
    for file in ("code.fd", "vars.fd"):
        (folder / file).write_text(file)
    described: dict[str, Any] = {
        "mapping": {
            "device": "flash",
            "executable": {"filename": str(folder / "code.fd"), "format": "raw"},
            "nvram-template": {"filename": str(folder / "vars.fd"), "format": "raw"},
        },
        "targets": [{"architecture": platform.machine(), "machines": [machine]}],
        "features": features,
    }
    (folder / name).write_text(json.dumps(described))


def test_firmware_is_found_by_what_its_descriptor_says(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(firmware, "DESCRIPTORS", (tmp_path,))
    describe(tmp_path, "10-microvm.json", machine="microvm")
    describe(tmp_path, "40-secure.json", "secure-boot", "enrolled-keys", "requires-smm")
    describe(tmp_path, "50-keyless.json", "secure-boot", "requires-smm")
    describe(tmp_path, "60-plain.json")
    (tmp_path / "20-damaged.json").write_text("{")
    found = firmware.available()
    assert {kind: "requires-smm" in each["features"] for kind, each in found.items()} == {SECURE: True, UEFI: False}


def test_each_boot_begins_with_fresh_variables(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(firmware, "DESCRIPTORS", (tmp_path,))
    describe(tmp_path, "40-secure.json", "secure-boot", "enrolled-keys", "requires-smm")
    boot = tmp_path / "boot"
    boot.mkdir()
    said = " ".join(firmware.words(firmware.available()[SECURE], boot))
    assert f"readonly=off,file={boot / 'variables'}" in said and f"readonly=on,file={tmp_path / 'code.fd'}" in said
    assert "q35,smm=on" in said and (boot / "variables").read_text() == "vars.fd"


def bootable(folder: pathlib.Path, program: bytes) -> pathlib.Path:
    """An ISO with boot records for both kinds of firmware, and what UEFI starts first."""
    builder_parts.need("xorriso")
    (folder / "boot.img").write_bytes(b"x" * 4096)
    (folder / "first").write_bytes(program)
    grafts = (f"/boot.img={folder / 'boot.img'}", f"/EFI/BOOT/BOOTX64.EFI={folder / 'first'}")
    words = ("-c", "boot.cat", "-b", "boot.img", "-no-emul-boot", "-eltorito-alt-boot", "-e", "boot.img", "-no-emul-boot")
    iso = folder / "a.iso"
    builder_parts.run("xorriso", "-no_rc", "-as", "mkisofs", "-R", "-o", str(iso), *words, "-graft-points", *grafts)
    return iso


def program(signature: int) -> bytes:
    """The head of a program for UEFI with a signature of so many bytes."""
    directories = b"\0" * 32 + b"\0\x10\0\0" + signature.to_bytes(4, "little")
    dos = b"MZ".ljust(0x3C, b"\0") + (0x80).to_bytes(4, "little")
    return dos.ljust(0x80, b"\0") + b"PE\0\0".ljust(24, b"\0") + b"\x0b\x02".ljust(112, b"\0") + directories


@pytest.mark.parametrize(("first", "kinds"), [(b"none", {BIOS, UEFI}), (program(0), {BIOS, UEFI}), (program(8), {BIOS, UEFI, SECURE})])
def test_an_iso_s_boot_records_are_read_and_whether_its_first_program_is_signed(
    tmp_path: pathlib.Path, first: bytes, kinds: set[Firmware]
) -> None:
    assert firmware.of_image(bootable(tmp_path, first)) == kinds


def test_what_is_no_iso_has_no_boot_record_and_what_is_not_there_can_t_be_read(tmp_path: pathlib.Path) -> None:
    builder_parts.need("xorriso")
    (tmp_path / "none.iso").write_bytes(b"\0" * 100_000)
    assert firmware.of_image(tmp_path / "none.iso") == frozenset()
    with pytest.raises(errors.WrongContents, match=r"boot records can't be read, because .*No such file"):
        firmware.of_image(tmp_path / "missing.iso")


def test_a_failure_of_xorriso_is_no_image_without_boot_records(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "none.iso").write_bytes(b"")
    failing = tmp_path / "xorriso"
    failing.write_text("#!/bin/sh\necho xorriso : FATAL : out of luck >&2\nexit 32\n")
    failing.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    with pytest.raises(errors.WrongContents, match="xorriso says «xorriso : FATAL : out of luck»"):
        firmware.of_image(tmp_path / "none.iso")
