# SPDX-License-Identifier: MIT
"""The two kickstarts of a build say what they are and can be read again."""

from __future__ import annotations

from typing import Any

from ondemand import kickstart_files, kickstarts, locks, releases
from tests import builder_parts

TEXT = "lang C\nurl --url=http://mine\nrepo --name=mine --baseurl=http://mine\n%packages\nbash\n%end\n%post\nid\n%end\n"
RELEASE = releases.Release(
    name="demo",
    title="Demo\nurl --url=http://evil",
    version="1",
    arches=("x86_64",),
    kickstart_syntax="F44",
    repositories=(
        releases.Repository(id="main", baseurl=("http://dl/{arch}",)),
        releases.Repository(id="testing", baseurl=("http://dl/testing",), role=releases.Role.TESTING),
    ),
    image_types={},
)


def _package(name: str, origin: str, **changes: Any) -> locks.LockedPackage:
    fixed = {"version": "1", "release": "1", "arch": "noarch", "urls": (), "checksums": {}, "trust": "signed:ab"}
    return locks.LockedPackage.model_validate({"name": name, "origin": origin, **fixed, **changes})


LOCK = builder_parts.make_lock(
    _package("bash", "main"),
    _package("asked", "main", wanted=True),
    _package("tested", "testing"),
    _package("built", locks.SIDE_REPOSITORY, wanted=True, trust="koji-digest"),
    _package("mine", "extra-mine"),
)


def _commands(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith(("url", "repo"))]


def test_the_side_repository_has_what_was_wanted_and_what_is_not_stable() -> None:
    assert [package.name for package in kickstart_files.side(LOCK, RELEASE)] == ["asked", "built", "mine", "tested"]


def test_the_side_repository_has_the_rest_of_the_wanted_builds_too() -> None:
    rest = _package("built-devel", locks.SIDE_REPOSITORY, wanted=True, trust="koji-digest")
    lock = LOCK.model_copy(update={"side": (rest,)})
    names = [package.name for package in kickstart_files.side(lock, RELEASE)]
    assert names == ["asked", "built", "built-devel", "mine", "tested"]
    assert ",built,built-devel," in kickstart_files.published_text(TEXT, RELEASE, 7, lock)


def test_build_ks_names_the_frozen_repository_alone() -> None:
    text = kickstart_files.build_text(TEXT, RELEASE, 7, "file:///work/repository")
    assert text.startswith("# build.ks of build 7: what the image was made from.\n")
    assert _commands(text) == [
        'repo --name="locked" --baseurl=file:///work/repository',
        'url --url="file:///work/repository"',
    ]
    assert kickstarts.parse(text, "F44").packages == ("bash",) and "\nid\n" in text


def test_published_ks_names_the_real_repositories_and_excludes_the_side_packages() -> None:
    text = kickstart_files.published_text(TEXT, RELEASE, 7, LOCK)
    assert text.startswith("# published.ks of build 7: ") and "# 1 of them are not signed by a trusted key" in text
    assert "has 4 packages" in text
    assert _commands(text) == [
        'repo --name="side" --baseurl=file:///srv/side',
        'repo --name="main" --baseurl=http://dl/x86_64 --excludepkgs="asked,built,mine,tested"',
        'url --url="file:///srv/side"',
    ]


def test_without_side_packages_the_stable_repositories_are_all() -> None:
    text = kickstart_files.published_text(TEXT, RELEASE, 7, builder_parts.make_lock(_package("bash", "main")))
    assert "There is no side repository" in text
    assert _commands(text) == ['repo --name="main" --baseurl=http://dl/x86_64', 'url --url="http://dl/x86_64"']
