# SPDX-License-Identifier: MIT
"""DVD and remastered boot ISO by the builder's own steps: fetched, put together in namespaces, proven by their bytes."""

from __future__ import annotations

import dataclasses
import os
import pathlib
import shutil
from collections.abc import Iterator
from typing import Any

import createrepo_c
import pytest

from ondemand import build_requests, errors, locks, plugins, states
from ondemand_consumer import attempts, building, fetching, media, repository, rpm_headers
from ondemand_plugins.backends import dvd, iso_files, remaster
from tests import boot_iso_parts, builder_parts

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
GROUPS = "<comps><group><id>core</id><name>Core</name><packagelist><packagereq>ball</packagereq></packagelist></group></comps>"
BACKENDS: dict[str, plugins.Backend] = {"dvd": dvd.DvdBackend(), "boot": remaster.RemasterBackend()}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Serves a published boot.iso and two RPMs."""
    folder = tmp_path_factory.mktemp("published")
    boot_iso_parts.boot_iso(folder)
    builder_parts.make_rpm(folder)
    builder_parts.make_rpm(folder, "rest")
    with builder_parts.serving_files(folder) as server:
        server.folder = folder
        yield server


def attempted(tmp_path: pathlib.Path, server: Any, kind: str, **changes: Any) -> attempts.Attempt:
    """An attempt at a DVD, or at a boot ISO with `rest` in its side repository alone; what it needs is fetched."""
    url, ball, rest = server.url, server.folder / "ball-1-1.noarch.rpm", server.folder / "rest-1-1.noarch.rpm"
    iso = server.folder / "boot.iso"
    mine = builder_parts.locked(ball, url, wanted=True, build="ball-1-1", origin=locks.SIDE_REPOSITORY)
    parts: dict[str, Any] = {"tree": (mine,), "groups": GROUPS}
    if kind == "boot":
        further = builder_parts.locked(rest, url, wanted=True, build="ball-1-1", origin=locks.SIDE_REPOSITORY)
        parts = {"packages": (mine,), "side": (further,)}
    published = locks.BootIso(urls=(f"{url}/boot.iso",), sha256=rpm_headers.sha256(iso), size=iso.stat().st_size)
    lock = builder_parts.make_lock().model_copy(update={"image_type": kind, "boot_iso": published, **parts, **changes})
    plain = builder_parts.make_attempt(tmp_path, lock)
    types = {kind: {"backend": kind, "preset": "x", "installer": {"boot_iso": url, "product": "Demo"}}}
    release = type(plain.assignment.release).model_validate({**plain.assignment.release.model_dump(), "image_types": types})
    request = build_requests.BuildRequest(release="demo", image_type=build_requests.ImageType(kind))
    return dataclasses.replace(plain, assignment=plain.assignment.model_copy(update={"release": release, "request": request}))


def built(attempt: attempts.Attempt) -> tuple[pathlib.Path, tuple[fetching.Fetched, ...]]:
    """The image, by the product's steps fetch, repo and build."""
    files = fetching.fetch(attempt)
    repository.create(attempt)
    repository.create_tree(attempt)
    repository.create_side(attempt)
    image, proof = building.build(attempt, BACKENDS[attempt.assignment.lock.image_type])
    assert proof.held
    return image, files


def test_a_dvd_is_proven_by_the_bytes_of_its_tree_and_of_its_installer(tmp_path: pathlib.Path, server: Any) -> None:
    attempt = attempted(tmp_path, server, "dvd")
    image, files = built(attempt)
    proof, error = media.contains(attempt, image, files)
    assert proof.held and error is None and proof.facts["part"] == "DVD's tree"
    assert proof.facts["wanted"] == {"ball-1-1.noarch": files[0].header} and proof.facts["packages"] == 1
    assert set(proof.facts["installer"]) == {"images/install.img", "images/pxeboot/initrd.img", "images/pxeboot/vmlinuz"}


def test_its_tree_is_what_dnf_reads_with_the_lock_s_groups(tmp_path: pathlib.Path, server: Any) -> None:
    attempt = attempted(tmp_path, server, "dvd")
    built(attempt)
    reader = createrepo_c.RepositoryReader.from_path(str(attempt.tree))
    assert [package.location_href for package in reader.iter_packages()] == ["Packages/ball-1-1.noarch.rpm"]
    repomd = createrepo_c.Repomd(str(attempt.tree / "repodata" / "repomd.xml"))
    (comps,) = [record for record in repomd.records if record.type == "group"]
    assert (attempt.tree / comps.location_href).read_text() == GROUPS


