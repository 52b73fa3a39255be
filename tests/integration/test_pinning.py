# SPDX-License-Identifier: MIT
"""A build's list of packages is pinned at its check: what is edited after that is for the next build."""

from __future__ import annotations

import pathlib
from collections.abc import Iterator
from typing import Any

import pytest

from demo import builds as story
from demo import site
from ondemand import locks, settings
from ondemand.states import State
from ondemand_web import service
from ondemand_web.builds import checks
from ondemand_web.builds import services as builds
from tests import master_parts, source_parts

UPDATE = story.NAMES["update"]


@pytest.fixture
def here(distribution: pathlib.Path, servers: str, tmp_path: pathlib.Path) -> Iterator[service.Service]:
    """A master that offers the demo release, with a Bodhi of its own."""
    with source_parts.other_demo(tmp_path, distribution) as address:
        made = site.write(tmp_path, distribution, servers)
        source_parts.point(made.folder / "config" / "releases" / "demo.toml", bodhi=address)
        master = {"data": tmp_path / "master", "config": made.folder / "config", "anonymous_owner": "you", "url": made.url}
        started = service.make(settings.load(master=master))
        yield started
        started.database.close()


def checked(here: service.Service) -> int:
    """A build of the update, queued by its check."""
    build_id = master_parts.submit(here, release="demo", builds=[UPDATE], add_packages=["ondemand-greeting"])
    assert checks.check_next(here)
    with here.database.reading() as session:
        assert builds.get(session, build_id).state == State.QUEUED
    return build_id


def lock(here: service.Service, build_id: int) -> locks.Lock:
    """The build's lock as it is stored now."""
    with here.database.reading() as session:
        return builds.locked(session, build_id)


def wanted(found: locks.Lock) -> set[str]:
    """The builds that were wanted and are in the lock."""
    return {package.build or "" for package in found.packages if package.reference == UPDATE}


def test_a_build_goes_on_with_the_update_s_builds_of_its_check(here: service.Service, tmp_path: pathlib.Path) -> None:
    def drop_the_libs(updates: dict[str, Any]) -> None:
        held = updates[UPDATE]["builds"]
        updates[UPDATE].update(
            builds=[build for build in held if "greeting" in build["nvr"]],
            date_pushed="2026-11-19 09:15:00",
            date_modified="2026-11-20 09:15:00",
        )

    first = checked(here)
    before = lock(here, first)
    source_parts.change(tmp_path / "other-distribution", "bodhi.json", drop_the_libs)
    master_parts.builder(here)
    attempt = master_parts.claim(here)
    assert attempt and attempt.build_id == first and lock(here, first) == before
    assert wanted(before) == {"ondemand-greeting-1.1-1.demo1", "ondemand-libs-1.1-1.demo1"}
    assert not any("was edited" in text for text in before.warnings)


def test_the_next_build_has_the_builds_of_after_the_edit_and_says_so(here: service.Service, tmp_path: pathlib.Path) -> None:
    def swap(updates: dict[str, Any]) -> None:
        only = [build for build in updates[UPDATE]["builds"] if "libs" in build["nvr"]]
        updates[UPDATE].update(builds=only, date_pushed="2026-11-19 09:15:00", date_modified="2026-11-20 09:15:00")

    before = lock(here, checked(here))
    source_parts.change(tmp_path / "other-distribution", "bodhi.json", swap)
    after = lock(here, checked(here))
    assert wanted(after) == {"ondemand-libs-1.1-1.demo1"} < wanted(before)
    assert any("was edited on 2026-11-20 09:15 UTC, after it was pushed" in text for text in after.warnings)
