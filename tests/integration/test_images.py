# SPDX-License-Identifier: MIT
"""Small true images: what is inside is read, and what can't boot is said to."""

import os
import pathlib

import pytest

from ondemand import errors, states
from ondemand_consumer import boot, fetching, machines, rpm_headers, verification
from tests import builder_parts

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


OUTER = {
    "squashfs": ("mksquashfs", "{root}", "{image}", "-quiet", "-no-progress"),
    "erofs": ("mkfs.erofs", "--quiet", "-zlz4", "{image}", "{root}"),
}


def _image(folder: pathlib.Path, rpm: pathlib.Path, *, outer: str, nested: bool) -> pathlib.Path:
    builder_parts.need(OUTER[outer][0], "xorriso", "mkfs.ext4")
    root = folder / "root"
    builder_parts.run(
        *("rpm", "--root", str(root), "--dbpath", "/usr/lib/sysimage/rpm", "--install", "--nodeps", str(rpm))
    )
    live = folder / "iso" / "LiveOS"
    live.mkdir(parents=True)
    if nested:
        inner = folder / "outer" / "LiveOS"
        inner.mkdir(parents=True)
        builder_parts.run("mkfs.ext4", "-q", "-d", str(root), str(inner / "rootfs.img"), "16M")
        root = folder / "outer"
    builder_parts.run(*(word.format(root=root, image=live / "squashfs.img") for word in OUTER[outer]))
    image = folder / "image.iso"
    builder_parts.run("xorriso", "-as", "mkisofs", "-o", str(image), str(folder / "iso"))
    return image


@pytest.mark.parametrize("nested", [False, True], ids=["plain", "ext4 within"])
@pytest.mark.parametrize("outer", OUTER)
def test_the_packages_in_an_image_are_read_with_their_digests(tmp_path: pathlib.Path, outer: str, nested: bool) -> None:
    rpm = builder_parts.make_rpm(tmp_path)
    attempt = builder_parts.make_attempt(tmp_path)
    (package,) = verification.read(attempt, _image(tmp_path, rpm, outer=outer, nested=nested))
    assert (package.nevra, package.header) == ("ball-1-1.noarch", rpm_headers.digests(rpm)["header-sha256"])
    assert not list((attempt.proof / "contents").glob("*.img")), "the root was copied out of the image"


def _installer(folder: pathlib.Path, files: dict[str, str]) -> pathlib.Path:
    builder_parts.need("mksquashfs", "xorriso")
    root = folder / "runtime"
    root.mkdir()
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    (folder / "iso" / "images").mkdir(parents=True)
    builder_parts.run("mksquashfs", str(root), str(folder / "iso" / "images" / "install.img"), "-quiet", "-no-progress")
    builder_parts.run("xorriso", "-as", "mkisofs", "-o", str(folder / "boot.iso"), str(folder / "iso"))
    return folder / "boot.iso"


def test_an_installer_without_a_database_is_read_by_its_tool_s_list_and_the_proof_says_so(tmp_path: pathlib.Path) -> None:
    rpm = builder_parts.make_rpm(tmp_path)
    lock = builder_parts.make_lock(builder_parts.locked(rpm, "", epoch=1, wanted=True))
    image = _installer(tmp_path, {"root/lorax-packages.log": "ball-1-1.noarch\nnet-2-1.x86_64\n"})
    header = rpm_headers.digests(rpm)["header-sha256"]
    file = fetching.Fetched(package=lock.packages[0], path=rpm, sha256="", header=header, from_cache=False)
    proof, error = verification.contains(builder_parts.make_attempt(tmp_path, lock), image, (file,), closed=False)
    assert error is None and "not by digest" in proof.how and not proof.facts["database"]
    assert proof.facts["outside"] == ["net-2-1.x86_64"] and proof.facts["left_out"] == []


def test_an_image_that_tells_nothing_of_its_packages_is_refused(tmp_path: pathlib.Path) -> None:
    image = _installer(tmp_path, {"etc/hostname": "nobody\n"})
    with pytest.raises(errors.WrongContents, match="neither an RPM database nor lorax's list"):
        verification.read(builder_parts.make_attempt(tmp_path), image)


def test_a_file_that_is_no_image_is_said_to_be_none(tmp_path: pathlib.Path) -> None:
    (tmp_path / "image.iso").write_bytes(b"x" * 10**6)
    with pytest.raises(errors.WrongContents, match="can't be looked into"):
        verification.read(builder_parts.make_attempt(tmp_path), tmp_path / "image.iso")


def test_an_image_without_a_boot_loader_does_not_boot_and_a_picture_shows_it(tmp_path: pathlib.Path) -> None:
    builder_parts.need(machines.program())
    image, screen = tmp_path / "image.iso", tmp_path / "screen.png"
    image.write_bytes(b"\0" * 10**6)
    # Deeper than the address of a socket may be.
    deep = tmp_path / ("deep" * 25)
    deep.mkdir()
    attempt = builder_parts.make_attempt(deep, memory=256, boot_timeout=60.0)
    proof, error = boot.prove(attempt, image, (), screen)
    assert not proof.held and error and "No bootable device" in str(error)
    assert screen.read_bytes().startswith(b"\x89PNG")
    assert "No bootable device" in attempt.log(states.Step.BOOT).read_text()


def test_acceleration_is_what_truly_runs() -> None:
    builder_parts.need(machines.program())
    assert machines.accelerations() in ((machines.KVM, machines.TCG), (machines.TCG,))
