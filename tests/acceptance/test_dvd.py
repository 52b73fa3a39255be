# SPDX-License-Identifier: MIT
"""Installation media by the whole service: they boot, install onto an empty disk without network, and the system runs.

A DVD installs from itself; a remastered boot ISO from its side repository, and all else from what stands for the release's server.
The installer is the demo's small one, no Anaconda.
"""

from __future__ import annotations

import concurrent.futures
import configparser
import hashlib
import os
import pathlib
import shutil
from collections.abc import Iterator

import pytest

from demo import boot_iso
from ondemand.proofs import ProofKind
from ondemand.states import Step
from tests import builder_parts, installer_parts
from tests import service_parts as parts

pytestmark = [pytest.mark.slow, pytest.mark.timeout(7200)]
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


@pytest.fixture(scope="module")
def installed(
    running: parts.Running, published: pathlib.Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, installer_parts.Installed]:
    """By image type; both machines work side by side, since each needs minutes of one core."""
    builds = {image_type: running.submit(**parts.wanted(image_type=image_type)) for image_type in ("dvd", "boot")}
    records = {image_type: running.succeeded(build_id) for image_type, build_id in builds.items()}
    folders = {image_type: tmp_path_factory.mktemp(image_type) for image_type in builds}
    mirror = installer_parts.iso(folders["boot"] / "mirror.iso", "MIRROR", repositories=published / "repositories")
    discs = {"dvd": (), "boot": (mirror,)}
    with concurrent.futures.ThreadPoolExecutor(len(records)) as pool:
        works = {kind: pool.submit(installer_parts.install, records[kind], folders[kind], *discs[kind]) for kind in records}
        return {image_type: work.result() for image_type, work in works.items()}


def test_the_tree_s_record_names_the_boot_iso_s_digest(published: pathlib.Path) -> None:
    tree, found = published / "repositories" / "main", configparser.ConfigParser()
    found.read(tree / ".treeinfo")
    digest = hashlib.sha256((tree / "images" / "boot.iso").read_bytes()).hexdigest()
    assert found["checksums"]["images/boot.iso"] == f"sha256:{digest}"
    assert found["images-x86_64"]["boot.iso"] == "images/boot.iso"


def test_the_dvd_installs_itself_and_the_system_that_it_installed_has_the_wanted_builds(
    running: parts.Running, installed: dict[str, installer_parts.Installed], tmp_path: pathlib.Path
) -> None:
    made = installed["dvd"]
    assert LISTENED not in made.text and LISTENED.encode() in running.client.log(made.record.id, Step.BOOT)[0]
    assert {proof.kind: proof.held for proof in made.record.proofs} == dict.fromkeys(ProofKind, True)
    expected = ("started", "not done", "disk", "packages", "settings", "initramfs", "boot loader")
    assert [phase for phase in made.phases() if not phase.startswith("finished")] == [*expected, "the disk is written and released"]
    installer_parts.start(made, tmp_path)


def test_a_remastered_boot_iso_installs_the_wanted_builds_and_all_else_from_the_release(
    installed: dict[str, installer_parts.Installed], tmp_path: pathlib.Path
) -> None:
    made = installed["boot"]
    proof = next(proof for proof in made.record.proofs if proof.kind is ProofKind.CONTAINS)
    assert proof.facts["part"] == "side repository on the medium" and len(made.record.wanted) == 4
    installer_parts.start(made, tmp_path)
