# SPDX-License-Identifier: MIT
"""Bodhi's messages: what is offered, what is withdrawn, and what is malformed."""

from __future__ import annotations

from typing import Any

import pytest

from ondemand import errors, triggers
from ondemand.facts import Happening
from tests import trigger_parts as parts

READY = parts.READY
BODHI = "org.fedoraproject.prod.bodhi.update"


def changed(**fields: Any) -> dict[str, Any]:
    """The body with other fields of its update."""
    body = parts.ready()
    return {**body, "update": {**body["update"], **fields}}


def test_an_update_with_all_its_builds_is_offered() -> None:
    found = parts.facts(READY, parts.ready())
    assert found and found.happened is Happening.OFFERED and not found.again
    assert (found.subject, found.reference, found.release, found.user) == (parts.ALIAS, parts.ALIAS, "F44", "alice")
    assert (found.builds, found.build_ids, found.content) == (("bash-5.3-1.fc44",), (7,), "rpm")


def test_tests_that_are_wanted_again_are_an_order_of_the_same_content() -> None:
    first, again = (parts.facts(READY, {**parts.ready(), "re-trigger": value}) for value in (False, True))
    assert first and again and again.again
    assert first.identity == again.identity


def test_an_edit_with_other_builds_is_other_content() -> None:
    other = parts.ready(artifact={"builds": [{"id": 8, "nvr": "bash-5.3-2.fc44"}]})
    first, edited = parts.facts(READY, parts.ready()), parts.facts(READY, other)
    assert first and edited and first.identity != edited.identity


@pytest.mark.parametrize(
    ("critpath", "groups", "known"),
    [(True, "core base core", ("core", "base")), (True, None, None), (False, None, ()), (None, None, None), (False, "", ())],
)
def test_critical_path_groups_that_are_null_are_not_known(critpath: Any, groups: Any, known: Any) -> None:
    found = parts.facts(READY, changed(critpath=critpath, critpath_groups=groups))
    assert found and found.critical_path == known


def test_what_is_no_rpm_goes_along_as_what_it_is() -> None:
    found = parts.facts(READY, changed(content_type="flatpak"))
    assert found and found.content == "flatpak"


@pytest.mark.parametrize(("topic", "option"), [("complete.testing", "complete_testing"), ("request.testing", "request_testing")])
def test_what_is_said_again_counts_only_when_the_operator_wants_it(topic: str, option: str) -> None:
    body = {"update": parts.ready()["update"]}
    assert parts.facts(f"{BODHI}.{topic}", body) is None
    found = parts.facts(f"{BODHI}.{topic}", body, bodhi={option: True})
    assert found and found.happened is Happening.OFFERED


@pytest.mark.parametrize("topic", ["request.obsolete", "request.unpush", "request.revoke", "eject", "complete.stable"])
def test_what_is_not_to_be_tested_any_more_is_withdrawn(topic: str) -> None:
    found = parts.facts(f"{BODHI}.{topic}", {"update": parts.ready()["update"]})
    assert found and found.happened is Happening.WITHDRAWN and found.subject == parts.ALIAS


def test_an_update_that_stays_in_testing_is_not_withdrawn_by_a_revoked_push_to_stable() -> None:
    assert parts.facts(f"{BODHI}.request.revoke", changed(status="testing")) is None


@pytest.mark.parametrize(
    "body",
    [{}, {"update": None}, changed(alias="a b"), changed(builds="x"), changed(release="F44"), parts.ready(artifact=None)],
)
def test_a_body_that_bodhi_never_sends_is_malformed(body: dict[str, Any]) -> None:
    with pytest.raises(errors.InvalidRequest, match="malformed"):
        parts.facts(READY, body)


def test_an_unknown_option_is_named_at_the_start() -> None:
    with pytest.raises(errors.CannotStart, match="karma"):
        triggers.Triggers({"bodhi": {"karma": 3}})
