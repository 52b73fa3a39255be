# SPDX-License-Identifier: MIT
"""Ten thousand messages at once, doubled and out of order, malformed ones among them: nothing stops, floods or is lost."""

from __future__ import annotations

import datetime
import json
import random
from typing import Any

import pytest

from ondemand.wishes import DecisionState
from tests import outage_parts as parts
from tests import trigger_parts
from tests import truth_parts as truth
from tests.service_parts import soon

pytestmark = pytest.mark.slow
COUNT = 10_000
DOORBELL, TRIGGER = "test.doorbell", "ondemand.trigger"
UPDATES, EDITS = 250, 4
CAP = 4
NOT_MESSAGES: list[tuple[bytes, dict[str, Any]]] = [
    (b"", {}),
    (b"\xff\xfe no text", {}),
    (b'{"a":' * 50_000, {}),
    (b"[1, 2]", {}),
    (b"null", {}),
    (b'{"build": "' + b"x" * 4_000_000 + b'"}', {}),
    (b"{}", {"content_encoding": "klingon"}),
    (b"{}", {"content_type": "application/x-tar", "message_id": "\x00\n" * 50}),
    (b"{}", {"headers": {"fedora_messaging_schema": ["x"]}}),
    (b"{}", {"headers": {"fedora_messaging_schema": "ondemand.build.requested.v1"}}),
    (b"{}", {"headers": {"fedora_messaging_severity": "worst"}}),
    (b'{"build": {"id": -1}}', {"headers": {"fedora_messaging_schema": "ondemand.build.requested", "sent-at": "never"}}),
]
"""Bodies and properties of what a bus may carry and nobody should have sent."""


def requested(number: int) -> parts.Carried:
    """The news that a build is requested, which may be forged: it wakes, and says nothing that is believed."""
    return parts.Carried(body=json.dumps({"build": {"id": number}}).encode(), message_id=f"forged-{number}")


def test_a_doorbell_rings_through_whatever_the_bus_carries(hurt: parts.Service) -> None:
    bus, pid = trigger_parts.RawBus(hurt.broker.url), hurt.doorbell.pid
    flood = [requested(number // 2) for number in range(COUNT)]
    flood += [parts.Carried(body=body, properties=more) for body, more in NOT_MESSAGES]
    random.Random(1).shuffle(flood)
    with parts.Asking(hurt, 8) as asking:
        parts.publish(hurt, "", DOORBELL, flood)
        assert soon(lambda: bus.count(DOORBELL) == 0, 90), hurt.doorbell.output[-2000:]
        truth.succeeded(hurt, asking.ids())
    assert hurt.doorbell.pid == pid and trigger_parts.listened(bus, DOORBELL)
    assert all(len(hurt.client.build(build_id).attempts) == 1 for build_id in asking.ids())


def edited(number: int, edit: int, begun: datetime.datetime) -> parts.Carried:
    """The message about an edit of an update; a later one has another build."""
    alias, nvr = f"FEDORA-2026-{number:010x}", f"tool{number}-{edit + 1}-1.fc44"
    body = trigger_parts.ready(alias)
    body["update"]["builds"] = [{"nvr": nvr}]
    body["artifact"]["builds"] = [{"type": "koji-build", "id": 10 * number + edit + 1, "task_id": None, "nvr": nvr}]
    sent = begun - datetime.timedelta(minutes=UPDATES * EDITS - (number * EDITS + edit))
    headers = {"sent-at": sent.isoformat()}
    return parts.Carried(body=json.dumps(body).encode(), message_id=f"edit-{number}-{edit}", headers=headers)


def reasons(service: parts.Service) -> set[str]:
    """Why the newest messages that wait do so."""
    waiting = service.client.wishes(state=DecisionState.WAITING)
    return {each.reason for wish in waiting for each in wish.decisions if each.state is DecisionState.WAITING}


def test_a_trigger_that_wakes_to_ten_thousand_messages_orders_the_newest_up_to_its_cap(hurt: parts.Service) -> None:
    bus, begun = trigger_parts.RawBus(hurt.broker.url), datetime.datetime.now(datetime.UTC)
    before = {build.id for build in hurt.client.builds(limit=200) if build.owner == "trigger"}
    hurt.client.pause_rule("updates")
    (rule,) = hurt.client.rules()
    # Of this hour's orders other tests on the same service may have had some.
    left = CAP - sum(rule.ordered.values())
    assert left > 0
    distinct = [edited(number, edit, begun) for number in range(UPDATES) for edit in range(EDITS)]
    flood = distinct * (COUNT // len(distinct)) + [parts.Carried(body=b"[]", message_id="")] * 10
    random.Random(2).shuffle(flood)
    with hurt.trigger("first"), hurt.trigger("second"):
        parts.publish(hurt, "amq.topic", trigger_parts.READY, flood)
        assert soon(lambda: bus.count(TRIGGER) == 0, 400, 0.5)
    assert bus.count(trigger_parts.PARKED) == 10
    hurt.client.resume_rule("updates")
    assert soon(lambda: hurt.client.rules()[0].waiting == UPDATES - left, 60, 0.5), hurt.client.rules()
    truth.check(hurt)
    ordered = [build for build in hurt.client.builds(limit=200) if build.owner == "trigger" and build.id not in before]
    newest = {f"FEDORA-2026-{number:010x}" for number in range(UPDATES - left, UPDATES)}
    assert {reference for build in ordered for reference in build.request.builds} == newest and len(ordered) == left
    assert soon(lambda: not {reason for reason in reasons(hurt) if "4 an hour" not in reason}), reasons(hurt)
