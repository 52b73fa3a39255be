# SPDX-License-Identifier: MIT
"""An installation DVD by the whole service: it boots, installs itself onto an empty disk without network, and the system runs.

The installer is the demo's small one, no Anaconda. Beside it a remastered boot ISO of the same release.
"""

from __future__ import annotations

import os
import pathlib
import shutil
from collections.abc import Iterator

import pytest
import requests

from demo import boot_iso
from ondemand.builds import BuildRecord
from ondemand.proofs import ProofKind
from ondemand.states import State, Step
from ondemand_consumer import console, machines
from tests import builder_parts, installer_parts
from tests import service_parts as parts

pytestmark = pytest.mark.slow
INSTALLING, STARTING = 2400.0, 900.0
"""Seconds for an emulated machine that shares its cores."""
NAMES = ("ondemand-greeting", "ondemand-hello", "ondemand-libs")
DISK = 4 * 1024**3
LISTENED = "printk.devkmsg=on"
"""A word of the kernel's command line where the boot proof listens, and nowhere else."""


@pytest.fixture(scope="module")
def published(distribution: pathlib.Path) -> pathlib.Path:
    """The demo distribution with its published boot.iso, apart, so that no other test's release offers more types."""
    builder_parts.need("implantisomd5", "mcopy", "mksquashfs")
    folder = distribution.parent.parent / "demo-tree" / distribution.name
    if not folder.exists():
        shutil.copytree(distribution, folder, copy_function=os.link)
    boot_iso.make(folder / "repositories" / "main")
    return folder


@pytest.fixture(scope="module")
def running(published: pathlib.Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[parts.Running]:
    """A service of its own, whose release offers DVDs and boot ISOs."""
    with parts.running(tmp_path_factory.mktemp("service"), published, builder={"boot_timeout": 1200}) as service:
        yield service


def image(record: BuildRecord, folder: pathlib.Path) -> pathlib.Path:
    """The published image, fetched."""
    (artifact,) = (item for item in record.artifacts if item.role == "image")
    path = folder / artifact.name
    with requests.get(artifact.url, timeout=60, stream=True) as answer, path.open("wb") as file:
        shutil.copyfileobj(answer.raw, file)
    return path


def test_the_dvd_installs_itself_and_the_system_that_it_installed_has_the_wanted_builds(
    running: parts.Running, tmp_path: pathlib.Path
) -> None:
    record = running.succeeded(running.submit(**parts.wanted(image_type="dvd")))
    assert {proof.kind: proof.held for proof in record.proofs} == dict.fromkeys(ProofKind, True)
    disk = tmp_path / "disk"
    with disk.open("wb") as file:
        file.truncate(DISK)
    drive = f"file={disk},cache=unsafe"
    with installer_parts.machine(tmp_path / "one", image(record, tmp_path), drive, credentials={}) as (process, serial):
        text = installer_parts.follow(serial, console.Console(token=""), lambda: process.poll() is not None, INSTALLING)
    assert "demo-installer: finished" in text, text[-3000:]
    assert LISTENED not in text and LISTENED.encode() in running.client.log(record.id, Step.BOOT)[0]
    said = console.Console(token=machines.token())
    credentials = {"ondemand.token": said.token, "ondemand.wanted": " ".join(NAMES)}
    with installer_parts.machine(tmp_path / "other", disk, credentials=credentials) as (process, serial):
        text = installer_parts.follow(serial, said, lambda: bool(said.blocks) or process.poll() is not None, STARTING)
    wanted = {item.nevra: item.checksums["header-sha256"] for item in record.wanted if item.nevra.rsplit("-", 2)[0] in NAMES}
    assert said.blocks, text[-3000:]
    assert said.packages == wanted and len(wanted) == len(NAMES) and said.root.startswith("ext4")


def test_a_remastered_boot_iso_carries_the_wanted_builds_and_boots(running: parts.Running) -> None:
    record = running.succeeded(running.submit(**parts.wanted(image_type="boot")))
    proof = next(proof for proof in record.proofs if proof.kind is ProofKind.CONTAINS)
    assert proof.facts["part"] == "side repository on the medium" and len(record.wanted) == 4
    assert record.attempt and record.state is State.SUCCEEDED
