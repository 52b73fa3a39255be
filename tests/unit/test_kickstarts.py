# SPDX-License-Identifier: MIT
"""Kickstarts: malformed ones are refused by line, edits lie on top."""

from __future__ import annotations

import pytest

from ondemand import build_requests, errors, kickstarts

GOOD = "lang C.UTF-8\ntimezone UTC\n%packages\n@core\nbash\n-vim\n%end\n%post\ntouch /x\n%end\n"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("lang C\nfrobnicate\n", "line 2"),
        ("%packages\nbash\n", "line"),
        ("%include /etc/passwd\n", "line 1"),
        ("%packages\n%include /etc/passwd\n%end\n", "line 2"),
        ("%ksappend http://x\n", "line 1"),
        ("%pre\nid\n%end\n", "no %post"),
        ("%post --nochroot\nid\n%end\n", "nochroot"),
        ('rootpw "x\n', "quotation"),
        ("%surprise\n%end\n", "line 1"),
    ],
)
def test_what_can_not_be_used_is_refused_with_its_place(text: str, line: str) -> None:
    with pytest.raises(errors.KickstartInvalid, match=line):
        kickstarts.parse(text, "F44")


def test_what_a_tool_needs_is_read() -> None:
    read = kickstarts.parse(GOOD, "F44")
    assert (read.packages, read.excluded, read.groups) == (("bash",), ("vim",), ("core",))
    assert read.own_code


def test_edits_lie_on_top() -> None:
    request = build_requests.validate(
        {"release": "demo", "add_packages": ["zsh"], "remove_packages": ["bash"], "add_groups": ["live"]}
    )
    read = kickstarts.edited(GOOD, request, "F44")
    assert (read.packages, read.excluded, read.groups) == (("zsh",), ("bash", "vim"), ("core", "live"))


def test_an_addon_section_is_kept() -> None:
    assert "%addon org_x" in kickstarts.parse("%addon org_x\n%end\n", "F44").text


def test_the_frozen_repository_is_the_only_one() -> None:
    text = kickstarts.with_repository("repo --name=x --baseurl=http://x\n", "F44", "frozen", "file:///r")
    assert "http://x" not in text
    assert 'repo --name="frozen" --baseurl=file:///r' in text
