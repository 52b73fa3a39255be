# SPDX-License-Identifier: MIT
"""What of a wanted build is installed, what goes into the side repository beside the image, and what in neither."""

from __future__ import annotations

import pathlib
from collections.abc import Iterator

import pytest

from ondemand import build_requests, locks, plugins, releases
from ondemand_web.packages import checking
from tests import universe_parts
from tests.universe_parts import Made

STABLE = (
    Made("liked", recommends=("nice", "hated")),
    Made("nice"),
    Made("hated"),
    Made("base", arch="x86_64"),
    Made("base", arch="i686", provides=("base32",)),
    Made("lib", arch="x86_64"),
    Made("lib", arch="i686", provides=("lib32",)),
    Made("tool", requires=("lib",)),
    Made("emulator", arch="x86_64", requires=("lib32",)),
)
NEW = (
    Made("lib", "2", arch="x86_64", build="lib-2-1"),
    Made("lib", "2", arch="i686", provides=("lib32",), build="lib-2-1"),
    Made("lib-devel", "2", arch="x86_64", requires=("lib = 2",), build="lib-2-1"),
    Made("lib-debuginfo", "2", arch="x86_64", build="lib-2-1"),
    Made("needer", "2", arch="x86_64", requires=("lib = 2", "base")),
)
UPDATE = "FEDORA-2026-0123456789"
MULTILIB = {"x86_64": ("i686",)}


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """The address of the universe."""
    with universe_parts.served(universe_parts.files({"main": STABLE}, NEW)) as address:
        yield address


def _lock(
    url: str,
    folder: pathlib.Path,
    *add: str,
    builds: tuple[str, ...] = (UPDATE,),
    multilib: bool = True,
    without: tuple[str, ...] = (),
    options: str = "",
) -> locks.Lock:
    release: releases.Release = universe_parts.release(url, "main")
    release = release.model_copy(update={"multilib": MULTILIB if multilib else {}})
    known = {UPDATE: NEW, "lib-2-1": NEW[:4], "base-1-1": [made for made in STABLE if made.name == "base"]}
    source: plugins.Source = universe_parts.Source(url, known)
    request = build_requests.BuildRequest(release="made", builds=builds, add_packages=add, remove_packages=without)
    return checking.check(request, release, f"%packages {options}\n%end\n", {"koji": source, "bodhi": source}, folder)[0]


def _named(packages: tuple[locks.LockedPackage, ...]) -> dict[str, str]:
    return {package.nevra: package.origin for package in packages}


def test_a_dependency_that_only_the_same_update_can_satisfy_comes_along_and_the_rest_from_stable(url: str, tmp_path: pathlib.Path) -> None:
    side = locks.SIDE_REPOSITORY
    lock = _lock(url, tmp_path, "needer")
    assert _named(lock.packages) == {"base-1-1.x86_64": "main", "lib-2-1.x86_64": side, "needer-2-1.x86_64": side}


def test_all_others_of_the_wanted_builds_are_in_the_side_repository_without_debug_data(url: str, tmp_path: pathlib.Path) -> None:
    lock = _lock(url, tmp_path, "needer")
    assert [package.nevra for package in lock.side] == ["lib-2-1.i686", "lib-devel-2-1.x86_64"]
    for package in lock.side:
        assert (package.origin, package.reference, package.build) == (locks.SIDE_REPOSITORY, UPDATE, "lib-2-1")
        assert package.urls == (f"{url}/builds/{package.filename}",) and package.checksums["header-sha256"]
    assert lock.everything == lock.packages + lock.side


def test_where_the_release_is_not_multilib_there_is_nothing_of_another_architecture(url: str, tmp_path: pathlib.Path) -> None:
    lock = _lock(url, tmp_path, "needer", multilib=False)
    assert [package.nevra for package in lock.side] == ["lib-devel-2-1.x86_64"]


def test_a_package_of_another_architecture_is_installed_only_when_it_is_needed(url: str, tmp_path: pathlib.Path) -> None:
    plain = _lock(url, tmp_path, "lib", "tool", builds=("lib-2-1",))
    assert _named(plain.packages).keys() == {"lib-2-1.x86_64", "tool-1-1.noarch"}
    needed = _lock(url, tmp_path, "emulator", "lib", builds=("lib-2-1",))
    assert _named(needed.packages).keys() == {"emulator-1-1.x86_64", "lib-2-1.i686", "lib-2-1.x86_64"}
    assert [package.nevra for package in needed.side] == ["lib-devel-2-1.x86_64"]


def test_what_a_stable_repository_has_at_that_version_comes_from_it_and_is_no_side_package(url: str, tmp_path: pathlib.Path) -> None:
    lock = _lock(url, tmp_path, "base", builds=("base-1-1",))
    assert _named(lock.packages) == {"base-1-1.x86_64": "main"} and lock.side == ()


def test_disk_counts_the_side_repository_twice(url: str, tmp_path: pathlib.Path) -> None:
    lock = _lock(url, tmp_path, "needer")
    sized = [package.model_copy(update={"size": 10}) for package in lock.everything]
    lock = lock.model_copy(update={"packages": tuple(sized[:3]), "side": tuple(sized[3:])})
    assert (lock.download_size, lock.fetched_size, lock.disk) == (30, 50, 50 + 40)


def test_weak_dependencies_come_along_unless_the_kickstart_or_request_says_otherwise(url: str, tmp_path: pathlib.Path) -> None:
    with_all = _lock(url, tmp_path, "liked", builds=(), without=("hated",))
    assert _named(with_all.packages).keys() == {"liked-1-1.noarch", "nice-1-1.noarch"}
    assert with_all.rules == locks.Rules(weak_dependencies=True, excluded=("hated",))
    bare = _lock(url, tmp_path, "liked", builds=(), options="--exclude-weakdeps")
    assert _named(bare.packages).keys() == {"liked-1-1.noarch"} and not bare.rules.weak_dependencies


def test_with_multilib_each_asked_name_comes_for_every_architecture_of_its_newest_version(url: str, tmp_path: pathlib.Path) -> None:
    lock = _lock(url, tmp_path, "lib", "tool", builds=("lib-2-1",), options="--multilib")
    assert _named(lock.packages).keys() == {"lib-2-1.i686", "lib-2-1.x86_64", "tool-1-1.noarch"}
    needed = _lock(url, tmp_path, "needer", options="--multilib")
    assert _named(needed.packages).keys() == {"base-1-1.x86_64", "lib-2-1.x86_64", "needer-2-1.x86_64"}
    assert lock.rules.multilib is locks.Multilib.ALL
