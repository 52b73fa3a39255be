# SPDX-License-Identifier: MIT
"""An image over a root and an initramfs of an earlier build is, file by file, the one that is made from nothing."""

from __future__ import annotations

import os
import pathlib
import re

import pytest

from tests import reuse_parts

pytestmark = [pytest.mark.slow, pytest.mark.skipif(os.geteuid() != 0, reason="needs root")]
MAY_DIFFER = {
    # kiwi draws a number for each image by which GRUB finds its disk; it stands in these, and in what is made of them.
    r"iso/boot(/0x[0-9a-f]{8}|/mbrid|/grub/(earlyboot|grub)\.cfg|/x86_64/loader/eltorito\.img|\.catalog|/boot\.cat)": "kiwi's number",
    r"iso/EFI/[A-Za-z]+/grub\.cfg": "kiwi's number",
    r"root/(boot/grub/earlyboot\.cfg|usr/lib/grub/i386-pc/(core|eltorito)\.img)": "kiwi's number",
    r"iso/LiveOS/squashfs\.img": "holds the others, which are compared",
    r"iso/boot/x86_64/loader/initrd": "two archives instead of one, whose files are compared",
    r"root/usr/lib/sysimage/rpm/rpmdb\.sqlite(-shm|-wal)?": "times of installation; its packages are compared",
    r"root/var/lib/dnf/history\.sqlite(-shm|-wal)?": "times, and one step more",
    r"root/var/log/(dnf|dnf\.librepo|dnf\.rpm|hawkey)\.log": "times, and one step more",
    r"root/var/cache/ldconfig/aux-cache": "inodes and times of libraries",
}
"""Paths that two images of the same lock may differ in, each with the reason; all but the two marked so differ between any two runs."""


@pytest.fixture(scope="module")
def images(distribution: pathlib.Path, servers: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, reuse_parts.Image]:
    """The image over what an earlier build of fewer wanted builds left, and the same from nothing."""
    builder = reuse_parts.Builder(tmp_path_factory.mktemp("reuse"), distribution, servers)
    builder.image("earlier", reuse_parts.BEFORE)
    return {
        "cached": builder.image("cached", reuse_parts.NEWER),
        "cold": builder.image("cold", reuse_parts.NEWER, roots_limit=0),
    }


def test_root_and_initramfs_are_taken_over_and_the_seconds_told(images: dict[str, reuse_parts.Image]) -> None:
    assert [fact["what"] for fact in images["cached"].reused] == ["root", "initramfs"] and not images["cold"].reused
    assert all(fact["from"] == "build 7" and fact["seconds_saved"] > 0 for fact in images["cached"].reused)
    assert images["cached"].reused[0]["packages_changed"] > 0


def test_the_packages_are_the_same(images: dict[str, reuse_parts.Image]) -> None:
    assert images["cached"].packages == images["cold"].packages


def test_every_file_of_iso_root_and_initramfs_is_the_same(images: dict[str, reuse_parts.Image], tmp_path: pathlib.Path) -> None:
    cached, cold = (reuse_parts.files(images[name].path, tmp_path / name) for name in ("cached", "cold"))
    differing = [path for path in sorted({*cached, *cold}) if cached.get(path) != cold.get(path)]
    assert not [path for path in differing if not any(re.fullmatch(pattern, path) for pattern in MAY_DIFFER)]
    assert len(cached) > 4000 and any(path.startswith("initramfs/usr/lib/modules") for path in cached)
