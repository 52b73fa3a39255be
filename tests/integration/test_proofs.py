# SPDX-License-Identifier: MIT
"""The proofs against an image made by kiwi: other bytes under a locked name are found, a broken root does not boot."""

from __future__ import annotations

import dataclasses
import os
import pathlib
import shutil

import pytest

from demo import builds as story
from demo import originals, rpms
from ondemand import build_requests, plugins, states
from ondemand_consumer import attempts, boot, building, fetching, machines, repository, verification
from ondemand_plugins.backends import kiwi
from ondemand_plugins.sources import bodhi_updates, koji_builds
from ondemand_web.packages import checking
from tests import builder_parts, source_parts

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
PRESET = pathlib.Path(__file__).parents[2] / "config" / "presets" / "demo-live.ks"
SWAPPED = "ondemand-hello-data"
INIT = "usr/lib/systemd/systemd"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Made:
    """An image of the demo release, in whose frozen repository one RPM was swapped before the tool ran."""

    attempt: attempts.Attempt
    files: tuple[fetching.Fetched, ...]
    image: pathlib.Path


@pytest.fixture(scope="module")
def made(distribution: pathlib.Path, servers: str, tmp_path_factory: pytest.TempPathFactory) -> Made:
    """Checked, fetched and built by the product's own steps."""
    folder = tmp_path_factory.mktemp("made")
    release = source_parts.demo_release(folder / "site", distribution, servers)
    names = [story.NAMES["update"], story.NAMES["koji_build"]]
    request = build_requests.validate({"release": "demo", "builds": names, "add_packages": ["ondemand-greeting"]})
    sources: dict[str, plugins.Source] = {"koji": koji_builds.KojiBuilds(), "bodhi": bodhi_updates.BodhiUpdates()}
    lock, kickstart = checking.check(request, release, PRESET.read_text(), sources, folder / "snapshots")
    plain = builder_parts.make_attempt(folder, lock)
    parts = {"request": request, "release": release, "kickstart": kickstart.text}
    attempt = dataclasses.replace(plain, assignment=plain.assignment.model_copy(update=parts))
    files = fetching.fetch(attempt)
    swap(attempt.repository, folder / "swap")
    repository.create(attempt)
    image, proof = building.build(attempt, kiwi.KiwiBackend())
    assert proof.held
    return Made(attempt=attempt, files=files, image=image)


def swap(locked: pathlib.Path, work: pathlib.Path) -> None:
    """Puts an RPM with the same name, version, release and architecture and another content into the repository."""
    source = next(build.source for build in story.builds() if build.source.nvr == story.NAMES["koji_build"])
    packages = tuple(
        dataclasses.replace(package, files=dict.fromkeys(package.files, "Other words\n"))
        if package.name == SWAPPED
        else package
        for package in source.packages
    )
    work.mkdir()
    other = dataclasses.replace(source, packages=packages)
    for path in rpms.build(originals.spec(other), other.nvr, work):
        if path.name.startswith(SWAPPED):
            (locked / path.name).unlink()
            shutil.copy(path, locked / path.name)


def break_root(image: pathlib.Path, work: pathlib.Path) -> pathlib.Path:
    """A copy of the image whose root has no init; boot loader, kernel and initramfs are as they were."""
    squashed, root, broken = work / "squashfs.img", work / "root", work / "broken.iso"
    extract = ("xorriso", "-osirrox", "on", "-indev", str(image), "-extract", "/LiveOS/squashfs.img", str(squashed))
    builder_parts.run(*extract)
    builder_parts.run("unsquashfs", "-quiet", "-no-progress", "-dest", str(root), str(squashed))
    (root / INIT).unlink()
    squashed.unlink()
    builder_parts.run("mksquashfs", str(root), str(squashed), "-quiet", "-no-progress", "-comp", "lz4")
    replay = ("-boot_image", "any", "replay", "-map", str(squashed), "/LiveOS/squashfs.img")
    builder_parts.run("xorriso", "-indev", str(image), "-outdev", str(broken), *replay)
    return broken


def test_other_bytes_under_a_locked_name_are_found(made: Made) -> None:
    proof, error = verification.contains(made.attempt, made.image, made.files, closed=True)
    assert not proof.held and error is not None
    assert error.details == (f"with other bytes: {SWAPPED}-2.0-1.demo1.noarch",)


@pytest.mark.slow
def test_an_image_with_a_broken_root_does_not_boot(made: Made, tmp_path: pathlib.Path) -> None:
    proof, error = boot.prove(made.attempt, break_root(made.image, tmp_path), made.files, tmp_path / "screen.png")
    assert not proof.held and error is not None and "does not boot under BIOS: its console says" in str(error)
    assert (tmp_path / "screen.png").stat().st_size > 0
    assert "login:" not in made.attempt.log(states.Step.BOOT).read_text()


@pytest.mark.slow
def test_an_image_of_profile_release_boots_under_bios_and_under_uefi_with_secure_boot(made: Made, tmp_path: pathlib.Path) -> None:
    builder_parts.need(machines.program())
    assignment = made.attempt.assignment
    # All wanted packages but the swapped one, which would rightly be told to have other bytes.
    packages = tuple(p.model_copy(update={"wanted": p.wanted and p.name != SWAPPED}) for p in assignment.lock.packages)
    lock = assignment.lock.model_copy(update={"packages": packages})
    request = assignment.request.model_copy(update={"profile": build_requests.Profile.RELEASE})
    changed = assignment.model_copy(update={"lock": lock, "request": request})
    attempt = dataclasses.replace(made.attempt, assignment=changed, folder=tmp_path / "7-1")
    attempt.make_folders()
    proof, error = boot.prove(attempt, made.image, made.files, tmp_path / "screen.png")
    assert proof.held and error is None
    assert [each["firmware"] for each in proof.facts["boots"]] == ["BIOS", "UEFI with Secure Boot"]
    assert "Secure boot enabled" in attempt.log(states.Step.BOOT).read_text()
