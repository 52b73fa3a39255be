# SPDX-License-Identifier: MIT
"""Five hundred recorded messages, shaped by the real schemas, and the facts that they become."""

from __future__ import annotations

import collections
import gzip
import json
import pathlib

import pytest
from fedora_messaging import api

from ondemand import triggers
from ondemand.commands import trigger
from ondemand.facts import Facts, Happening
from tests.tools import bus_messages

COUNTS = {Happening.OFFERED: 154, Happening.SIGNED: 71, Happening.WITHDRAWN: 18, Happening.COMPOSED: 6}


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """The file, as it was recorded."""
    path = tmp_path_factory.mktemp("recording") / "bus_messages.jsonl"
    path.write_bytes(gzip.decompress(bus_messages.MESSAGES.read_bytes()))
    return path


@pytest.fixture(scope="module")
def told(recording: pathlib.Path) -> trigger.Told:
    """What its messages say."""
    return trigger.read(triggers.Triggers({}), recording)


def offered(told: trigger.Told, content: str = "rpm") -> list[Facts]:
    """The facts of offered updates of that content."""
    return [each for each in told.facts.values() if each.happened is Happening.OFFERED and each.content == content]


def test_the_files_are_as_they_would_be_made_now(recording: pathlib.Path) -> None:
    lines, orders = bus_messages.make()
    assert [json.loads(line)["body"] for line in recording.read_text().splitlines()] == [
        json.loads(line)["body"] for line in lines.splitlines()
    ]
    assert json.loads(bus_messages.ORDERS.read_text()) == orders


def test_fedora_messaging_reads_the_file(recording: pathlib.Path) -> None:
    text = recording.read_text()
    assert len(api.loads(text)) == bus_messages.COUNT == len(text.splitlines())


def test_each_message_says_what_it_says(told: trigger.Told) -> None:
    assert collections.Counter(each.happened for each in told.facts.values()) == COUNTS
    assert (told.silent, len(told.malformed)) == (bus_messages.COUNT - sum(COUNTS.values()) - 10, 10)


def test_doubled_messages_have_one_id_and_doubled_content_one_identity(told: trigger.Told) -> None:
    found = list(told.facts.values())
    assert len({each.message_id for each in found}) == len(found) - 10
    assert len({each.identity for each in found if each.happened is Happening.OFFERED}) == 132
    assert len({each.message_id for each in found if each.again}) == 12


def test_the_orders_name_what_the_messages_offer(told: trigger.Told) -> None:
    wanted = collections.Counter((each["subject"], tuple(each["build_ids"])) for each in json.loads(bus_messages.ORDERS.read_text()))
    by_id = {each.message_id: each for each in told.facts.values() if each.happened is Happening.OFFERED}
    assert collections.Counter((each.subject, each.build_ids) for each in by_id.values()) == wanted


def test_flatpaks_and_containers_are_told_apart(told: trigger.Told) -> None:
    assert [len(offered(told, content)) for content in ("rpm", "flatpak", "container")] == [134, 13, 7]


def test_what_is_signed_was_offered_before(told: trigger.Told) -> None:
    builds = {build for each in offered(told) + offered(told, "flatpak") + offered(told, "container") for build in each.builds}
    assert {each.subject for each in told.facts.values() if each.happened is Happening.SIGNED} <= builds
