# SPDX-License-Identifier: MIT
"""Why a queued build waits is said in words, from what the builders said of themselves last."""

from __future__ import annotations

from ondemand.builds import BuildRecord
from ondemand_web.builds import records
from ondemand_web.builds import services as builds
from ondemand_web.database import clock
from ondemand_web.service import Service
from tests import master_parts as parts


def waiting(here: Service, build_id: int) -> str | None:
    """What the record of the build says."""
    return told(here, build_id).waiting


def told(here: Service, build_id: int) -> BuildRecord:
    """The record of the build."""
    with here.database.reading() as session:
        return records.full(session, builds.get(session, build_id), here)


def test_without_a_builder_the_operator_is_named(here: Service) -> None:
    assert waiting(here, parts.queued(here)) == "no builder is up; the operator has to start one"


def test_builders_that_can_not_make_it_are_said_to_be_unable(here: Service) -> None:
    parts.claim(here, parts.builder(here), can=parts.CAN.model_copy(update={"backends": {"lorax": ("boot",)}}))
    text = waiting(here, parts.queued(here))
    assert text == "none of the builders that are up (1) can make live images for x86_64 with kiwi"


def test_too_little_disk_is_said_before_anything_starts(here: Service) -> None:
    parts.claim(here, parts.builder(here), can=parts.CAN.model_copy(update={"disk": 10**9}))
    build_id = parts.queued(here, disk=3 * 10**9)
    assert parts.claim(here, "one", can=parts.CAN.model_copy(update={"disk": 10**9})) is None
    text = waiting(here, build_id)
    assert text is not None and text.startswith("it needs 3.0 GB of disk and builder one, which has the most to spare")


def test_those_ahead_are_counted(here: Service) -> None:
    parts.claim(here, parts.builder(here))
    first, _, third = (parts.queued(here) for _ in range(3))
    assert waiting(here, first) == "the builder able to build live/x86_64 is idle; you are next; less than a minute"
    assert waiting(here, third) == "the builder able to build live/x86_64 is idle; 2 ahead of you"
    assert [told(here, build_id).position for build_id in (first, third)] == [1, 3]


def test_a_start_is_foretold_from_the_lengths_of_earlier_builds(here: Service) -> None:
    names = [parts.builder(here, name) for name in ("one", "two")]
    for name in names:
        parts.succeeded(here, name, seconds=360)
    for name in names:
        parts.queued(here)
        attempt = parts.claim(here, name)
        assert attempt is not None
        parts.last(here, attempt, 180)
    *_, last = (parts.queued(here) for _ in range(4))
    record = told(here, last)
    assert record.waiting == "both builders able to build live/x86_64 are busy; 3 ahead of you; about 9 min"
    assert record.position == 4 and record.estimated_start is not None
    with here.database.reading() as session:
        assert 535 < (record.estimated_start - clock(session)).total_seconds() < 541


def test_without_earlier_builds_of_a_kind_no_time_is_said(here: Service) -> None:
    name = parts.builder(here)
    parts.succeeded(here, name, seconds=360)
    parts.queued(here, profile="release")
    record = told(here, parts.queued(here))
    assert record.waiting == "the builder able to build live/x86_64 is idle; 1 ahead of you"
    assert (record.position, record.estimated_start) == (2, None)


def test_a_build_that_takes_longer_than_usual_is_not_foretold_to_end_at_once(here: Service) -> None:
    name = parts.builder(here)
    parts.succeeded(here, name, seconds=1200)
    parts.queued(here)
    attempt = parts.claim(here, name)
    assert attempt is not None
    parts.last(here, attempt, 9000)
    text = waiting(here, parts.queued(here))
    assert text == "the builder able to build live/x86_64 is busy; you are next; about 2 min"


def test_builders_that_are_idle_are_counted(here: Service) -> None:
    for name in ("one", "two", "three"):
        parts.claim(here, parts.builder(here, name))
    parts.queued(here)
    parts.claim(here, "one")
    text = waiting(here, parts.queued(here))
    assert text == "2 of 3 builders able to build live/x86_64 are idle; you are next; less than a minute"


def test_what_the_same_builders_can_not_build_is_not_ahead(here: Service) -> None:
    parts.claim(here, parts.builder(here))
    parts.queued(here, image_type="boot")
    parts.queued(here, disk=parts.CAN.disk + 1)
    assert told(here, parts.queued(here)).position == 1


def test_a_build_that_runs_does_not_wait(here: Service) -> None:
    build_id, name = parts.queued(here), parts.builder(here)
    parts.claim(here, name)
    assert waiting(here, build_id) is None
