# SPDX-License-Identifier: MIT
"""The request's shape: what is taken, what is refused with every wrong field."""

from __future__ import annotations

from typing import Any

import pytest

from ondemand import build_requests, errors


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"image_type": "floppy"}, "image_type: it has to be 'live', 'boot' or 'dvd'"),
        ({"builds": ["bash", "no sense"]}, "«no sense» names nothing"),
        ({"volume_label": "x" * 33}, "volume_label"),
        ({"add_packages": ["a;b"]}, "add_packages.0: it has to be 1 to 200 letters, digits or"),
        ({"preset": "a b"}, "preset: it has to be 1 to 64 letters, digits or"),
        ({"add_packages": ["bash"], "remove_packages": ["bash"]}, "added and removed at once"),
        ({"preset": "a", "kickstart": "b"}, "not two of them"),
        ({"surprise": 1}, "surprise: there is no such field"),
        ({"release": None}, "release: it has to be a valid string"),
        ({"builds": "bash"}, "builds: it has to be a list"),
        ({"builds": ["bash"] * 101}, "builds: it may hold 100 at most"),
        ({"kickstart": "lang C\n%packages\0\n%end\n"}, r"kickstart: line 2 holds the control character U\+0000"),
        ({"kickstart": "lang C\x1b[2J\n"}, r"U\+001B"),
        ({"repositories": [{"name": "x", "url": f"https://{host}/"} for host in "ab"]}, "repositories come twice: x"),
        ({"notify": ["a@b\nBcc: c@d"]}, "notify.0: it has to be a mail address"),
        ({"repositories": [{"name": "x", "url": "ftp://x"}]}, "repositories.0.url: it has to be an address that begins with https"),
        ({"notify": ["a\x00b@example.org"]}, "notify"),
        ({"notify": ["a\x1b[2Jb@example.org"]}, "notify"),
        ({"notify": ["a\x7fb@example.org"]}, "notify"),
        ({"notify": ["a\x9bb@example.org"]}, "notify"),
    ],
)
def test_a_wrong_field_is_named(wrong: dict[str, Any], named: str) -> None:
    with pytest.raises(errors.InvalidRequest, match=named):
        build_requests.validate({"release": "demo", **wrong})


def test_what_is_missing_is_named() -> None:
    with pytest.raises(errors.InvalidRequest, match="release: it is missing"):
        build_requests.validate({})


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


@pytest.mark.parametrize(
    "line",
    ["rootpw hunter2secret", "rootpw --plaintext hunter2secret", "user --name=a --password=hunter2secret", "part / --passphrase=x"],
)
def test_a_password_that_everybody_could_read_is_refused_and_not_repeated(line: str) -> None:
    with pytest.raises(errors.InvalidRequest, match="line 2 holds a password that everybody could read") as caught:
        build_requests.validate({"release": "demo", "kickstart": f"lang C\n{line}\n%packages\n%end\n"})
    assert "hunter2secret" not in str(caught.value)


@pytest.mark.parametrize("line", ["rootpw --lock", "rootpw --iscrypted $6$a$b", "user --name=a --password=$6$a --iscrypted", "rootpw"])
def test_a_hashed_password_is_taken(line: str) -> None:
    assert build_requests.validate({"release": "demo", "kickstart": f"{line}\n%packages\n%end\n"}).kickstart


def test_a_request_without_a_description_says_nothing_of_one_to_older_builders() -> None:
    plain = build_requests.validate({"release": "f44"})
    assert "description" not in plain.model_dump(mode="json") and "description" not in plain.model_dump_json()
    described = build_requests.validate({"release": "f44", "description": {"files": {"config.xml": "<image/>"}}})
    assert build_requests.validate(described.model_dump(mode="json")) == described
    assert plain.digest() != described.digest()
