# SPDX-License-Identifier: MIT
"""The check on the demo distribution, with the sources and presets that a service has."""

from __future__ import annotations

import pathlib

import pytest

from demo import builds, koji_files
from ondemand import build_requests, errors, locks, plugins, releases
from ondemand_plugins.sources import bodhi_updates, koji_builds, koji_tags, koji_tasks, packages
from ondemand_web.packages import checking
from tests import source_parts

PRESET = pathlib.Path(__file__).parents[2] / "config" / "presets" / "demo-live.ks"
INSTALLER = PRESET.with_name("installer.ks")
SOURCES: dict[str, plugins.Source] = {
    "koji": koji_builds.KojiBuilds(),
    "task": koji_tasks.KojiTasks(),
    "tag": koji_tags.KojiTags(),
    "package": packages.Packages(),
    "bodhi": bodhi_updates.BodhiUpdates(),
}
SCRATCH = f"task:{koji_files.SCRATCH_TASK}"


@pytest.fixture
def release(distribution: pathlib.Path, servers: str, tmp_path: pathlib.Path) -> releases.Release:
    """The demo release."""
    return source_parts.demo_release(tmp_path / "site", distribution, servers)


def check(release: releases.Release, folder: pathlib.Path, *names: str, add: tuple[str, ...] = ()) -> locks.Lock:
    """The lock of a live image with the named builds, or references."""
    wanted = tuple(builds.NAMES.get(name, name) for name in names)
    request = build_requests.BuildRequest(release="demo", builds=wanted, add_packages=add)
    return checking.check(request, release, PRESET.read_text(), SOURCES, folder)[0]


def test_an_update_and_a_koji_build_come_from_the_side_repository(
    release: releases.Release, tmp_path: pathlib.Path
) -> None:
    lock = check(release, tmp_path, "update", "koji_build", add=("ondemand-greeting",))
    wanted = {f"{p.name}-{p.version}": (p.origin, p.trust.split(":")[0]) for p in lock.wanted}
    assert wanted == {
        "ondemand-greeting-1.1": (locks.SIDE_REPOSITORY, "signed"),
        "ondemand-libs-1.1": (locks.SIDE_REPOSITORY, "signed"),
        "ondemand-hello-2.0": (locks.SIDE_REPOSITORY, "koji-digest"),
        "ondemand-hello-data-2.0": (locks.SIDE_REPOSITORY, "koji-digest"),
    }
    assert len(lock.packages) > 100 and all(package.checksums for package in lock.packages)
    assert all(package.size > 0 and package.installed_size >= 0 for package in lock.packages)


def test_what_the_image_does_not_need_of_an_update_is_in_the_side_repository_by_the_testing_repository_s_address(
    release: releases.Release, tmp_path: pathlib.Path
) -> None:
    lock = check(release, tmp_path, "single_update")
    (doc,) = lock.side
    assert doc.nevra == "ondemand-hello-doc-1.1-1.demo1.noarch" and doc.signed and doc.wanted
    assert doc.urls[0].endswith("/repositories/updates-testing/Packages/ondemand-hello-doc-1.1-1.demo1.noarch.rpm")
    assert not any(package.name == doc.name for package in lock.packages)


def test_a_boot_iso_is_locked_by_the_lines_that_lorax_reads_too(distribution: pathlib.Path, servers: str, tmp_path: pathlib.Path) -> None:
    # Seen without its installation tree, which another test may have published there: lorax is for releases that have none.
    (tmp_path / "bare").mkdir()
    (tmp_path / "bare" / "keys").symlink_to(distribution / "keys")
    release = source_parts.demo_release(tmp_path / "site", tmp_path / "bare", servers)
    request = build_requests.BuildRequest(release="demo", image_type=build_requests.ImageType.BOOT, add_packages=("ondemand-tools",))
    lock = checking.check(request, release, INSTALLER.read_text(), SOURCES, tmp_path)[0]
    names = {package.name for package in lock.packages}
    assert {"anaconda-core", "demo-logos", "demo-release", "kernel", "ondemand-boot-proof", "ondemand-tools"} <= names
    assert "ondemand-hello" not in names and lock.image_type == "boot"


