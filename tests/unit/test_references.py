# SPDX-License-Identifier: MIT
"""The syntax of references: what each form means, and that no text does worse than being refused."""

from __future__ import annotations

import contextlib
import pathlib
import re
import time

import hypothesis
import pytest
from hypothesis import strategies

from ondemand import errors, references

PAGE = (pathlib.Path(__file__).resolve().parents[2] / "docs" / "references.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| `([^`]+)` \| `([^`]+)` \|", PAGE, re.M)
VALUES = strategies.one_of(
    *(
        strategies.from_regex(pattern, fullmatch=True).map(f"{kind}:{{}}".format)
        for kind, pattern in references.KINDS.items()
    )
)
PIECES = ("bash", "-", "5.3", "1.fc44", ":", "koji", "task", "http://k/", "buildinfo?buildID=", "updates/", "[", "%", "٣", "\0", " ")
TEXTS = strategies.text() | strategies.lists(strategies.sampled_from(PIECES)).map("".join) | VALUES


@pytest.mark.parametrize(("written", "meant"), ROWS)
def test_a_form_means_what_the_document_says(written: str, meant: str) -> None:
    assert str(references.parse(written)) == meant


def test_the_document_shows_every_kind() -> None:
    assert {meant.partition(":")[0] for _, meant in ROWS} == set(references.KINDS)


@pytest.mark.parametrize("name", ["bash", "java-21-openjdk", "libstdc++", "python3-3to2", "gtk4-4.20", "389-ds-base"])
def test_a_name_is_no_build(name: str) -> None:
    assert references.parse(name).kind == "package"


@pytest.mark.parametrize("nvr", ["gtk4-4.20-1", "java-21-openjdk-21.0.9.0.10-1.fc44", "fedora-release-45-0.1", "a-1~rc1-2^git1"])
def test_a_build_is_known_by_the_digits_of_version_and_release(nvr: str) -> None:
    assert references.parse(nvr).kind == "koji"


def test_a_plugin_may_bring_a_kind_of_its_own() -> None:
    reference = references.parse("brew:abc-1.2/x")
    assert (reference.kind, reference.value, reference.own_code) == ("brew", "abc-1.2/x", True)


@pytest.mark.parametrize(
    "text",
    ["", " ", "../../etc-1-1", "a b-1-1", "koji:;rm -rf", "koji:bash", "task:x", "tag:", "set:Upper", "upload:00", "bash\n-1"],
)
def test_what_names_nothing_is_refused_in_a_sentence(text: str) -> None:
    with pytest.raises(errors.UnknownReference, match=r"write the update's alias"):
        references.parse(text)


@pytest.mark.parametrize(
    "rest",
    ["[", "k/koji/buildinfo", "k/buildinfo?buildID=a b", "k/taskinfo?taskID=٣", "k/updates/x", "k/?" + "a&" * 50],
)
def test_an_address_of_anything_else_is_refused(rest: str) -> None:
    with pytest.raises(errors.UnknownReference, match="is no address"):
        references.parse(f"https://{rest}")


def test_an_address_may_be_escaped_and_go_on() -> None:
    assert references.parse("https://k/koji/buildinfo?x=1&buildID=c%2B%2B-1%7Erc-1#rpms").value == "c++-1~rc-1"
    assert references.parse("https://b/updates/FEDORA-2026-0123456789/?page=2#comment-1").kind == "bodhi"


@hypothesis.given(TEXTS)
def test_a_text_is_refused_or_reads_back_as_the_same(text: str) -> None:
    with contextlib.suppress(errors.UnknownReference):
        found = references.parse(text)
        hypothesis.event(found.kind)
        assert references.parse(str(found)) == found


@pytest.mark.parametrize("text", ["a-" * 499, "0-" * 499 + "!", "koji:" + "0-" * 490 + "!", "A-" * 10**6, "https://k/" + "updates/" * 120])
def test_no_text_takes_long(text: str) -> None:
    before = time.monotonic()
    with pytest.raises(errors.UnknownReference):
        references.parse(text)
    assert time.monotonic() - before < 0.5


def test_a_package_s_name_may_hold_a_number() -> None:
    assert references.packages(["java-21-openjdk", "bash-5.3", "bash-5.3.3-1.fc44", "vim"]) == ["bash", "java-21-openjdk", "vim"]
