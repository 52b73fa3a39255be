# SPDX-License-Identifier: MIT
"""From a message to a checked build with the demo's rule: what is in the live image is ordered, and nothing else."""

from __future__ import annotations

import pathlib
from collections.abc import Iterator
from typing import Any

import pytest

from demo import builds as story
from demo import site
from ondemand.facts import Facts
from ondemand.states import State
from ondemand.wishes import DecisionRecord
from ondemand_web import app, service
from ondemand_web.builds import checks
from ondemand_web.builds import services as builds
from ondemand_web.wishes import refreshing
from tests import master_parts
from tests import wish_parts as parts

HELLO, PANEL = "ondemand-hello-2.0-1.demo1", "ondemand-panel-1.2-1.demo1"


@pytest.fixture
def here(
    distribution: pathlib.Path, servers: str, tmp_path: pathlib.Path, database_url: str
) -> Iterator[service.Service]:
    """A master with the demo's release and rule, which has read the repositories."""
    made = site.write(tmp_path, distribution, servers)
    with master_parts.offering(made, tmp_path, database=database_url, wishers=["you"]) as started:
        yield started


def facts(number: int, subject: str, *nvrs: str, **fields: Any) -> Facts:
    """A message about a build or update of the demo."""
    given: dict[str, Any] = {"release": "DEMO", "builds": nvrs, "reference": subject, **fields}
    return parts.facts(number, subject=subject, **given)


def became(here: service.Service, given: Facts) -> DecisionRecord:
    """The only decision of a message when its lull is over."""
    (wish,) = parts.bring(here, given)
    parts.work(here)
    parts.let_pass(here, 31)
    parts.work(here)
    (decision,) = parts.decisions(here, wish)
    return decision


def checked(here: service.Service, build_id: int | None) -> list[str]:
    """The wanted builds in the lock of a build that is checked now."""
    checks.check_next(here)
    with here.database.reading() as session:
        build = builds.get(session, build_id or 0)
        assert build.state == State.QUEUED, build.error
        return sorted({package.build or "" for package in builds.locked(session, build.id).wanted})


def test_an_update_whose_package_is_in_the_image_is_ordered_and_can_be_made(here: service.Service) -> None:
    decision = became(here, facts(1, story.NAMES["single_update"], "ondemand-hello-1.1-1.demo1"))
    assert decision.reason == f"Build 1 was ordered with {story.NAMES['single_update']}."
    assert checked(here, decision.build_id) == ["ondemand-hello-1.1-1.demo1"]


def test_an_update_whose_package_is_not_in_the_image_is_skipped(here: service.Service) -> None:
    decision = became(here, facts(1, story.NAMES["unpushed_update"], PANEL))
    assert (decision.state, decision.reason) == ("skipped", "ondemand-panel is not in this image (demo live x86_64).")


def test_of_an_update_the_part_that_is_in_the_image_is_ordered(here: service.Service) -> None:
    decision = became(here, facts(1, "DEMO-2026-abcdef", HELLO, PANEL, reference=None))
    assert decision.reason == f"Build 1 was ordered with koji:{HELLO}."
    assert checked(here, decision.build_id) == [HELLO]


def test_without_the_names_of_its_builds_the_reference_itself_is_checked(here: service.Service) -> None:
    assert became(here, facts(1, story.NAMES["update"])).state == "skipped"
    assert became(here, facts(2, story.NAMES["single_update"])).state == "ordered"


def test_what_can_not_be_made_is_ordered_to_be_refused_in_public(here: service.Service) -> None:
    decision = became(here, facts(1, "DEMO-2026-fedcba", HELLO, "ondemand-nothing-1-1.demo1", reference=None))
    assert decision.state == "ordered"
    checks.check_next(here)
    with here.database.reading() as session:
        assert builds.get(session, 1).state == State.REFUSED


def test_a_message_of_a_composed_release_has_it_read_anew(here: service.Service) -> None:
    parts.bring(here, facts(1, "Demo-1-1", happened="composed", reference=None))
    parts.work(here)
    read = refreshing.Reader(here)
    assert read() and not read()


def test_a_replay_asks_the_same_image(here: service.Service) -> None:
    given = [facts(1, "a", HELLO), facts(2, "b", PANEL), facts(3, "c")]
    body = {"facts": [each.model_dump(mode="json") for each in given]}
    answer = app.make(here).test_client().post("/api/v1/wishes/replay", json=body).get_json()["wishes"]
    found = [wish["decisions"][0] for wish in answer]
    assert [each["state"] for each in found] == ["ordered", "skipped", "ordered"]
    assert "can't be told now" in found[2]["reason"]
