# SPDX-License-Identifier: MIT
"""Under which firmware an image is proven, and where that firmware comes from."""

import json
import pathlib
import platform
from typing import Any

import pytest

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


def test_an_iso_s_boot_records_are_read(tmp_path: pathlib.Path) -> None:
    builder_parts.need("xorriso")
    (tmp_path / "boot.img").write_bytes(b"x" * 4096)
    base = ("xorriso", "-as", "mkisofs", "-o", str(tmp_path / "a.iso"), "-graft-points", f"/boot.img={tmp_path / 'boot.img'}")
    builder_parts.run(*base, "-c", "boot.cat", "-b", "boot.img", "-no-emul-boot", "-eltorito-alt-boot", "-e", "boot.img", "-no-emul-boot")
    assert firmware.of_image(tmp_path / "a.iso") == {BIOS, UEFI}
    (tmp_path / "none.iso").write_bytes(b"\0" * 100_000)
    assert firmware.of_image(tmp_path / "none.iso") == frozenset()
