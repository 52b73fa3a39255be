# SPDX-License-Identifier: MIT
"""Builds that begin and do not end well: the page says why, nothing is left on the node."""

from __future__ import annotations

import html
import pathlib

import requests

from ondemand.states import Outcome, State, Step
from tests import service_parts as parts

KICKSTART = "lang C.UTF-8\nkeyboard us\ntimezone UTC\nrootpw --lock\n%packages\n@core\n@live\n%end\n"


def test_a_tool_that_fails_half_way_is_shown_by_its_failing_line(service: parts.Running) -> None:
    script = "%post\necho error: the oven is cold >&2\nexit 3\n%end\n"
    record = service.ended(service.submit(release="demo", kickstart=KICKSTART + script))
    assert record.state is State.FAILED and record.error is not None
    assert record.error.code == "tool-failed" and len(record.attempts) == 1
    assert record.error.sentence.startswith("kiwi-ng failed: a script") and "config.sh" in record.error.sentence
    page = requests.get(record.page, headers={"Accept": "text/html"}, timeout=30).text
    assert record.error.sentence in html.unescape(page) and "Traceback" not in page
    assert b"the oven is cold" in service.client.log(record.id, Step.BUILD)[0]


def test_a_cancel_ends_a_running_build_at_once_and_its_tool_soon(service: parts.Running) -> None:
    build_id = service.submit(**parts.wanted())
    at = service.at(build_id, Step.BUILD, b"kiwi")
    assert service.client.cancel(build_id).state is State.CANCELED
    name = at.attempt.builder if at.attempt else ""
    assert parts.soon(lambda: [item.outcome for item in service.client.build(build_id).attempts] == [Outcome.CANCELED])
    node = next(node for node in service.nodes if node.name == name)
    assert parts.soon(lambda: not parts.left_over(node)), parts.left_over(node)


def test_too_little_disk_is_said_before_anything_starts(distribution: pathlib.Path, tmp_path: pathlib.Path) -> None:
    reserve = str(2**60)
    with parts.running(tmp_path, distribution, nodes=()) as service:
        service.add_node("full", ONDEMAND_BUILDER__DISK_RESERVE=reserve)
        build_id = service.submit(release="demo")
        assert parts.soon(lambda: "of disk" in (service.client.build(build_id).waiting or ""), 60)
        record = service.client.build(build_id)
        assert record.state is State.QUEUED and "builder full" in str(record.waiting) and not record.attempts
