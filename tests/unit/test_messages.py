# SPDX-License-Identifier: MIT
"""Messages: valid by their schema, registered, with what readers need."""

from __future__ import annotations

import jsonschema
import pytest

from ondemand import messages

BUILD = {
    "id": 7,
    "url": "http://x/builds/7",
    "owner": "alice",
    "release": "demo",
    "arch": "x86_64",
    "image_type": "live",
    "title": "A title",
    "packages": ["bash"],
}


def test_a_requested_build_is_a_valid_message() -> None:
    sent = messages.BuildRequestedV1(body={"build": BUILD})
    sent.validate()
    assert (sent.topic, sent.url, sent.packages, sent.usernames) == (
        "ondemand.build.requested",
        "http://x/builds/7",
        ["bash"],
        ["alice"],
    )


def test_a_state_change_says_what_and_why() -> None:
    body = {"build": BUILD, "old": "building", "new": "failed", "reason": "it broke"}
    sent = messages.BuildStateChangedV1(body=body)
    sent.validate()
    assert sent.summary == "alice's build 7 (A title) is now failed: it broke"


def test_a_message_without_its_build_is_refused() -> None:
    with pytest.raises(jsonschema.ValidationError):
        messages.BuildRequestedV1(body={}).validate()
