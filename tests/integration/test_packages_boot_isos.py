# SPDX-License-Identifier: MIT
"""The published boot.iso in the lock: by its tree's `.treeinfo`, for a remastered boot ISO and a DVD, over a made universe."""

from __future__ import annotations

import functools
import pathlib
from collections.abc import Iterator

import pytest

from ondemand import build_requests, deadlines, errors, locks, releases
from ondemand.build_requests import ImageType
from ondemand_web.packages import boot_isos, checking
from tests import universe_parts
from tests.integration.test_packages_installers import COMPS, MAIN
from tests.universe_parts import Made

DIGEST = "0123456789abcdef" * 4
TREEINFO = f"[checksums]\nimages/boot.iso = sha256:{DIGEST}\nimages/efiboot.img = sha256:00\n\n[general]\n; a comment\narch = x86_64\n"
BUILDS = (Made("tools", "2", requires=("left",)), Made("anaconda", "9"))
PRESET = "%packages\n@^all\neditor\n%end\n"
Place = tuple[releases.Release, universe_parts.Source]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A release whose boot ISO and DVD begin from the published boot.iso."""
    held = universe_parts.files({}, BUILDS)
    held |= {f"main/{path}": data for path, data in universe_parts.repository(MAIN, COMPS).items()}
    held |= {"tree/x86_64/.treeinfo": TREEINFO.encode(), "tree/x86_64/images/boot.iso": b"12345", "bare/.treeinfo": b"[general]\n"}
    with universe_parts.served(held) as url:
        release = universe_parts.release(url, "main").model_dump()
        installer = {"boot_iso": f"{url}/tree/{{arch}}", "product": "Fedora"}
        release["image_types"] = {name: {"backend": name, "preset": "server", "installer": installer} for name in ("boot", "dvd")}
        source = universe_parts.Source(url, {made.nvr: [made] for made in BUILDS})
        yield releases.Release.model_validate(release), source


def _check(place: Place, folder: pathlib.Path, kind: str, *builds: str, **more: object) -> locks.Lock:
    request = build_requests.validate({"release": "made", "image_type": kind, "builds": builds, **more})
    return checking.check(request, place[0], PRESET, {"koji": place[1]}, folder)[0]


def _at(release: releases.Release, address: str, server: str = "") -> releases.Release:
    """The release with its installer published elsewhere: below another address, or on another server."""
    boot = release.image_types[ImageType.BOOT]
    assert boot.installer and boot.installer.boot_iso
    url = boot.installer.boot_iso.replace("/tree/{arch}", address) if address else f"{server}/tree/{{arch}}"
    made = {ImageType.BOOT: boot.model_copy(update={"installer": boot.installer.model_copy(update={"boot_iso": url})})}
    return release.model_copy(update={"image_types": made})


@pytest.mark.parametrize("kind", ["boot", "dvd"])
def test_the_lock_names_the_published_boot_iso_to_the_byte(place: Place, tmp_path: pathlib.Path, kind: str) -> None:
    found = _check(place, tmp_path, kind).boot_iso
    assert found and (found.sha256, found.size) == (DIGEST, 5) and found.urls[0].endswith("/tree/x86_64/images/boot.iso")


def test_a_dvd_has_a_tree_with_its_groups_and_asks_nothing_of_the_runtime(place: Place, tmp_path: pathlib.Path) -> None:
    lock = _check(place, tmp_path, "dvd")
    assert lock.packages == () and {package.name for package in lock.tree} == {"shell", "left", "right", "extra", "python", "editor"}
    assert lock.groups.startswith("<comps><group><id>core</id>") and "<optionlist><groupid>more</groupid></optionlist>" in lock.groups
    assert "no-such" not in lock.groups and lock.groups == _check(place, tmp_path, "dvd").groups


def test_a_remastered_boot_iso_has_what_its_installed_system_takes_of_the_wanted_builds(place: Place, tmp_path: pathlib.Path) -> None:
    lock = _check(place, tmp_path, "boot", "tools-2-1", add_packages=["tools"])
    assert [package.nevra for package in lock.packages] == ["tools-2-1.noarch"] and lock.tree == () and lock.groups == ""
    assert lock.parts == ((lock.packages[0], locks.Part.BESIDE),)


def test_a_build_that_only_the_installer_may_have_is_left_to_boot_iso_itself_to_judge(place: Place, tmp_path: pathlib.Path) -> None:
    lock = _check(place, tmp_path, "boot", "anaconda-9-1")
    assert lock.packages == () and [(package.nevra, package.wanted) for package in lock.side] == [("anaconda-9-1.noarch", True)]


def test_on_a_dvd_such_a_build_is_refused_at_the_check(place: Place, tmp_path: pathlib.Path) -> None:
    with pytest.raises(errors.Unsolvable, match="anaconda-9-1 is not in this image"):
        _check(place, tmp_path, "dvd", "anaconda-9-1")


@pytest.mark.parametrize(("address", "why"), [("/nowhere", "there is no .treeinfo"), ("/bare", "gives images/boot.iso no SHA-256")])
def test_a_tree_without_one_delays_with_a_sentence_for_the_operator(place: Place, tmp_path: pathlib.Path, address: str, why: str) -> None:
    with pytest.raises(errors.ServiceError, match=f"{why}.*the operator corrects `installer.boot_iso`"):
        _check((_at(place[0], address), place[1]), tmp_path, "boot")


def test_what_was_read_last_is_taken_while_its_server_is_away_but_not_for_ever(place: Place, tmp_path: pathlib.Path) -> None:
    read = functools.partial(boot_isos.published, image_type=ImageType.BOOT, arch="x86_64", folder=tmp_path, session=deadlines.session())
    with universe_parts.served({"tree/x86_64/.treeinfo": TREEINFO.encode()}) as url:
        release = _at(place[0], "", url)
        found = read(release)
    assert found and found.size == -1  # boot.iso itself is not there
    assert read(release) == found and read(release, kept=True) == found
    with pytest.raises(errors.SourceUnavailable):
        read(release, age=0)


def test_another_backend_makes_the_installer_of_the_templates(place: Place, tmp_path: pathlib.Path) -> None:
    (tmp_path / "runtime-install.tmpl").write_text("installpkg anaconda\n")
    boot = place[0].image_types[ImageType.BOOT]
    assert boot.installer
    both = boot.model_copy(update={"installer": boot.installer.model_copy(update={"templates": str(tmp_path)})})
    release = place[0].model_copy(update={"image_types": {ImageType.BOOT: both}})
    lock = _check((release, place[1]), tmp_path, "boot", backend="lorax")
    assert lock.boot_iso is None and {"anaconda", "python"} <= {package.name for package in lock.packages}
    assert _check((release, place[1]), tmp_path, "boot", backend="boot").boot_iso is not None


@pytest.mark.parametrize("text", ["", "no ini", "[checksums]\nimages/boot.iso = md5:00\n", "[checksums]\nimages/boot.iso = sha256:12\n"])
def test_anything_else_than_a_sha_256_is_none(text: str) -> None:
    assert boot_isos.digest(text) is None


def test_a_release_takes_templates_or_a_published_tree_and_not_nothing() -> None:
    with pytest.raises(ValueError, match="`templates` or the address of a tree"):
        releases.Installer(product="Fedora")
