# SPDX-License-Identifier: MIT
"""Koji's messages: builds of wanted packages, and signatures."""

from __future__ import annotations

from typing import Any

import pytest

from ondemand import errors, references
from ondemand.facts import Facts, Happening
from tests import trigger_parts as parts

STATE = "org.fedoraproject.prod.buildsys.build.state.change"
TAG = "org.fedoraproject.prod.buildsys.tag"
BUILD = {"name": "bash", "version": "5.3", "release": "1.fc44", "build_id": 7, "instance": "primary", "owner": "alice"}


def state(new: object = 1, **fields: object) -> Facts | None:
    """The facts of a change of state, with bash among the wanted packages."""
    return parts.facts(STATE, {**BUILD, "new": new, "request": ["git", "f44-candidate", {}], **fields}, koji={"packages": ["ba*"]})


def tagged(tag: object, **fields: object) -> Facts | None:
    """The facts of a tag."""
    return parts.facts(TAG, {**BUILD, "tag": tag, **fields})


def test_of_all_that_koji_builds_nothing_is_offered_by_default() -> None:
    assert parts.facts(STATE, {**BUILD, "new": 1}) is None


def test_a_complete_build_of_a_wanted_package_is_offered_by_its_nvr() -> None:
    found = state()
    assert found and found.happened is Happening.OFFERED and found.build_ids == (7,)
    assert found.subject == "bash-5.3-1.fc44" and references.parse(found.reference or "").kind == "koji"
    assert found.release == "F44" and found.user == "alice"


def test_without_a_dist_tag_the_target_says_the_release() -> None:
    found = state(release="1")
    assert found and found.release == "f44-candidate"


@pytest.mark.parametrize(("new", "happened"), [(0, None), (2, Happening.WITHDRAWN), (3, Happening.WITHDRAWN), (9, None)])
def test_a_build_that_is_gone_is_withdrawn(new: int, happened: Happening | None) -> None:
    found = state(new)
    assert (found.happened if found else None) is happened


def test_other_packages_and_other_kojis_are_of_no_interest() -> None:
    assert state(name="zsh") is None and state(instance="riscv") is None


def test_a_build_in_the_pending_tag_is_signed() -> None:
    found = tagged("f44-updates-testing-pending")
    assert found and found.happened is Happening.SIGNED and found.release == "f44-updates-testing-pending"
    assert found.subject == "bash-5.3-1.fc44" and found.build_ids == (7,)


@pytest.mark.parametrize("tag", ["f44-updates-candidate", "f44-updates-testing", None, "x f44"])
def test_other_tags_say_nothing(tag: object) -> None:
    assert tagged(tag) is None


@pytest.mark.parametrize("body", [{}, {**BUILD, "tag": 5}, {**BUILD, "tag": "x", "build_id": True}, {**BUILD, "name": ""}])
def test_fields_that_kojis_schema_does_not_demand_are_checked(body: dict[str, Any]) -> None:
    with pytest.raises(errors.InvalidRequest, match="malformed"):
        parts.facts(TAG, body)


def test_that_a_build_was_untagged_is_not_read() -> None:
    assert parts.facts("org.fedoraproject.prod.buildsys.untag", {}) is None
