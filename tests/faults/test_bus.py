# SPDX-License-Identifier: MIT
"""The broker is away for minutes, and every queue has its consumer back soon after."""

from __future__ import annotations

import contextlib
import pathlib
import time

import pytest

from ondemand_web import private_broker, supervisor
from tests import command_parts, service_parts
from tests import trigger_parts as parts

pytestmark = pytest.mark.slow
OUTAGE = 300.0
BACK = 60.0
QUEUES = ("test.doorbell", "ondemand.trigger")


def doorbell(folder: pathlib.Path, broker: private_broker.PrivateBroker) -> service_parts.Process:
    """A doorbell with a durable queue, not yet started."""
    conf = folder / "doorbell.toml"
    conf.write_text(supervisor.bus_configuration(broker.url, QUEUES[0], folder / "bell"))
    argv = (service_parts.FEDORA_MESSAGING, "--conf", str(conf), "consume", "--callback=ondemand_consumer.doorbell:Consumer")
    return service_parts.Process(argv, folder / "doorbell.log", command_parts.environment())


def test_after_five_minutes_without_a_broker_each_queue_has_its_consumer_back(tmp_path: pathlib.Path) -> None:
    if not private_broker.installed():
        pytest.skip("needs rabbitmq-server")
    with contextlib.ExitStack() as stack:
        broker = private_broker.PrivateBroker(tmp_path / "rabbitmq")
        broker.start()
        stack.callback(broker.stop)
        master = stack.enter_context(parts.serving())
        trigger = parts.process(parts.configuration(tmp_path, broker.url, master.url))
        processes = [service_parts.started(stack, each) for each in (doorbell(tmp_path, broker), trigger)]
        bus = parts.RawBus(broker.url)
        assert service_parts.soon(lambda: all("Successfully registered" in each.output for each in processes), 60), trigger.output
        pids = [process.pid for process in processes]
        broker.kill()
        time.sleep(OUTAGE)
        broker.start()
        begun = time.monotonic()
        assert service_parts.soon(lambda: all(parts.listened(bus, queue) for queue in QUEUES), BACK, 0.5), trigger.output
        print(f"every consumer is back after {time.monotonic() - begun:.1f} s")
        bus.publish(parts.ready(), message_id="after")
        assert service_parts.soon(lambda: "after" in master.wishes), trigger.output
        assert [process.pid for process in processes] == pids
