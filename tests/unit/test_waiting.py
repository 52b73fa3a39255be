# SPDX-License-Identifier: MIT
"""Why a queued build waits is said in words, from what the builders said of themselves last."""

from __future__ import annotations

from ondemand_web.builds import records
from ondemand_web.builds import services as builds
from ondemand_web.service import Service
from tests import master_parts as parts


def waiting(here: Service, build_id: int) -> str | None:
    """What the record of the build says."""
    with here.database.reading() as session:
        return records.full(session, builds.get(session, build_id), here).waiting


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
    assert waiting(here, first) == "it is the next one for a builder"
    assert waiting(here, third) == "it waits for a builder, 2 ahead of it"


def test_a_build_that_runs_does_not_wait(here: Service) -> None:
    build_id, name = parts.queued(here), parts.builder(here)
    parts.claim(here, name)
    assert waiting(here, build_id) is None
