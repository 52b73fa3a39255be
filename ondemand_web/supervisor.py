# SPDX-License-Identifier: MIT
"""Runs the whole service on one machine as child processes and keeps them running. No part of it is in this process."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import logging
import os
import pathlib
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping

import requests

from ondemand import errors, settings
from ondemand_web import lifeline, starting
from ondemand_web.people import services as people
from ondemand_web.private_broker import PrivateBroker, installed

log = logging.getLogger(__name__)
STOP_TIMEOUT = 20.0
READY_TIMEOUT = 60.0
DELAYS = (0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
"""Seconds until a child that ended by itself is started again; the last one repeats."""


@dataclasses.dataclass(kw_only=True)
class Child:
    """A process that should always run."""

    name: str
    argv: tuple[str, ...]
    environment: Mapping[str, str] = dataclasses.field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None
    ended: int = 0
    due: float = 0.0


class Supervisor:
    """Starts children, starts them again when they end, and ends them all in the reverse order."""

    def __init__(self, folder: pathlib.Path) -> None:
        """`folder` gets a log file per child."""
        self._folder = folder
        self._children: list[Child] = []
        folder.mkdir(parents=True, exist_ok=True)

    def add(self, child: Child) -> None:
        """Starts a child and keeps it."""
        self._children.append(child)
        self._start(child)

    def pids(self) -> dict[str, int]:
        """The children's process ids by name."""
        return {child.name: child.process.pid for child in self._children if child.process}

    def watch(self, stop: threading.Event) -> None:
        """Keeps the children running until `stop`; then ends them."""
        try:
            while not stop.wait(0.3):
                for child in self._children:
                    self._keep(child)
        finally:
            self.end()

    def end(self) -> None:
        """Ends every child, the last one first."""
        for child in reversed(self._children):
            if child.process is None or child.process.poll() is not None:
                continue
            child.process.terminate()
            try:
                child.process.wait(STOP_TIMEOUT)
            except subprocess.TimeoutExpired:
                child.process.kill()
                child.process.wait(STOP_TIMEOUT)

    def _keep(self, child: Child) -> None:
        if child.process is None:
            if time.monotonic() >= child.due:
                self._start(child)
        elif child.process.poll() is not None:
            delay = DELAYS[min(child.ended, len(DELAYS) - 1)]
            log.warning("%s ended with status %s; started again in %.1f s", child.name, child.process.returncode, delay)
            child.ended, child.due, child.process = child.ended + 1, time.monotonic() + delay, None

    def _start(self, child: Child) -> None:
        with (self._folder / f"{child.name}.log").open("ab") as output:
            child.process = subprocess.Popen(
                (*lifeline.words(), *child.argv),
                env={**os.environ, **child.environment},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )


def all_in_one(options: settings.Settings, ready_file: pathlib.Path | None) -> None:
    """The whole service on this machine until SIGTERM or SIGINT: broker, web, dispatcher, doorbell, builder.

    `ready_file` gets JSON with `url`, `pids` and `bus` when everything answers.
    """
    starting.require(options)
    starting.address(options.master)
    stop = _stop_on_signal()
    data = options.master.data
    broker = PrivateBroker(data / "rabbitmq") if installed() else None
    if broker is not None:
        broker.start()
    supervisor = Supervisor(data / "service-logs")
    try:
        _start_all(options, supervisor, broker)
        _wait_until_ready(options.master.url, stop)
        if ready_file is not None and not stop.is_set():
            ready = {"url": options.master.url, "pids": supervisor.pids(), "bus": broker.url if broker else None}
            ready_file.with_suffix(".new").write_text(json.dumps(ready))
            ready_file.with_suffix(".new").rename(ready_file)
        supervisor.watch(stop)
    finally:
        supervisor.end()
        if broker is not None:
            broker.stop()


def master(options: settings.Settings) -> None:
    """Web and dispatcher until SIGTERM or SIGINT."""
    starting.address(options.master)
    stop = _stop_on_signal()
    supervisor = Supervisor(options.master.data / "service-logs")
    for part in ("web", "dispatcher"):
        supervisor.add(part_of_master(part, {}))
    supervisor.watch(stop)


def part_of_master(part: str, environment: Mapping[str, str]) -> Child:
    """The `web` or the `dispatcher` part as a child."""
    return Child(name=part, argv=(*_ondemand(), "serve", "--only", part), environment=environment)


def bus_configuration(url: str, queue: str, bell: pathlib.Path) -> str:
    """A fedora-messaging configuration for a private broker, that serves master and doorbell alike."""
    return f"""\
amqp_url = {json.dumps(url)}
callback = "ondemand_consumer.doorbell:Consumer"
[client_properties]
app = "ondemand"
[tls]
[exchanges."amq.topic"]
type = "topic"
durable = true
auto_delete = false
arguments = {{}}
[queues.{json.dumps(queue)}]
durable = true
auto_delete = false
exclusive = false
arguments = {{}}
[[bindings]]
queue = {json.dumps(queue)}
exchange = "amq.topic"
routing_keys = ["ondemand.build.requested"]
[qos]
prefetch_size = 0
prefetch_count = 1
[consumer_config]
bell = {json.dumps(str(bell))}
"""


def _stop_on_signal() -> threading.Event:
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    return stop


def _start_all(options: settings.Settings, supervisor: Supervisor, broker: PrivateBroker | None) -> None:
    token_file = options.master.data / "builder.token"
    database = starting.database(options)
    name = options.builder.name or "local"
    token = people.add_builder(database, name)
    database.close()
    token_file.touch(mode=0o600)
    token_file.write_text(token)
    common: dict[str, str] = {}
    if broker is not None:
        file = options.master.data / "fedora-messaging.toml"
        file.write_text(bus_configuration(broker.url, "ondemand.doorbell", options.builder.bell))
        common["ONDEMAND_BUS__CONFIG"] = str(file)
    elif options.bus.config is None:
        common["ONDEMAND_QUEUE__POLL"] = "1"
    for part in ("web", "dispatcher"):
        supervisor.add(part_of_master(part, common))
    if broker is not None:
        argv = (*_program("fedora-messaging"), "--conf", common["ONDEMAND_BUS__CONFIG"], "consume")
        callback = "--callback=ondemand_consumer.doorbell:Consumer"
        supervisor.add(Child(name="doorbell", argv=(*argv, callback)))
    builder = {**common, "ONDEMAND_BUILDER__NAME": name, "ONDEMAND_BUILDER__TOKEN": token}
    supervisor.add(Child(name="builder", argv=(*_ondemand(), "builder"), environment=builder))


def _wait_until_ready(url: str, stop: threading.Event) -> None:
    deadline = time.monotonic() + READY_TIMEOUT
    while time.monotonic() < deadline:
        if stop.wait(0.1):
            return
        with contextlib.suppress(requests.RequestException):
            if requests.get(f"{url}/api/v1/releases", timeout=5).ok:
                return
    raise errors.ServiceError(
        "The service did not start", cause=f"nothing answers at {url}", remedy="read the logs in its data folder"
    )


def _ondemand() -> tuple[str, ...]:
    return (sys.executable, "-m", "ondemand.commands.main")


def _program(name: str) -> tuple[str, ...]:
    """A program installed beside this Python, else on PATH."""
    beside = pathlib.Path(sys.executable).parent / name
    return (str(beside) if beside.exists() else name,)