def test_a_build_that_is_stable_needs_no_side_repository(release: releases.Release, tmp_path: pathlib.Path) -> None:
    assert check(release, tmp_path, "stable_build").side == ()


def test_the_same_request_gives_the_same_lock(release: releases.Release, tmp_path: pathlib.Path) -> None:
    first = check(release, tmp_path, "koji_build", "signed_koji_build")
    assert check(release, tmp_path, "signed_koji_build", "koji_build").digest() == first.digest()


def test_a_stranger_s_build_is_refused(release: releases.Release, tmp_path: pathlib.Path) -> None:
    with pytest.raises(errors.WrongSignature, match=r"signed by key [0-9a-f]+, which release demo does not trust"):
        check(release, tmp_path, "stranger_build", add=("ondemand-weather",))


def test_a_build_that_needs_what_nobody_has_is_refused(release: releases.Release, tmp_path: pathlib.Path) -> None:
    with pytest.raises(errors.Unsolvable, match="ondemand-nowhere, which no package provides"):
        check(release, tmp_path, "broken_build", add=("ondemand-broken",))


def test_an_update_that_nothing_needs_is_refused_with_the_offer(
    release: releases.Release, tmp_path: pathlib.Path
) -> None:
    with pytest.raises(errors.Unsolvable, match="add ondemand-panel to add_packages"):
        check(release, tmp_path, "unpushed_update")


def test_an_old_build_goes_down(release: releases.Release, tmp_path: pathlib.Path) -> None:
    lock = check(release, tmp_path, "old_build")
    assert any("ondemand-hello goes down to 0.9" in warning for warning in lock.warnings)


def test_a_stable_build_comes_from_main(release: releases.Release, tmp_path: pathlib.Path) -> None:
    assert {package.origin for package in check(release, tmp_path, "stable_build").wanted} == {"main"}


def test_a_scratch_build_is_pinned_by_what_its_headers_say(release: releases.Release, tmp_path: pathlib.Path) -> None:
    lock = check(release, tmp_path, SCRATCH)
    assert {f"{p.name}-{p.version}" for p in lock.wanted} == {"ondemand-hello-2.1", "ondemand-hello-data-2.1"}
    for package in lock.wanted:
        assert package.origin == locks.SIDE_REPOSITORY and package.trust == "koji-digest" and package.size > 0
        assert package.checksums.keys() == {"sigmd5", "header-sha256"} and "/work/tasks/9101/9101/" in package.urls[0]


def test_a_scratch_build_and_a_build_of_the_same_packages_are_refused(
    release: releases.Release, tmp_path: pathlib.Path
) -> None:
    with pytest.raises(errors.Unsolvable, match=r"wanted at 2.0-1.demo1 \(of ondemand-hello-2.0.*at 2.1-1.demo1 \(of task:"):
        check(release, tmp_path, "koji_build", SCRATCH)


def test_a_side_tag_brings_what_its_packages_need_of_each_other(release: releases.Release, tmp_path: pathlib.Path) -> None:
    lock = check(release, tmp_path, f"tag:{builds.NAMES['side_tag']}", add=("ondemand-greeting",))
    assert {f"{p.name}-{p.version}" for p in lock.wanted} == {"ondemand-greeting-3.0", "ondemand-libs-3.0"}


def test_a_package_by_its_name_is_installed_from_where_it_is_found(release: releases.Release, tmp_path: pathlib.Path) -> None:
    lock = check(release, tmp_path, "ondemand-panel", "ondemand-libs-1.1")
    wanted = {f"{p.name}-{p.version}": p for p in lock.wanted}
    assert {name: package.origin for name, package in wanted.items()} == {
        "ondemand-panel-1.0": "main",
        "ondemand-libs-1.1": locks.SIDE_REPOSITORY,
    }
    side = wanted["ondemand-libs-1.1"]
    assert "/repositories/updates-testing/" in side.urls[0] and side.trust.startswith("signed:")
    assert side.checksums.keys() == {"sha256", "sigmd5", "header-sha256"}
