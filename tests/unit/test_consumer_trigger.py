# SPDX-License-Identifier: MIT
"""The trigger's callback ends in three ways only, whatever a message holds and whatever its master does."""

from __future__ import annotations

import inspect
import logging
import threading
import time
from collections.abc import Iterator
from typing import Any

import hypothesis
import pytest
from fedora_messaging import config, exceptions
from hypothesis import strategies

from ondemand import errors, parked
from ondemand_consumer import trigger
from tests import trigger_parts as parts

TOPICS = [
    parts.READY,
    "x.buildsys.tag",
    "x.buildsys.build.state.change",
    "x.bodhi.update.eject",
    "x.pungi.compose.status.change",
    "acme.done",
    "x.ondemand.build.wish",
    "a\x00b",
    "",
]
FIELDS = ["bot", "request", "update", "artifact", "builds", "alias", "nvr", "id", "release", "name", "tag", "build_id", "status", "\x00"]
NAMES = strategies.sampled_from(FIELDS)
LEAVES = strategies.none() | strategies.booleans() | strategies.integers() | strategies.floats() | strategies.text() | strategies.binary()
HOSTILE = strategies.recursive(
    LEAVES, lambda inner: strategies.lists(inner) | strategies.dictionaries(NAMES | strategies.text(), inner), max_leaves=30
)


def nested(depth: int) -> dict[str, Any]:
    """A body that is too deep for most that walk it."""
    body: dict[str, Any] = {}
    for _ in range(depth):
        body = {"update": [body]}
    return body


@pytest.fixture
def master() -> Iterator[Any]:
    with parts.serving() as server:
        yield server


@pytest.fixture
def consumer(monkeypatch: pytest.MonkeyPatch, master: Any) -> trigger.Consumer:
    """A patient consumer whose parked queue is there."""
    made = parts.consumer(monkeypatch, master.url, patience=1.2, triggers={"koji": {"packages": ["*"]}})
    monkeypatch.setattr(made._parked, "make", lambda: None)
    return made


@pytest.fixture
def ordering(monkeypatch: pytest.MonkeyPatch, master: Any) -> trigger.Consumer:
    """The same where bots may order."""
    made = parts.consumer(monkeypatch, master.url, patience=1.2, orders=True, triggers={"koji": {"packages": ["*"]}})
    monkeypatch.setattr(made._parked, "make", lambda: None)
    return made


def ending(consumer: trigger.Consumer, message: Any) -> str:
    """How the callback ended; anything but the three ways goes through."""
    try:
        consumer(message)
    except (exceptions.Nack, exceptions.Drop) as way:
        return type(way).__name__
    return "return"


def test_the_callback_is_short() -> None:
    assert len(inspect.getsource(trigger.Consumer.__call__).splitlines()) <= 40


def test_facts_are_handed_over_once_for_a_message_that_comes_twice(consumer: trigger.Consumer, master: Any) -> None:
    assert [ending(consumer, parts.message(parts.ready())) for _ in range(2)] == ["return", "return"]
    assert master.calls == 2 and list(master.wishes) == ["m-1"]
    assert master.wishes["m-1"]["subject"] == parts.ALIAS


def test_what_is_of_no_interest_asks_nobody(consumer: trigger.Consumer, master: Any) -> None:
    assert ending(consumer, parts.message({}, "org.fedoraproject.prod.buildsys.untag")) == "return"
    assert master.calls == 0


def test_an_order_is_of_no_interest_unless_the_operator_wants_orders(consumer: trigger.Consumer, master: Any) -> None:
    assert ending(consumer, parts.message(parts.wish(), parts.WISH)) == "return"
    assert master.calls == 0


def test_an_order_is_handed_over_with_its_messages_id(ordering: trigger.Consumer, master: Any) -> None:
    assert [ending(ordering, parts.message(parts.wish(), parts.WISH)) for _ in range(2)] == ["return", "return"]
    assert master.orders == {"m-1": {"message_id": "m-1", "mac": None, **parts.wish()}} and not master.wishes


