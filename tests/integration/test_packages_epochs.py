# SPDX-License-Identifier: MIT
"""Versions and architectures that are easily got wrong: epochs, and a name that is noarch here and not there."""

from __future__ import annotations

import pathlib
from collections.abc import Iterator

import pytest

from ondemand import build_requests, errors, locks
from ondemand_web.packages import checking
from tests import universe_parts
from tests.universe_parts import Made

STABLE = (
    Made("tool", "5", arch="x86_64"),
    Made("tool", "1", epoch=1, arch="x86_64"),
    Made("exact", requires=("tool = 1:1-1",)),
    Made("loose", requires=("tool >= 5",)),
    Made("without", requires=("tool = 1",)),
    Made("turned", "1", arch="x86_64"),
    Made("both", arch="x86_64", bytes_of="x86_64"),
    Made("both", arch="noarch"),
    Made("needs-both", requires=("both",)),
)
BUILDS = (Made("tool", "9", arch="x86_64"), Made("tool", "2", epoch=2, arch="x86_64"), Made("turned", "2"))


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """The address of the universe."""
    with universe_parts.served(universe_parts.files({"main": STABLE}, BUILDS)) as address:
        yield address


def _lock(url: str, folder: pathlib.Path, *add: str, builds: tuple[str, ...] = ()) -> locks.Lock:
    source = universe_parts.Source(url, {made.nvr: [made] for made in BUILDS})
    request = build_requests.BuildRequest(release="made", builds=builds, add_packages=add)
    return checking.check(request, universe_parts.release(url, "main"), "%packages\n%end\n", {"koji": source}, folder)[0]


def _named(lock: locks.Lock) -> list[str]:
    return [package.nevra for package in lock.packages]


@pytest.mark.parametrize("name", ["exact", "loose"])
def test_an_epoch_outweighs_a_version(url: str, tmp_path: pathlib.Path, name: str) -> None:
    lock = _lock(url, tmp_path, name, "tool")
    assert _named(lock) == [f"{name}-1-1.noarch", "tool-1:1-1.x86_64"]
    assert lock.packages[1].filename == "tool-1-1.x86_64.rpm" and lock.packages[1].urls[0].endswith("/tool-1-1.x86_64.rpm")


def test_a_need_that_names_no_epoch_means_none(url: str, tmp_path: pathlib.Path) -> None:
    with pytest.raises(errors.Unsolvable, match=r"without-1-1.noarch .* needs tool = 1, which no package provides"):
        _lock(url, tmp_path, "without")


def test_a_wanted_build_without_the_epoch_goes_down_though_its_version_is_higher(url: str, tmp_path: pathlib.Path) -> None:
    lock = _lock(url, tmp_path, "tool", builds=("tool-9-1",))
    assert _named(lock) == ["tool-9-1.x86_64"]
    assert "tool goes down to 9-1 as wanted; the release has 1:1-1" in lock.warnings


def test_a_wanted_build_with_a_higher_epoch_goes_up_though_its_version_is_lower(url: str, tmp_path: pathlib.Path) -> None:
    lock = _lock(url, tmp_path, "tool", builds=("tool-2-1",))
    assert _named(lock) == ["tool-2:2-1.x86_64"] and not [text for text in lock.warnings if "goes down" in text]


def test_a_wanted_build_may_be_noarch_where_the_release_has_an_architecture_s(url: str, tmp_path: pathlib.Path) -> None:
    lock = _lock(url, tmp_path, "turned", builds=("turned-2-1",))
    assert _named(lock) == ["turned-2-1.noarch"] and lock.packages[0].origin == locks.SIDE_REPOSITORY


def test_a_name_that_is_noarch_beside_an_architecture_s_is_installed_once(url: str, tmp_path: pathlib.Path) -> None:
    found = [_lock(url, tmp_path, *names) for names in (("both", "needs-both"), ("needs-both", "both"))]
    assert found[0] == found[1] and _named(found[0]) == ["both-1-1.x86_64", "needs-both-1-1.noarch"]
