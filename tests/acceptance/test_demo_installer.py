# SPDX-License-Identifier: MIT
"""The demo's boot.iso boots by its own boot loader, installs by kickstart from another disc, and that disk boots."""

from __future__ import annotations

import configparser
import hashlib
import pathlib

import pytest

from demo import boot_iso
from ondemand_consumer import console, machines
from tests import installer_parts as parts

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def tree(distribution: pathlib.Path) -> pathlib.Path:
    """The repository with its published boot.iso."""
    return boot_iso.make(distribution / "repositories" / "main").parent.parent


def test_the_tree_s_record_names_the_boot_iso_s_digest(tree: pathlib.Path) -> None:
    found = configparser.ConfigParser()
    found.read(tree / ".treeinfo")
    digest = hashlib.sha256((tree / "images" / "boot.iso").read_bytes()).hexdigest()
    assert found["checksums"]["images/boot.iso"] == f"sha256:{digest}"
    assert found["images-x86_64"]["boot.iso"] == "images/boot.iso"


@pytest.fixture(scope="module")
def installed(tree: pathlib.Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[pathlib.Path, str]:
    """A disk that the installer has filled, and what it said meanwhile."""
    folder = tmp_path_factory.mktemp("installation")
    (folder / "ks.cfg").write_text(parts.KICKSTART)
    orders = parts.iso(folder / "orders.iso", "OEMDRV", ks_cfg=folder / "ks.cfg")
    updates = tree.parent / "updates-testing"
    packages = {"main/Packages": tree / "Packages", "main/repodata": tree / "repodata", "testing": updates}
    source = parts.iso(folder / "tree.iso", "TREE", **packages)
    disk = folder / "disk.img"
    with disk.open("wb") as file:
        file.truncate(3 << 30)
    drives = [f"file={orders},readonly=on", f"file={source},readonly=on", f"file={disk},cache=unsafe"]
    with parts.machine(folder / "m", tree / "images" / "boot.iso", *drives, credentials={}) as (process, serial):
        return disk, parts.follow(serial, console.Console(token=""), lambda: process.poll() is not None, 1500)


def test_the_installer_says_each_phase_and_ends_the_machine(installed: tuple[pathlib.Path, str]) -> None:
    lines = [line for line in installed[1].splitlines() if line.startswith("demo-installer: ")]
    phases = [line.split(": ")[1].split(",")[0] for line in lines]
    assert [phase for phase in dict.fromkeys(phases) if not phase.startswith("finished")] == [
        *("started", "not done", "disk", "packages", "settings", "initramfs", "boot loader", "script"),
    ]
    assert "demo-installer: not done: clearpart --all" in lines and lines[-1].endswith("s: poweroff")


def test_the_installed_disk_boots_with_the_newest_of_both_repositories(
    installed: tuple[pathlib.Path, str], tmp_path: pathlib.Path
) -> None:
    said = console.Console(token=machines.token())
    credentials = {"ondemand.token": said.token, "ondemand.wanted": "ondemand-hello"}
    with parts.machine(tmp_path / "m", installed[0], credentials=credentials) as (process, serial):
        parts.follow(serial, said, lambda: bool(said.blocks) or process.poll() is not None, 600)
    assert list(said.packages) == ["ondemand-hello-1.1-1.demo1.x86_64"]
    assert (said.state, said.root.split()[0]) == ("running", "ext4")