def test_a_remastered_boot_iso_carries_the_whole_side_repository(tmp_path: pathlib.Path, server: Any) -> None:
    attempt = attempted(tmp_path, server, "boot")
    image, files = built(attempt)
    proof, error = media.contains(attempt, image, files)
    assert proof.held and error is None and (proof.facts["packages"], proof.facts["locked"]) == (2, 2)
    assert proof.facts["part"] == "side repository on the medium" and proof.facts["updates"] is False


def test_other_bytes_and_files_too_many_or_too_few_are_found(tmp_path: pathlib.Path, server: Any) -> None:
    attempt = attempted(tmp_path, server, "dvd")
    image, files = built(attempt)
    held = iso_files.contents(image)
    with image.open("r+b") as file:
        for name in ("Packages/ball-1-1.noarch.rpm", "images/pxeboot/vmlinuz"):
            file.seek(held.extents[name].start)
            file.write(b"other")
    proof, error = media.contains(attempt, image, files)
    assert not proof.held and isinstance(error, errors.WrongContents)
    assert "with other bytes: ball-1-1.noarch.rpm" in str(error) and "not the published installer's: images/pxeboot/vmlinuz" in str(error)
    part = media.Part(name="x", folder="Packages", expected={"a.rpm": "1"})
    assert media.compare(part, {"Packages/b.rpm": "1", "side/c.rpm": "1"}).phrases() == ["missing: a.rpm", "not in the lock: b.rpm"]


def test_a_build_of_the_installer_s_own_fails_with_the_sentence_that_says_so(tmp_path: pathlib.Path, server: Any) -> None:
    boot_iso_parts.boot_iso(tmp_path, runtime=("ball-0.9-1.noarch",)).rename(server.folder / "other.iso")
    iso = server.folder / "other.iso"
    other = locks.BootIso(urls=(f"{server.url}/other.iso",), sha256=rpm_headers.sha256(iso))
    with pytest.raises(errors.ToolRefused, match=r"ball-1-1.noarch belongs to the installer itself.* of ball-0.9-1.noarch there \(.*lorax"):
        built(attempted(tmp_path, server, "boot", boot_iso=other))


def test_a_build_that_nobody_would_use_and_an_image_too_large_are_refused_in_a_sentence(
    tmp_path: pathlib.Path, server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    unused = attempted(tmp_path / "one", server, "boot")
    lock = unused.assignment.lock
    lock = lock.model_copy(update={"packages": (), "side": lock.packages + lock.side})
    unused = dataclasses.replace(unused, assignment=unused.assignment.model_copy(update={"lock": lock}))
    with pytest.raises(errors.ToolRefused, match=r"failed: ball-1-1 would be ignored, because .*add_packages"):
        built(unused)
    large = attempted(tmp_path / "other", server, "dvd")
    monkeypatch.setitem(dvd.MEDIA, "dvd", dvd.size(large.assignment.lock))
    with pytest.raises(errors.ToolRefused, match=r"failed: the image has \d+ bytes, and a medium «dvd» holds \d+, because"):
        built(large)


def test_a_boot_iso_with_other_bytes_is_refused_and_asked_for_once(tmp_path: pathlib.Path, server: Any) -> None:
    wrong = locks.BootIso(urls=(f"{server.url}/boot.iso",), sha256="ab" * 32)
    with pytest.raises(errors.WrongDigest, match=r"boot.iso has other bytes than the lock names, because its sha256 is .* instead of abab"):
        fetching.fetch(attempted(tmp_path, server, "dvd", boot_iso=wrong))


def test_a_boot_iso_is_taken_up_where_it_broke_off_and_then_from_the_cache(tmp_path: pathlib.Path, server: Any) -> None:
    server.asked.clear()
    server.breaks = 1
    attempt = attempted(tmp_path, server, "boot")
    object.__setattr__(attempt, "assignment", attempt.assignment.model_copy(update={"lock": only_boot_iso(attempt)}))
    fetching.fetch(attempt)
    first, second = (wanted for _, wanted in server.asked)
    assert first == "" and second.startswith("bytes=") and second != "bytes=0-"
    attempt.boot_iso.unlink()
    shutil.rmtree(attempt.proof / "keys")
    fetching.fetch(attempt)
    assert len(server.asked) == 2 and rpm_headers.sha256(attempt.boot_iso) == rpm_headers.sha256(server.folder / "boot.iso")


def only_boot_iso(attempt: attempts.Attempt) -> locks.Lock:
    """The attempt's lock without any package."""
    return attempt.assignment.lock.model_copy(update={"packages": (), "side": ()})


def test_the_log_says_what_was_edited(tmp_path: pathlib.Path, server: Any) -> None:
    attempt = attempted(tmp_path, server, "boot")
    built(attempt)
    said = attempt.log(states.Step.BUILD).read_text()
    assert "boot configuration EFI/BOOT/grub.cfg in the EFI image" in said and "every boot record as before" in said
