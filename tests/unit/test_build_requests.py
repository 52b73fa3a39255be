# SPDX-License-Identifier: MIT
"""The request's shape: what is taken, what is refused with every wrong field."""

from __future__ import annotations

from typing import Any

import pytest

from ondemand import build_requests, errors


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"image_type": "floppy"}, "image_type"),
        ({"builds": ["bash", "no sense"]}, "«no sense» names nothing"),
        ({"volume_label": "x" * 33}, "volume_label"),
        ({"add_packages": ["a;b"]}, "add_packages"),
        ({"add_packages": ["bash"], "remove_packages": ["bash"]}, "added and removed at once"),
        ({"preset": "a", "kickstart": "b"}, "not both"),
        ({"surprise": 1}, "surprise"),
        ({"kickstart": "lang C\n%packages\0\n%end\n"}, r"kickstart: line 2 holds the control character U\+0000"),
        ({"kickstart": "lang C\x1b[2J\n"}, r"U\+001B"),
        ({"repositories": [{"name": "x", "url": f"https://{host}/"} for host in "ab"]}, "repositories come twice: x"),
        ({"notify": ["a@b\nBcc: c@d"]}, "notify"),
    ],
)
def test_a_wrong_field_is_named(wrong: dict[str, Any], named: str) -> None:
    with pytest.raises(errors.InvalidRequest, match=named):
        build_requests.validate({"release": "demo", **wrong})


def test_a_kickstart_keeps_its_tabs_and_line_ends() -> None:
    text = "lang C\r\n%packages\n\tbash\n%end\n"
    assert build_requests.validate({"release": "demo", "kickstart": text}).kickstart == text


def test_equal_requests_have_equal_digests() -> None:
    one = build_requests.validate({"release": "demo", "builds": ["bash-1-1"]})
    two = build_requests.validate({"builds": ["bash-1-1"], "release": "demo", "arch": "x86_64"})
    assert one.digest() == two.digest()


def test_the_label_fits_an_iso_and_names_the_build() -> None:
    request = build_requests.validate({"release": "demo", "name": "x" * 64})
    assert len(request.label(123)) == 32
    assert request.label(123).endswith("-123")
