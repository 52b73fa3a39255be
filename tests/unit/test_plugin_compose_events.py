# SPDX-License-Identifier: MIT
"""Pungi's messages: only a finished compose of a wanted product counts."""

from __future__ import annotations

from typing import Any

import pytest

from ondemand import errors
from ondemand.facts import Happening
from tests import trigger_parts as parts

TOPIC = "org.fedoraproject.prod.pungi.compose.status.change"
BODY = {"status": "FINISHED", "compose_id": "Fedora-44-20260901.n.0", "release_short": "Fedora", "release_version": "44"}


@pytest.mark.parametrize("status", ["FINISHED", "FINISHED_INCOMPLETE"])
def test_a_finished_compose_makes_a_release_new(status: str) -> None:
    found = parts.facts(TOPIC, {**BODY, "status": status})
    assert found and found.happened is Happening.COMPOSED
    assert (found.subject, found.release) == ("Fedora-44-20260901.n.0", "44")


@pytest.mark.parametrize("fields", [{"status": "STARTED"}, {"status": "DOOMED"}, {"release_short": "Fedora-IoT"}])
def test_other_composes_say_nothing(fields: dict[str, str]) -> None:
    assert parts.facts(TOPIC, {**BODY, **fields}) is None


@pytest.mark.parametrize(("compose", "release"), [("Fedora-Rawhide-20260901.n.0", "Rawhide"), ("Fedora-IoT-44-20260901.0", None)])
def test_the_id_says_what_other_fields_leave_out(compose: str, release: str | None) -> None:
    found = parts.facts(TOPIC, {"status": "FINISHED", "compose_id": compose})
    assert (found.release if found else None) == release


@pytest.mark.parametrize("body", [{}, {"status": "FINISHED"}, {**BODY, "compose_id": "a b"}, {**BODY, "status": 3}])
def test_a_body_without_the_fields_is_malformed(body: dict[str, Any]) -> None:
    with pytest.raises(errors.InvalidRequest, match="malformed"):
        parts.facts(TOPIC, body)
