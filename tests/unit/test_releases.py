# SPDX-License-Identifier: MIT
"""Release definitions: what an operator may not write, and what becomes of one whose key is not there."""

from __future__ import annotations

import pathlib
import re
import tomllib

import pydantic
import pytest

from ondemand import build_requests, errors, locks, releases

SHIPPED = pathlib.Path(__file__).parents[2] / "config" / "releases"


def test_a_release_s_repository_can_not_look_like_a_request_s_own() -> None:
    with pytest.raises(pydantic.ValidationError, match="requests' own repositories"):
        releases.Repository(id=f"{locks.EXTRA}mine", baseurl=("http://repo.example.org",))


def test_a_base_url_is_one_address_or_several() -> None:
    for value in ("http://one/{arch}/", ["http://one/{arch}", "http://two"]):
        repository = releases.Repository.model_validate({"id": "main", "baseurl": value})
        assert repository.url("x86_64") == repository.urls("x86_64")[0] == "http://one/x86_64"


def test_a_repository_without_any_address_is_refused() -> None:
    with pytest.raises(pydantic.ValidationError, match="main needs a baseurl, metalink or mirrorlist"):
        releases.Repository(id="main")


def test_a_release_without_its_key_is_not_offered_and_that_is_said(tmp_path: pathlib.Path) -> None:
    text = (SHIPPED / "f44.toml").read_text().replace("/etc/pki/rpm-gpg/", "/nowhere/")
    (tmp_path / "f44.toml").write_text(text)
    known = releases.Releases(tmp_path)
    assert known.all() == []
    with pytest.raises(errors.UnknownRelease, match="its key /nowhere/RPM-GPG-KEY-fedora-44-primary is not"):
        known.get("f44")


@pytest.mark.parametrize("path", sorted(SHIPPED.glob("*.toml")), ids=lambda path: path.stem)
def test_a_shipped_release_can_be_used_once_its_key_is_there(path: pathlib.Path, tmp_path: pathlib.Path) -> None:
    (tmp_path / "key").write_text("a key")
    text = re.sub(r"/etc/pki/rpm-gpg/[\w-]+", "key", path.read_text())
    (tmp_path / path.name).write_text(text)
    assert [release.keys for release in releases.Releases(tmp_path).all()] == [("a key",)]
    for repository in releases.load(tmp_path / path.name).repositories:
        assert (repository.metalink or "").endswith("&arch={arch}") and repository.baseurl


@pytest.mark.parametrize("path", sorted(SHIPPED.glob("*.toml")), ids=lambda path: path.stem)
def test_the_shipped_releases_are_multilib_on_x86_64_alone(path: pathlib.Path) -> None:
    said = {name: value for name, value in tomllib.loads(path.read_text()).items() if name != "key_files"}
    release = releases.Release.model_validate(said)
    assert release.package_arches("x86_64") == ("x86_64", "noarch", "i686")
    assert release.package_arches("aarch64") == ("aarch64", "noarch")


def _with_boot(folder: pathlib.Path) -> releases.Release:
    text = (SHIPPED / "f44.toml").read_text().replace("/etc/pki/rpm-gpg/RPM-GPG-KEY-fedora-44-primary", "key")
    (folder / "key").write_text("a key")
    (folder / "f44.toml").write_text(text.replace("/usr/share/lorax/templates.d/99-generic", "lorax"))
    return releases.load(folder / "f44.toml")


def test_an_image_type_without_its_installer_templates_is_not_offered_and_that_is_said(tmp_path: pathlib.Path) -> None:
    release = _with_boot(tmp_path)
    assert [*release.image_types] == ["live", "dvd"]
    with pytest.raises(errors.UnknownImageType, match=r"lorax/runtime-install.tmpl is not on the service's machine"):
        release.definition(build_requests.ImageType.BOOT)


def test_installer_templates_are_relative_to_the_release_definition(tmp_path: pathlib.Path) -> None:
    (tmp_path / "lorax").mkdir()
    (tmp_path / "lorax" / releases.INSTALLER_TEMPLATE).write_text("installpkg anaconda\n")
    installer = _with_boot(tmp_path).definition(build_requests.ImageType.BOOT).installer
    assert installer is not None and installer.templates == str(tmp_path / "lorax")
