# SPDX-License-Identifier: MIT
"""The trigger as `fedora-messaging consume` runs it: a real RabbitMQ, real processes; the master of wishes is a fake."""

from __future__ import annotations

import contextlib
import json
import pathlib
import signal
import time
from collections.abc import Iterator
from typing import Any

import pytest

from ondemand_web import private_broker
from tests import command_parts, service_parts
from tests import trigger_parts as parts

QUEUE = "ondemand.trigger"


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[private_broker.PrivateBroker]:
    if not private_broker.installed():
        pytest.skip("needs rabbitmq-server")
    made = private_broker.PrivateBroker(tmp_path_factory.mktemp("rabbitmq"))
    made.start()
    yield made
    made.stop()


class Line:
    """The trigger between a broker and a master."""

    def __init__(self, folder: pathlib.Path, broker: private_broker.PrivateBroker, master: Any, stack: contextlib.ExitStack) -> None:
        self.broker, self.master, self.stack = broker, master, stack
        self.conf = parts.configuration(folder, broker.url, master.url, patience=2)
        self.bus = parts.RawBus(broker.url)
        self.process = self.start()

    def start(self, name: str = "trigger") -> service_parts.Process:
        """One more process of the trigger."""
        process = parts.process(self.conf, name)
        service_parts.started(self.stack, process)
        assert service_parts.soon(lambda: "Successfully registered" in process.output, 60), process.output
        return process

    def ondemand(self, *words: str) -> Any:
        """What a command of the operator prints as JSON."""
        done = command_parts.run("trigger", *words, "--conf", str(self.conf), "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)


@pytest.fixture
def line(tmp_path: pathlib.Path, broker: private_broker.PrivateBroker) -> Iterator[Line]:
    with contextlib.ExitStack() as stack:
        made = Line(tmp_path, broker, stack.enter_context(parts.serving()), stack)
        yield made
        made.process.stop()
        made.bus.purge(QUEUE, parts.PARKED)


def test_a_message_becomes_a_wish_and_is_acknowledged(line: Line) -> None:
    line.bus.publish(parts.ready(), message_id="first")
    assert service_parts.soon(lambda: list(line.master.wishes) == ["first"]), line.process.output
    assert line.master.wishes["first"]["topic"] == parts.READY
    assert service_parts.soon(lambda: line.bus.count(QUEUE) == 0)
    assert parts.TOKEN not in line.process.output


def test_a_message_waits_in_the_queue_for_a_master_that_is_away(line: Line) -> None:
    line.master.away = True
    line.bus.publish(parts.ready(), message_id="waits")
    assert service_parts.soon(lambda: "Returning message id waits to the queue" in line.process.output), line.process.output
    line.master.away = False
    assert service_parts.soon(lambda: list(line.master.wishes) == ["waits"]), line.process.output
    assert service_parts.soon(lambda: line.bus.count(QUEUE) == 0)


def test_what_can_not_be_handled_is_parked_and_can_be_handled_later(line: Line) -> None:
    line.master.unknown.add(parts.ALIAS)
    line.bus.publish(parts.ready(), message_id="refused")
    line.bus.publish({"update": 5}, message_id="malformed")
    assert service_parts.soon(lambda: line.bus.count(parts.PARKED) == 2), line.process.output
    shown = line.ondemand("parked")
    assert [(each["message_id"], each["topic"]) for each in shown] == [("refused", parts.READY), ("malformed", parts.READY)]
    line.master.unknown.clear()
    outcomes = {each["message_id"]: each["outcome"] for each in line.ondemand("unpark")}
    assert outcomes["refused"] == "handed over" and "malformed" in outcomes["malformed"]
    assert list(line.master.wishes) == ["refused"] and service_parts.soon(lambda: line.bus.count(parts.PARKED) == 1)


def test_a_parked_queue_that_was_removed_is_made_anew_before_a_message_is_dropped(line: Line) -> None:
    line.bus.remove(parts.PARKED)
    line.bus.publish({"update": 5}, message_id="malformed")
    assert service_parts.soon(lambda: line.bus.count(QUEUE) == 0 and parts.there(line.bus, parts.PARKED)), line.process.output
    assert service_parts.soon(lambda: line.bus.count(parts.PARKED) == 1), line.process.output


def test_a_refused_message_hides_none_behind_it_and_can_be_thrown_away(line: Line) -> None:
    for message_id, body in (("malformed", {"update": 5}), ("first", parts.ready()), ("second", parts.ready("FEDORA-2026-2"))):
        line.master.unknown.update({parts.ALIAS, "FEDORA-2026-2"})
        line.bus.publish(body, message_id=message_id)
    assert service_parts.soon(lambda: line.bus.count(parts.PARKED) == 3), line.process.output
    line.master.unknown.clear()
    assert [each["message_id"] for each in line.ondemand("unpark", "--limit", "1")] == ["malformed", "first"]
    assert [each["message_id"] for each in line.ondemand("unpark", "--drop", "malformed")] == ["malformed"]
    assert [each["message_id"] for each in line.ondemand("parked")] == ["second"]
    done = command_parts.run("trigger", "unpark", "--drop", "malformed", "--conf", str(line.conf))
    assert done.returncode == 3 and done.stderr.startswith("ondemand: No message malformed is parked")


def test_what_was_parked_stays_when_the_master_is_away(line: Line) -> None:
    line.master.unknown.add(parts.ALIAS)
    line.bus.publish(parts.ready())
    assert service_parts.soon(lambda: line.bus.count(parts.PARKED) == 1), line.process.output
    line.master.away = True
    done = command_parts.run("trigger", "unpark", "--conf", str(line.conf))
    assert done.returncode == 40 and "database is away" in done.stderr
    assert service_parts.soon(lambda: line.bus.count(parts.PARKED) == 1)


def test_an_order_is_handed_over_and_one_that_is_refused_is_parked_until_it_is_understood(line: Line) -> None:
    line.process.stop()
    parts.with_orders(line.conf)
    process = line.start("ordering")
    line.master.unknown.add("newer")
    for bot in ("acme", "newer"):
        line.bus.publish(parts.wish(bot=bot), parts.WISH, f"order-of-{bot}")
    assert service_parts.soon(lambda: line.bus.count(parts.PARKED) == 1), process.output
    assert list(line.master.orders) == ["order-of-acme"]
    assert [each["outcome"] for each in line.ondemand("parked")] == ["the order of bot newer"]
    line.master.unknown.clear()
    assert [each["outcome"] for each in line.ondemand("unpark")] == ["handed over"]
    assert list(line.master.orders) == ["order-of-acme", "order-of-newer"] and process.stop() == 0


@pytest.mark.parametrize(
    ("body", "properties"),
    [
        (b"\xff\xfe no text", {}),
        (b'{"a":' * 50_000, {}),
        (b"[1, 2]", {}),
        (b"{}", {"content_encoding": "klingon"}),
        (b"{}", {"headers": {"fedora_messaging_schema": ["x"]}}),
        (b"{}", {"headers": {"fedora_messaging_severity": "worst"}}),
    ],
)
def test_what_is_no_message_is_parked_and_the_process_goes_on(line: Line, body: bytes, properties: dict[str, Any]) -> None:
    pid = line.process.pid
    line.bus.publish(body, message_id="", **properties)
    line.bus.publish(parts.ready(), message_id="next")
    assert service_parts.soon(lambda: list(line.master.wishes) == ["next"]), line.process.output
    assert service_parts.soon(lambda: line.bus.count(parts.PARKED) == 1) and line.process.pid == pid
    (shown,) = line.ondemand("parked")
    assert shown["topic"] == parts.READY and shown["stays"]


def test_a_stop_while_it_waits_gives_the_message_back_within_seconds(line: Line) -> None:
    line.process.stop()
    line.conf.write_text(line.conf.read_text().replace("patience = 2", "patience = 600"))
    line.master.away = True
    process = line.start("patient")
    line.bus.publish(parts.ready())
    assert service_parts.soon(lambda: "not handed over yet" in process.output), process.output
    begun = time.monotonic()
    assert process.stop() == 0, process.output
    assert time.monotonic() - begun < 8 and line.bus.count(QUEUE) == 1


def test_several_processes_share_the_queue(line: Line) -> None:
    line.start("second")
    names = {f"message-{number}" for number in range(30)}
    for name in names:
        line.bus.publish(parts.ready(), message_id=name)
    assert service_parts.soon(lambda: set(line.master.wishes) == names), line.process.output
    assert line.master.calls == len(names)


def test_after_a_crash_of_the_broker_it_listens_again(line: Line) -> None:
    line.broker.kill()
    time.sleep(3)
    line.broker.start()
    assert service_parts.soon(lambda: line.bus.consumers(QUEUE) == 1, 60), line.process.output
    line.bus.publish(parts.ready(), message_id="after")
    assert service_parts.soon(lambda: "after" in line.master.wishes), line.process.output


def test_a_trigger_that_can_not_work_says_why_and_ends(line: Line) -> None:
    line.conf.with_name("token").unlink()
    process = parts.process(line.conf, "tokenless")
    service_parts.started(line.stack, process)
    assert service_parts.soon(lambda: not process.pid) and process.stop() not in (0, -signal.SIGTERM)
    assert "The token of the trigger can't be read" in process.output
