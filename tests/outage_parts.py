# SPDX-License-Identifier: MIT
"""A service to be hurt: PostgreSQL, RabbitMQ, web, dispatcher, doorbell and simulated builders, each a process that a test
may kill, freeze and start again; and people who go on asking for images meanwhile. Tests no thing itself.
"""

from __future__ import annotations

import concurrent.futures
import contextlib
import dataclasses
import functools
import os
import pathlib
import signal
import sys
import tempfile
import time
import uuid
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import pika
import pytest
import requests
import sqlalchemy as sa

from demo import mail_server, site
from ondemand import build_requests, errors
from ondemand.builds import BuildRecord
from ondemand.client import Client
from ondemand_consumer import master
from ondemand_web import private_broker, supervisor
from ondemand_web.database import Database
from ondemand_web.events.models import Delivery
from tests import postgres_server, service_parts, simulated_builder, trigger_parts, universe_parts
from tests.service_parts import Process, soon

LEASE = 8.0
SETTLED = 120.0
"""Seconds in which all has to come to rest after the last fault."""
QUEUES = {"lease": LEASE, "beat": 1.0, "poll": 1.0}
RECORD = "test.record"
"""The durable queue that gets every message; a bot that reads later."""
SIMULATED = (sys.executable, "-m", "tests.simulated_builder")
ROOT = pathlib.Path(__file__).resolve().parent.parent
RELEASE = """\
name = "made"
title = "Made"
version = "1"
known_as = ["F44"]
arches = ["x86_64"]
kickstart_syntax = "F40"
bodhi = "{url}"

[[repositories]]
id = "main"
baseurl = "{url}/main"

[image_types.live]
backend = "kiwi"
preset = "made-live"
"""
RULE = """\
name = "updates"
releases = ["made"]
only_if_in_image = false
lull = 1
hourly_cap = 4
"""
PRESET = "lang C.UTF-8\nkeyboard us\ntimezone UTC\nrootpw --lock\n%packages\ntool\n%end\n"


