# SPDX-License-Identifier: MIT
"""What an update's dates and Bodhi's own comments tell."""

from __future__ import annotations

from typing import Any

import pytest

from ondemand_plugins.sources import bodhi_history

SUBMITTED, EDITED, PUSHED, LATER = (f"2026-11-0{day} 08:30:00" for day in range(1, 5))
BUILDS = (
    "alice edited this update.\n\nNew build(s):\n\n- bash-5.3.4-1.fc44\n\n"
    "Removed build(s):\n\n- bash-5.3.3-1.fc44\n\nKarma has been reset."
)


def comment(text: str, when: str = EDITED, by: str = "bodhi") -> dict[str, Any]:
    """As Bodhi gives it."""
    return {"text": text, "timestamp": when, "user": {"name": by, "groups": []}, "karma": 0}


def edited(**fields: Any) -> str:
    """The sentence for an update with these fields."""
    return bodhi_history.History.model_validate(fields).edited("FEDORA-2026-1a2b3c4d5e", ["bash-5.3.4-1.fc44"])


def test_an_edit_of_the_builds_tells_what_came_and_went() -> None:
    assert edited(date_modified=EDITED, comments=[comment(BUILDS)]) == (
        "Update FEDORA-2026-1a2b3c4d5e was edited on 2026-11-02 08:30 UTC; it got bash-5.3.4-1.fc44 and lost bash-5.3.3-1.fc44; "
        "its builds now are bash-5.3.4-1.fc44."
    )


def test_an_edit_after_the_push_says_so() -> None:
    assert "was edited on 2026-11-04 08:30 UTC, after it was pushed on 2026-11-03 08:30 UTC; its builds now are" in edited(
        date_modified=LATER, date_pushed=PUSHED, comments=[comment("alice edited this update.", LATER)]
    )


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"date_modified": None, "date_pushed": None, "comments": []},
        {"date_modified": EDITED, "date_pushed": PUSHED},
        {"date_modified": EDITED, "comments": [comment("alice edited this update.")]},
        {"date_modified": "yesterday", "date_pushed": PUSHED},
        {"date_modified": EDITED, "comments": [comment(BUILDS, by="mallory")]},
        {"date_modified": EDITED, "comments": [comment(BUILDS, when="")]},
    ],
)
def test_an_edit_of_a_text_before_the_push_or_one_that_others_tell_of_is_none(fields: dict[str, Any]) -> None:
    assert edited(**fields) == ""


def test_the_newest_edit_counts() -> None:
    others = "bob edited this update.\n\nRemoved build(s):\n\n- zsh-5.9-1.fc44\n"
    told = edited(comments=[comment(BUILDS, PUSHED), comment(others, EDITED)])
    assert "2026-11-03" in told and "zsh" not in told


def test_many_builds_are_counted() -> None:
    found = bodhi_history.History(date_modified=LATER, date_pushed=PUSHED).edited("X", [f"p{n}-1-1" for n in range(150)])
    assert found.endswith("p8-1-1, p9-1-1 and 140 more.")


def test_what_made_it_obsolete_is_found() -> None:
    text = "This update has been obsoleted by [bash-5.3.5-1.fc44](https://bodhi.fedoraproject.org/updates/FEDORA-2026-aabbccddee)."
    history = bodhi_history.History.model_validate({"comments": [comment(text)]})
    assert history.follower() == ("bash-5.3.5-1.fc44", "FEDORA-2026-aabbccddee")
    forged = comment("This update has been obsoleted by [x-1-1](https://example.com/nothing).")
    assert bodhi_history.History.model_validate({"comments": [forged]}).follower() == ("", "")
