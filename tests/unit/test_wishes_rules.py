# SPDX-License-Identifier: MIT
"""Trigger rules: the shipped ones, the documented fields, and what keeps the service from starting."""

from __future__ import annotations

import pathlib

import pytest

from ondemand import errors
from ondemand.releases import Releases
from ondemand_web.service import Service
from ondemand_web.wishes.rules import Rule, Rules
from tests import wish_parts as parts

ROOT = pathlib.Path(__file__).parents[2]
DOCUMENT = (ROOT / "docs" / "triggers.md").read_text()
GOOD = 'name = "one"\nreleases = ["f44"]\n'


def read(folder: pathlib.Path, releases: Releases, *texts: str) -> Rules:
    """The rules in files `0.toml`, `1.toml` …"""
    for number, text in enumerate(texts):
        (folder / f"{number}.toml").write_text(text)
    return Rules(folder, releases)


@pytest.mark.parametrize("name", Rule.model_fields)
def test_every_field_is_documented_with_its_default(name: str) -> None:
    assert f"\n| `{name}` |" in DOCUMENT


def test_the_document_names_no_field_that_there_is_not() -> None:
    assert DOCUMENT.count("\n| `") == len(Rule.model_fields)


def test_the_shipped_rules_are_valid_and_order_nothing(here: Service) -> None:
    assert {rule.name for rule in here.rules.all()} == {"f43", "f44"}
    assert here.rules.active() == []


def test_a_service_without_rules_starts(here: Service, tmp_path: pathlib.Path) -> None:
    assert Rules(tmp_path / "nowhere", here.releases).all() == []


@pytest.mark.parametrize(
    ("text", "named"),
    [
        (GOOD + "lul = 5\n", "lul: Extra inputs"),
        (GOOD + "hourly_cap = 0\n", "hourly_cap: Input should be greater"),
        (GOOD + 'happenings = ["withdrawn"]\n', "happenings: what is withdrawn orders nothing"),
        (GOOD + 'image_types = ["floppy"]\n', "image_types.0: "),
        ('name = "one"\n', "releases: Field required"),
        ('name = "one"\nreleases = ["f9"]\n', "releases: there is no release definition «f9»"),
        ("name = one\n", "line 1"),
    ],
)
def test_a_wrong_rule_is_told_with_file_and_field(
    here: Service, tmp_path: pathlib.Path, text: str, named: str
) -> None:
    with pytest.raises(errors.CannotStart) as raised:
        read(tmp_path, here.releases, text)
    assert "0.toml" in raised.value.sentence and named in raised.value.sentence


def test_two_rules_of_one_name_are_refused(here: Service, tmp_path: pathlib.Path) -> None:
    with pytest.raises(errors.CannotStart, match=r"1\.toml can't be used, because name: another file"):
        read(tmp_path, here.releases, GOOD, GOOD)


def test_a_rule_that_is_switched_off_is_known_but_orders_nothing(here: Service, tmp_path: pathlib.Path) -> None:
    rules = read(tmp_path, here.releases, GOOD + "enabled = false\n")
    assert (len(rules.all()), rules.active(), rules.find("one")) == (1, [], None)
    with pytest.raises(errors.UnknownWish, match="name one of: one"):
        rules.get("two")


@pytest.mark.parametrize(
    ("name", "found"),
    [("F44", "f44"), ("44", "f44"), ("f43", "f43"), ("f44-updates-testing-pending", "f44"), ("F9", None), ("f4", None)],
)
def test_a_release_is_found_by_its_names_in_messages(here: Service, name: str, found: str | None) -> None:
    release = here.releases.known_as(name)
    assert (release.name if release else None) == found


def test_a_phrase_says_what_a_rule_chooses() -> None:
    assert parts.rule().chooses == ""
    assert parts.rule(packages=("a", "b*"), sets=("s",)).chooses == "packages a, b*; sets s"