class Service:
    """The processes below `folder`; use as a context."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.folder = folder
        self._stack = contextlib.ExitStack()
        self.builders: dict[str, Process] = {}
        self.doorbell: Process
        self.heard: list[tuple[str, str]] = []
        """Ids and topics of the messages that the bus has carried, in order."""

    def __enter__(self) -> Service:
        with contextlib.ExitStack() as stack:
            self._start(stack)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def _start(self, stack: contextlib.ExitStack) -> None:
        repository = universe_parts.files({"main": (universe_parts.Made("tool"),)}, ())
        url = stack.enter_context(universe_parts.served(repository))
        # Not below pytest's folder, which only its own user may enter.
        data = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ondemand-postgres-")))
        data.chmod(0o711)
        self.postgres = postgres_server.PostgresServer(data / "server")
        self.postgres.start()
        stack.callback(self.postgres.stop)
        self.mails = mail_server.MailServer(self.folder / "mail")
        self.mails.start()
        stack.callback(self.mails.stop)
        self.broker = private_broker.PrivateBroker(self.folder / "rabbitmq")
        self.broker.start()
        stack.callback(self.broker.stop)
        self._bind()
        self.database_url = self.postgres.url(self.postgres.create())
        tables: dict[str, dict[str, object]] = {
            "master": {"database": self.database_url},
            "bus": {"config": str(self.bus_file("master"))},
            "queue": dict(QUEUES),
        }
        self.site = site.write(self.folder, None, url, mail_port=self.mails.port, tables=tables)
        (self.folder / "config" / "releases" / "made.toml").write_text(RELEASE.format(url=url))
        (self.folder / "config" / "triggers").mkdir()
        (self.folder / "config" / "triggers" / "updates.toml").write_text(RULE)
        (self.folder / "config" / "presets" / "made-live.ks").write_text(PRESET)
        self.client = Client(self.site.url)
        self.web, self.dispatcher = self.process("web"), self.process("dispatcher")
        for each in (self.web, self.dispatcher):
            service_parts.started(stack, each)
        self.wait_for_web()

    def process(self, part: str, **environment: str) -> Process:
        """A part of the master, not yet started."""
        return self._process(part, *service_parts.ONDEMAND, "serve", "--only", part, **environment)

    def _process(self, name: str, *argv: str, **environment: str) -> Process:
        kept = {**self.site.environment, "PYTHONPATH": os.pathsep.join((str(ROOT), str(ROOT / "plugins")))}
        return Process(argv, self.folder / f"{name}.log", {**kept, **environment})

    def token(self, name: str, kind: str = "builder") -> str:
        """The token of a new builder, or anew of a `person`."""
        adding = self._process(f"{name}-token", *service_parts.ONDEMAND, "serve", f"--add-{kind}", name)
        adding.start()
        assert soon(lambda: not adding.pid, 60), adding.output
        return adding.output.split()[-1]

    def builder(self, name: str, token: str = "", **environment: str) -> Process:
        """A simulated builder, started; it ends with the service."""
        folder = self.folder / name
        values = {
            "ONDEMAND_BUILDER__NAME": name,
            "ONDEMAND_BUILDER__TOKEN": token or self.token(name),
            "ONDEMAND_BUILDER__WORK": str(folder / "work"),
            "ONDEMAND_BUILDER__BELL": str(folder / "bell"),
            **environment,
        }
        process = self._process(name, *SIMULATED, **values)
        self._stack.callback(process.stop)
        self.builders[name] = process
        process.start()
        assert soon(lambda: "is ready" in process.output), process.output
        return process

    def stranger(self, name: str) -> master.Master:
        """The worker API under the token of a builder that a test plays itself."""
        return master.Master(self.site.url, self.token(name))

    def consumer(self, name: str, bell: pathlib.Path) -> Process:
        """A doorbell with a durable queue of its own, listening; it ends with the service."""
        consume = ("consume", "--callback=ondemand_consumer.doorbell:Consumer")
        process = self._process(name, service_parts.FEDORA_MESSAGING, "--conf", str(self.bus_file(name, bell)), *consume)
        service_parts.started(self._stack, process)
        assert soon(lambda: "Successfully registered" in process.output, 60), process.output
        return process

    @contextlib.contextmanager
    def trigger(self, name: str, **environment: str) -> Iterator[Process]:
        """A trigger that hands over to this service, listening; every one has the same queue."""
        conf = trigger_parts.configuration(self.folder, self.broker.url, self.site.url)
        (self.folder / "token").write_text(self._wisher)
        process = self._process(name, service_parts.FEDORA_MESSAGING, "--conf", str(conf), "consume", **environment)
        process.start()
        try:
            assert soon(lambda: "Successfully registered" in process.output, 60), process.output
            yield process
        finally:
            process.stop()

    @functools.cached_property
    def _wisher(self) -> str:
        return self.token("you", "person")

    def bus_file(self, queue: str, bell: pathlib.Path | None = None) -> pathlib.Path:
        """A fedora-messaging configuration with the durable queue `test.<queue>`."""
        path = self.folder / f"{queue}.fedora-messaging.toml"
        path.write_text(supervisor.bus_configuration(self.broker.url, f"test.{queue}", bell or self.folder / "no-bell"))
        return path

    def wait_for_web(self) -> None:
        """Returns when the API answers."""

        def answers() -> bool:
            with contextlib.suppress(requests.RequestException):
                return requests.get(f"{self.site.url}/api/v1/releases", timeout=5).ok
            return False

        assert soon(answers, service_parts.START_TIMEOUT), self.web.output

    def database(self) -> Database:
        """The service's database, for who looks at what became of it."""
        return Database(self.database_url)

    def hear(self) -> list[tuple[str, str]]:
        """All that the bus has carried so far."""
        with contextlib.closing(pika.BlockingConnection(pika.URLParameters(self.broker.url))) as connection:
            channel = connection.channel()
            while (got := channel.basic_get(RECORD, auto_ack=True))[0] is not None:
                method, properties, _ = got
                self.heard.append((str(properties.message_id), str(method.routing_key)))
        return self.heard

    def _bind(self) -> None:
        with contextlib.closing(pika.BlockingConnection(pika.URLParameters(self.broker.url))) as connection:
            channel = connection.channel()
            channel.exchange_declare("amq.topic", "topic", durable=True)
            channel.queue_declare(RECORD, durable=True)
            channel.queue_bind(RECORD, "amq.topic", "ondemand.#")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Carried:
    """A message as the bus carries it, whatever it may hold."""

    body: bytes
    message_id: str = "m-1"
    headers: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    properties: Mapping[str, Any] = dataclasses.field(default_factory=dict)