@pytest.mark.parametrize(
    "body", [[], {}, parts.wish(bot=5), parts.wish(request="f44"), parts.wish(request={"a": float("inf")}), parts.wish(request=nested(99))]
)
def test_an_order_that_can_not_be_read_is_parked(ordering: trigger.Consumer, master: Any, body: Any) -> None:
    assert ending(ordering, parts.message(body, parts.WISH)) == "Drop" and master.calls == 0


def test_an_order_waits_for_a_master_that_is_away_and_then_goes_back(ordering: trigger.Consumer, master: Any) -> None:
    master.away = True
    assert ending(ordering, parts.message(parts.wish(), parts.WISH)) == "Nack" and master.calls == 2


def test_a_malformed_message_is_parked_with_its_reason(consumer: trigger.Consumer, caplog: pytest.LogCaptureFixture) -> None:
    assert ending(consumer, parts.message({"update": 1})) == "Drop"
    assert "m-1" in caplog.text and "update" in caplog.text


def test_a_message_that_the_master_refuses_is_parked(consumer: trigger.Consumer, master: Any) -> None:
    master.unknown.add(parts.ALIAS)
    assert ending(consumer, parts.message(parts.ready())) == "Drop" and master.calls == 1


@pytest.mark.parametrize("wrong", [{"away": True}, {"token": "another"}, {"page": 200}, {"page": 302}, {"page": 404}])
def test_a_master_that_does_not_take_it_is_waited_for_and_then_it_goes_back(
    consumer: trigger.Consumer, master: Any, wrong: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    vars(master).update(wrong)
    begun = time.monotonic()
    assert ending(consumer, parts.message(parts.ready())) == "Nack"
    assert time.monotonic() - begun < 4 and master.calls == 2 and not master.wishes
    assert "not handed over yet" in caplog.text and parts.TOKEN not in caplog.text


BREAKING = [(500, {"code": "service-error", "detail": "It broke."}), (503, {"code": "of-tomorrow", "detail": "It broke."})]


@pytest.mark.parametrize("answer", BREAKING)
def test_a_message_that_breaks_a_master_which_works_for_others_is_parked_the_second_time(
    consumer: trigger.Consumer, master: Any, answer: tuple[int, Any], caplog: pytest.LogCaptureFixture
) -> None:
    master.breaking[parts.ALIAS] = answer
    assert [ending(consumer, parts.message(parts.ready())) for _ in range(2)] == ["Nack", "Drop"]
    assert "It broke." in caplog.text
    assert ending(consumer, parts.message(parts.ready("FEDORA-2026-1"), message_id="m-2")) == "return"


def test_a_message_that_a_master_which_works_for_others_never_answers_is_parked_the_second_time(
    consumer: trigger.Consumer, master: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(trigger, "CALL", 0.5)
    master.hanging.add(parts.ALIAS)
    assert [ending(consumer, parts.message(parts.ready())) for _ in range(2)] == ["Nack", "Drop"]
    assert "does not answer it within" in caplog.text
    assert ending(consumer, parts.message(parts.ready("FEDORA-2026-1"), message_id="m-2")) == "return"


@pytest.mark.parametrize(("known", "parked"), [(trigger.KNOWN, "Nack"), (-1.0, "Drop")])
def test_a_master_that_takes_nothing_parks_nothing_and_only_what_it_surely_knows_is_offered_again(
    consumer: trigger.Consumer, master: Any, monkeypatch: pytest.MonkeyPatch, known: float, parked: str
) -> None:
    assert ending(consumer, parts.message(parts.ready("FEDORA-2026-1"), message_id="m-2")) == "return"
    monkeypatch.setattr(trigger, "CALL", 0.5)
    monkeypatch.setattr(trigger, "KNOWN", known)
    master.hanging |= {parts.ALIAS, "FEDORA-2026-1"}
    assert [ending(consumer, parts.message(parts.ready())) for _ in range(2)] == ["Nack", parked]


@pytest.mark.parametrize("wrong", [{"away": True}, {"token": "another"}, {"page": 404}])
def test_no_message_is_parked_while_the_master_works_for_nobody(consumer: trigger.Consumer, master: Any, wrong: dict[str, Any]) -> None:
    vars(master).update(wrong)
    assert [ending(consumer, parts.message(parts.ready())) for _ in range(3)] == ["Nack"] * 3


def test_a_master_that_comes_back_gets_the_message(consumer: trigger.Consumer, master: Any) -> None:
    master.away = True
    back = threading.Timer(0.5, setattr, (master, "away", False))
    back.start()
    assert ending(consumer, parts.message(parts.ready())) == "return"
    assert list(master.wishes) == ["m-1"] and master.calls == 2
    back.join()


def test_a_stop_ends_the_waiting_at_once(consumer: trigger.Consumer, master: Any) -> None:
    master.away = True
    consumer._stopping.set()
    begun = time.monotonic()
    assert ending(consumer, parts.message(parts.ready())) == "Nack"
    assert time.monotonic() - begun < 1


def test_a_message_that_no_queue_would_take_goes_back_instead(
    monkeypatch: pytest.MonkeyPatch, master: Any, caplog: pytest.LogCaptureFixture
) -> None:
    made = parts.consumer(monkeypatch, master.url)
    made._stopping.set()
    assert ending(made, parts.message({})) == "Nack" and "can't be parked" in caplog.text


@hypothesis.given(topic=strategies.sampled_from(TOPICS), body=HOSTILE, message_id=LEAVES)
@hypothesis.settings(suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture], max_examples=300)
def test_no_body_makes_it_end_in_another_way(ordering: trigger.Consumer, topic: str, body: Any, message_id: Any) -> None:
    logging.disable(logging.CRITICAL)
    try:
        message = parts.message(body, topic)
        message.id = message_id
        assert ending(ordering, message) in ("return", "Drop")
    finally:
        logging.disable(logging.NOTSET)


@pytest.mark.parametrize(
    "body",
    [nested(100_000), {"update": "x" * 10_000_000}, {"artifact": {"builds": [{"id": 1}] * 200_000}}, {"update": {"alias": "\ud800"}}],
)
@pytest.mark.parametrize("message_id", ["m-1", None])
def test_a_huge_or_deep_body_is_parked(consumer: trigger.Consumer, body: Any, message_id: Any) -> None:
    message = parts.message(body)
    message.id = message_id
    assert ending(consumer, message) == "Drop"


def test_what_is_no_message_at_all_is_parked(consumer: trigger.Consumer) -> None:
    assert ending(consumer, object()) == "Drop"


@pytest.mark.parametrize("table", [{}, {"master": "http://x", "token_file": "/nonexistent"}, {"master": "x"}, {"mister": "x"}])
def test_a_consumer_that_could_never_work_does_not_start(table: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(config.conf, "consumer_config", table)
    with pytest.raises(errors.CannotStart):
        trigger.Consumer()


def test_a_queue_without_its_dead_letter_queue_is_refused_at_the_start(monkeypatch: pytest.MonkeyPatch, master: Any) -> None:
    parts.consumer(monkeypatch, master.url)
    monkeypatch.setitem(config.conf, "queues", {"ondemand.trigger": {"arguments": {"x-dead-letter-exchange": "elsewhere"}}})
    with pytest.raises(errors.CannotStart, match=r"lost from queue «ondemand\.trigger»"):
        trigger.Consumer()


def test_a_broker_that_is_away_is_an_error_that_says_so() -> None:
    conf = {"amqp_url": "amqp://127.0.0.1:9", "tls": {}, "passive_declares": False}
    with pytest.raises(errors.ServiceError, match="broker"):
        parked.ParkedQueue(conf, "q").make()
