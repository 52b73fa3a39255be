# SPDX-License-Identifier: MIT
"""Facts: what makes two messages speak of the same content, and what no message may hold."""

from __future__ import annotations

import pydantic
import pytest

from ondemand import facts

BODY = {"message_id": "1", "topic": "t", "at": "2026-01-01T00:00:00Z", "happened": "offered", "subject": "FEDORA-2026-1"}


def test_messages_about_the_same_builds_have_one_identity() -> None:
    first = facts.Facts.model_validate({**BODY, "build_ids": [2, 1], "builds": ["b-1-1", "a-1-1"]})
    again = facts.Facts.model_validate({**BODY, "message_id": "2", "topic": "u", "build_ids": [1, 2]})
    assert first.identity == again.identity == "FEDORA-2026-1:1,2"


def test_other_builds_are_another_identity() -> None:
    made = [facts.Facts.model_validate({**BODY, "builds": builds}) for builds in (["a-1-1"], ["a-2-1"], [])]
    assert len({each.identity for each in made}) == 3


@pytest.mark.parametrize("wrong", [{"subject": "a b"}, {"builds": ["x"] * 501}, {"at": "2026-01-01T00:00:00"}, {"more": 1}, {"topic": ""}])
def test_what_is_too_much_or_unclear_is_no_fact(wrong: dict[str, object]) -> None:
    with pytest.raises(pydantic.ValidationError):
        facts.Facts.model_validate({**BODY, **wrong})