def publish(service: Service, exchange: str, key: str, messages: Iterable[Carried]) -> None:
    """Publishes them as fast as it goes, on one connection; returns when the broker has all."""
    with contextlib.closing(pika.BlockingConnection(pika.URLParameters(service.broker.url))) as connection:
        channel = connection.channel()
        channel.tx_select()
        # One commit for all: to wait for the broker's word on each would take longer than all else.
        for each in messages:
            headers = {"fedora_messaging_schema": "base.message", "fedora_messaging_severity": 20, **each.headers}
            given = {"content_encoding": "utf-8", "headers": headers, "message_id": each.message_id, "delivery_mode": 2}
            channel.basic_publish(exchange, key, each.body, pika.BasicProperties(**{**given, **each.properties}), mandatory=True)
        channel.tx_commit()


def messages(service: Service, state: str) -> int:
    """How many messages are in that state."""
    database = service.database()
    with database.reading() as session:
        of_state = (Delivery.sink == "bus", Delivery.state == state)
        found = session.execute(sa.select(sa.func.count()).where(*of_state)).scalar_one()
    database.close()
    return found


class Asking:
    """People who ask for `count` images, one each `every` seconds, while something happens; use as a context.

    As the documented client does, they repeat with the same key what was not answered.
    """

    def __init__(self, service: Service, count: int, every: float = 0.2, notify: bool = True) -> None:
        self._service, self._count, self._every, self._notify = service, count, every, notify
        self._pool = concurrent.futures.ThreadPoolExecutor(4)
        self.accepted: list[concurrent.futures.Future[int]] = []

    def __enter__(self) -> Asking:
        self.accepted = [self._pool.submit(self._ask, number) for number in range(self._count)]
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(cancel_futures=True)

    def ids(self) -> list[int]:
        """The accepted builds, each once."""
        found = [future.result(SETTLED) for future in self.accepted]
        assert len(set(found)) == self._count, found
        return found

    def _ask(self, number: int) -> int:
        time.sleep(self._every * 4)
        key, until = str(uuid.uuid4()), time.monotonic() + SETTLED
        fields: dict[str, Any] = {"release": "made", "title": f"simulated {number}"}
        if self._notify and number % 3 == 0:
            fields["notify"] = ["one@made.example", "two@made.example"]
        while True:
            try:
                return Client(self._service.site.url).submit(build_requests.validate(fields), key).id
            except (errors.MasterUnavailable, errors.ServiceError):
                if time.monotonic() > until:
                    raise
                time.sleep(0.3)


def building(service: Service, ids: list[int], name: str) -> BuildRecord:
    """One of the builds as soon as that builder works at it."""

    def found() -> BuildRecord | None:
        for build_id in ids:
            record = service.client.build(build_id)
            attempt = record.attempt
            if attempt and attempt.builder == name and attempt.outcome is None:
                return record
        return None

    record = soon(found)
    assert record is not None, service.builders[name].output
    return record


@contextlib.contextmanager
def frozen(process: Process) -> Iterator[None]:
    """The process stands still, and then goes on as if nothing had been."""
    pid = process.pid
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        # The test may have killed it.
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)


@contextlib.contextmanager
def running(folder: pathlib.Path, builders: int = 4) -> Iterator[Service]:
    """A service with that many simulated builders, the first of which has a doorbell."""
    if os.geteuid() != 0:
        pytest.skip("needs root, as a builder does")
    if not private_broker.installed():
        pytest.skip("needs rabbitmq-server")
    if postgres_server.programs() is None:
        pytest.skip("needs PostgreSQL")
    with Service(folder) as service:
        for number in range(1, builders + 1):
            service.builder(f"node-{number}", **{simulated_builder.SECONDS: "2"})
        service.doorbell = service.consumer("doorbell", folder / "node-1" / "bell")
        yield service
