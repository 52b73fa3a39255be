# SPDX-License-Identifier: MIT
"""The broker, the database and the dispatcher end while people go on asking, and nothing is lost, doubled or gapped."""

from __future__ import annotations

import random
import time

import pytest

from tests import outage_parts as parts
from tests import trigger_parts
from tests import truth_parts as truth
from tests.service_parts import soon

pytestmark = pytest.mark.slow


def test_a_broker_that_is_killed_while_it_is_told_loses_nothing(hurt: parts.Service) -> None:
    with parts.Asking(hurt, 24, 0.1) as asking:
        for _ in range(2):
            assert soon(lambda: parts.messages(hurt, "waiting") > 0, pause=0.002)
            hurt.broker.kill()
            hurt.broker.start()
            time.sleep(1)
        truth.succeeded(hurt, asking.ids())


@pytest.mark.parametrize("how", ["kill", "stop"])
def test_a_database_that_comes_back_has_lost_nothing_and_nobody_has_to_be_started_anew(hurt: parts.Service, how: str) -> None:
    pids = [each.pid for each in (hurt.web, hurt.dispatcher, *hurt.builders.values())]
    with parts.Asking(hurt, 12) as asking:
        time.sleep(2)
        getattr(hurt.postgres, how)()
        time.sleep(1)
        hurt.postgres.start()
        truth.succeeded(hurt, asking.ids())
    assert [each.pid for each in (hurt.web, hurt.dispatcher, *hurt.builders.values())] == pids


def test_a_dispatcher_that_is_killed_again_and_again_leaves_nothing_half_done(hurt: parts.Service) -> None:
    chance = random.Random(5)
    with parts.Asking(hurt, 24, 0.1) as asking:
        for _ in range(2):
            more = parts.messages(hurt, "delivered") + chance.randrange(5, 25)
            assert soon(lambda more=more: parts.messages(hurt, "delivered") >= more, 60, 0.002), hurt.dispatcher.output  # type: ignore[misc]
            hurt.dispatcher.kill()
            hurt.dispatcher.start()
        truth.succeeded(hurt, asking.ids())


def test_a_dispatcher_that_is_killed_between_commit_and_publish_has_its_messages_told_by_the_next(hurt: parts.Service) -> None:
    with parts.frozen(hurt.dispatcher), parts.Asking(hurt, 8, 0.05) as asking:
        ids = asking.ids()
        assert parts.messages(hurt, "waiting") >= len(ids)
        hurt.dispatcher.kill()
    hurt.dispatcher.start()
    truth.succeeded(hurt, ids)


def test_a_broker_that_is_killed_while_the_trigger_hands_a_message_over_makes_one_wish_of_it(hurt: parts.Service) -> None:
    bus = trigger_parts.RawBus(hurt.broker.url)
    with hurt.trigger("trigger") as trigger:
        with parts.frozen(hurt.web):
            bus.publish(trigger_parts.ready(), message_id="in-a-callback")
            assert soon(lambda: bus.count("ondemand.trigger") == 0)
            hurt.broker.kill()
            hurt.broker.start()
        assert soon(lambda: trigger_parts.listened(bus, "ondemand.trigger"), 60) and trigger.pid, trigger.output
        assert soon(lambda: "is known already" in trigger.output), trigger.output
    assert [wish.facts.message_id for wish in hurt.client.wishes()].count("in-a-callback") == 1
    assert bus.count("ondemand.trigger") == 0
    truth.check(hurt)
