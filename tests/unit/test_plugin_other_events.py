# SPDX-License-Identifier: MIT
"""Messages that the configuration describes: a new bot without a line of code."""

from __future__ import annotations

import pathlib
import re
import tomllib
from typing import Any

import pytest

from ondemand import errors, triggers
from ondemand.facts import Facts
from tests import trigger_parts as parts

TOPIC = "org.example.acme.build.finished"
FIELDS = {"happened": "offered", "subject": "{build.name}-{build.version}", "builds": "{builds.*.nvr}", "build_ids": "{ids}"}
BODY = {"result": "ok", "build": {"name": "acme", "version": "1-1", "again": True}, "builds": [{"nvr": "acme-1-1"}], "ids": [7]}


def found(body: object = BODY, match: object = None, topic: str = "acme.build.finished", **fields: str) -> Facts | None:
    """The facts by one description."""
    described = {"topic": topic, "match": match or {}, "fields": FIELDS | fields}
    return parts.facts(TOPIC, body, other={"messages": [described]})


def test_paths_and_texts_become_facts() -> None:
    made = found(again="{build.again}", release="F44", critical_path="{nowhere}", reference="{builds.0.nvr}")
    assert made and (made.subject, made.builds, made.build_ids) == ("acme-1-1", ("acme-1-1",), (7,))
    assert made.again and made.release == "F44" and made.critical_path is None and made.reference == "acme-1-1"


@pytest.mark.parametrize(
    ("match", "fits"),
    [
        ({"result": "ok"}, True),
        ({"result": ["bad", "ok"]}, True),
        ({"result": "bad"}, False),
        ({"build.again": 1}, False),
        ({"build.again": True}, True),
        ({"nowhere.at.all": "ok"}, False),
        ({"ids.0": 7, "result": "bad"}, False),
    ],
)
def test_a_message_counts_only_when_all_its_fields_match(match: dict[str, Any], fits: bool) -> None:
    assert (found(match=match) is not None) is fits


def test_another_topic_is_not_read() -> None:
    assert found(topic="build.started") is None and found(topic="inished") is None


@pytest.mark.parametrize("body", [{}, {"build": {"name": "a b", "version": "1"}}, {**BODY, "builds": [{}]}, {**BODY, "ids": ["x"]}])
def test_what_makes_no_facts_is_malformed(body: dict[str, Any]) -> None:
    with pytest.raises(errors.InvalidRequest):
        found(body)


@pytest.mark.parametrize(
    "wrong",
    [
        {"fields": {"happened": "offered"}},
        {"fields": {**FIELDS, "colour": "x"}},
        {"fields": {**FIELDS, "subject": "{__class__}{"}},
        {"fields": {**FIELDS, "happened": "explode"}},
        {"match": {"a..b": 1}},
        {"match": {"a": 1.5}},
        {"topic": ""},
    ],
)
def test_a_description_that_can_not_work_is_refused_at_the_start(wrong: dict[str, Any]) -> None:
    with pytest.raises(errors.CannotStart, match="other"):
        triggers.Triggers({"other": {"messages": [{"topic": "t", "fields": FIELDS, **wrong}]}})


def test_a_path_reaches_nothing_but_the_body() -> None:
    made = found(user="{build.__class__.__name__}", reference="{builds.append}")
    assert made and made.user is None and made.reference is None


def test_the_documented_description_works() -> None:
    text = (pathlib.Path(__file__).resolve().parents[2] / "docs" / "bots.md").read_text()
    (described,) = (block for block in re.findall(r"```toml\n(.*?)```", text, re.S) if "triggers.other" in block)
    table = tomllib.loads(described)["consumer_config"]["triggers"]["other"]
    body = {"state": "passed", "update": {"alias": parts.ALIAS, "release": "F44", "builds": [{"nvr": "bash-5.3-1.fc44", "id": 7}]}}
    made = parts.facts("org.fedoraproject.prod.acme.gating.decision", body, other=table)
    assert made and made.reference == parts.ALIAS and made.build_ids == (7,)
