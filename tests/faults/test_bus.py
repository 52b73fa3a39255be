# SPDX-License-Identifier: MIT
"""The broker is away for minutes: work goes on by polling, and soon after it is back everybody listens and all is told."""

from __future__ import annotations

import time

import pytest

from ondemand.states import State
from tests import outage_parts as parts
from tests import trigger_parts
from tests import truth_parts as truth
from tests.service_parts import soon

pytestmark = pytest.mark.slow
OUTAGE = 300.0
BACK = 60.0
QUEUES = ("test.doorbell", "ondemand.trigger")


def built(service: parts.Service, ids: list[int]) -> bool:
    """Whether each of these builds has its image."""
    return all(service.client.build(build_id).state is State.SUCCEEDED for build_id in ids)


def back(service: parts.Service, bus: trigger_parts.RawBus) -> bool:
    """Whether every queue has its consumer and the bus has all that waited for it."""
    return all(trigger_parts.listened(bus, queue) for queue in QUEUES) and not parts.messages(service, "waiting")


def test_five_minutes_without_a_broker_hold_up_no_build_end_no_process_and_lose_no_message(hurt: parts.Service) -> None:
    bus = trigger_parts.RawBus(hurt.broker.url)
    with hurt.trigger("outlasting-trigger") as trigger:
        processes = (hurt.web, hurt.dispatcher, hurt.doorbell, trigger, *hurt.builders.values())
        pids = [each.pid for each in processes]
        hurt.broker.kill()
        begun = time.monotonic()
        with parts.Asking(hurt, 12) as asking:
            ids = asking.ids()
        assert soon(lambda: built(hurt, ids), parts.SETTLED, 0.5), hurt.dispatcher.output
        assert parts.messages(hurt, "waiting") >= len(ids)
        time.sleep(max(0.0, begun + OUTAGE - time.monotonic()))
        hurt.broker.start()
        begun = time.monotonic()
        assert soon(lambda: back(hurt, bus), BACK, 0.5), "\n".join(each.output[-2000:] for each in processes)
        print(f"every consumer and the publisher are back after {time.monotonic() - begun:.1f} s")
        truth.succeeded(hurt, ids)
        bus.publish(trigger_parts.ready(), message_id="after-the-outage")
        assert soon(lambda: "after-the-outage" in [wish.facts.message_id for wish in hurt.client.wishes()]), trigger.output
        assert [each.pid for each in processes] == pids
    truth.check(hurt)
