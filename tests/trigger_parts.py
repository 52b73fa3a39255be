# SPDX-License-Identifier: MIT
"""Parts for the trigger's tests: messages, a configuration, and a master of wishes. Tests no thing itself.

The master is a fake: it speaks the real HTTP calls and keeps what it gets by message id, but judges nothing.
"""

from __future__ import annotations

import contextlib
import http.server
import json
import pathlib
from collections.abc import Iterator
from typing import Any

import pika
from fedora_messaging import api, config

from ondemand import orders, triggers
from ondemand.facts import Facts
from ondemand_consumer import trigger
from tests import builder_parts, command_parts, service_parts

TOKEN = "trigger-secret"
WISH = f"org.fedoraproject.prod.{orders.TOPIC}"
READY = "org.fedoraproject.prod.bodhi.update.status.testing.koji-build-group.build.complete"
PARKED = "ondemand.trigger.parked"
ALIAS = "FEDORA-2026-0123456789"
EXAMPLE = pathlib.Path(__file__).resolve().parent.parent / "fedora-messaging.toml.example"


def ready(alias: str = ALIAS, **fields: Any) -> dict[str, Any]:
    """The body that says an update has all its builds."""
    update = {
        "alias": alias,
        "builds": [{"nvr": "bash-5.3-1.fc44"}],
        "release": {"name": "F44"},
        "request": "testing",
        "status": "pending",
        "user": {"name": "alice"},
    }
    build = {"type": "koji-build", "id": 7, "task_id": None, "nvr": "bash-5.3-1.fc44"}
    return {"agent": "bodhi", "artifact": {"type": "koji-build-group", "builds": [build]}, "update": update, **fields}


def wish(**fields: Any) -> dict[str, Any]:
    """The body of a bot's order."""
    return {"bot": "acme", "request": {"release": "f44"}, **fields}


def heard(topic: str, body: Any, message_id: Any = "m-1", **headers: Any) -> triggers.Heard:
    """A message as a trigger gets it."""
    return triggers.Heard(id=message_id, topic=topic, headers=headers, body=body)


def facts(topic: str, body: Any, **tables: dict[str, Any]) -> Facts | None:
    """What the triggers with these options make of a message."""
    return triggers.Triggers(tables).facts(heard(topic, body))


def message(body: Any, topic: str = READY, message_id: str = "m-1") -> api.Message:
    """A message of no schema, as a process without the sender's package gets each."""
    made = api.Message(topic=topic, body=body)
    made.id = message_id
    return made


class Handler(http.server.BaseHTTPRequestHandler):
    """Keeps facts in `server.wishes`, orders in `server.orders`; `server.away` answers 503, subjects and bots in
    `server.unknown` are refused, subjects in `server.breaking` are an error of its own; those in `server.hanging` get no answer."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_POST(self) -> None:
        server: Any = self.server
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        server.calls += 1
        if server.away:
            self._answer(503, {"code": "service-error", "detail": "The database is away."})
        elif server.page:
            self._answer(server.page, "<html>welcome</html>")
        elif self.headers["Authorization"] != f"Bearer {server.token}":
            self._answer(401, {"code": "not-authenticated", "detail": "The token is not known."})
        elif body.get("bot") in server.unknown:
            self._answer(422, {"code": "invalid-request", "detail": "The order is not understood."})
        elif self.path.endswith("/orders"):
            known = server.orders.setdefault(body["message_id"], body) is not body
            self._answer(200 if known else 202, {"answered": True})
        elif self.path.endswith("/wishes/replay"):
            self._answer(200, {"wishes": [self._judged(each) for each in body["facts"]]})
        elif body["subject"] in server.breaking:
            self._answer(*server.breaking[body["subject"]])
        elif body["subject"] in server.hanging:
            self.rfile.read(1)  # Until whoever asked has had enough.
        elif body["subject"] in server.unknown:
            self._answer(422, {"code": "invalid-request", "detail": "The subject is not understood."})
        else:
            known = server.wishes.setdefault(body["message_id"], body) is not body
            self._answer(200 if known else 202, {"id": len(server.wishes)})

    def do_GET(self) -> None:
        if vars(self.server)["away"]:
            self._answer(503, {"code": "service-error", "detail": "The database is away."})
        else:
            self._answer(200, {"wishes": []})

    def _judged(self, wish: dict[str, Any]) -> dict[str, Any]:
        image = {"rule": "all", "release": "f44", "image_type": "live", "arch": "x86_64"}
        decision = {**image, "state": "ordered", "reason": "a [red] rule", "since": wish["at"]}
        decisions = [decision] if wish["happened"] == "offered" else []
        return {"message_id": wish["message_id"], "subject": wish["subject"], "decisions": decisions}

    def _answer(self, status: int, body: Any) -> None:
        data = (body if isinstance(body, str) else json.dumps(body)).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        """Says nothing."""


def serving() -> contextlib.AbstractContextManager[Any]:
    """The master on a port of its own; attributes of the server are its state."""
    knobs: dict[str, Any] = {"away": False, "page": 0, "unknown": set(), "breaking": {}, "hanging": set(), "token": TOKEN}
    return builder_parts.serving(Handler, wishes={}, orders={}, calls=0, **knobs)


def consumer(monkeypatch: Any, master: str, **table: Any) -> trigger.Consumer:
    """The real Consumer, with no queue and no broker."""
    monkeypatch.setenv(triggers.TOKEN, TOKEN)
    monkeypatch.setitem(config.conf, "queues", {})
    monkeypatch.setitem(config.conf, "amqp_url", "amqp://127.0.0.1:9")
    monkeypatch.setitem(config.conf, "consumer_config", {"master": master, **table})
    return trigger.Consumer()


def configuration(folder: pathlib.Path, amqp_url: str, master: str, patience: float = 600.0) -> pathlib.Path:
    """The shipped example with this broker and master, and without TLS."""
    (folder / "token").write_text(f"{TOKEN}\n")
    text = EXAMPLE.read_text()
    for old, new in (
        ('"amqps://ondemand:@rabbitmq.fedoraproject.org/%2Fpubsub"', f'"{amqp_url}"'),
        ('"https://ondemand.example.org"\n# A file', f'"{master}"\n# A file'),
        ('"/run/credentials/fm-consumer@ondemand-trigger.service/token"', f'"{folder / "token"}"'),
        ("patience = 600", f"patience = {patience}"),
        ('ca_cert = "/etc/fedora-messaging/cacert.pem"', ""),
        ('certfile = "/etc/fedora-messaging/ondemand-cert.pem"', ""),
        ('keyfile = "/etc/fedora-messaging/ondemand-key.pem"', ""),
    ):
        assert old in text
        text = text.replace(old, new)
    path = folder / "trigger.toml"
    path.write_text(text)
    return path


def with_orders(conf: pathlib.Path) -> None:
    """Switches orders on, as the example's comments say."""
    text = conf.read_text()
    for old, new in (("\norders = false\n", "\norders = true\n"), ('# "org.fedoraproject.*.ondemand', '"org.fedoraproject.*.ondemand')):
        assert old in text
        text = text.replace(old, new)
    conf.write_text(text)


def process(conf: pathlib.Path, name: str = "trigger") -> service_parts.Process:
    """`fedora-messaging consume` with that configuration, not yet started."""
    argv = (service_parts.FEDORA_MESSAGING, "--conf", str(conf), "consume")
    return service_parts.Process(argv, conf.with_name(f"{name}.log"), command_parts.environment())


class RawBus:
    """The broker without fedora-messaging, for messages that it would never send."""

    def __init__(self, url: str) -> None:
        self._url = url

    def publish(self, body: Any, topic: str = READY, message_id: str = "m-1", **properties: Any) -> None:
        """Publishes a body, or bytes as they are."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        given = {"content_encoding": "utf-8", "headers": {}, "message_id": message_id or None, "delivery_mode": 2, **properties}
        with self._channel() as channel:
            channel.confirm_delivery()
            channel.basic_publish("amq.topic", topic, data, pika.BasicProperties(**given), mandatory=True)

    def count(self, queue: str) -> int:
        """Messages that wait there."""
        with self._channel() as channel:
            return int(channel.queue_declare(queue, passive=True).method.message_count)

    def consumers(self, queue: str) -> int:
        """Processes that listen there."""
        with self._channel() as channel:
            return int(channel.queue_declare(queue, passive=True).method.consumer_count)

    def purge(self, *queues: str) -> None:
        """Empties queues."""
        with self._channel() as channel:
            for queue in queues:
                channel.queue_purge(queue)

    def remove(self, queue: str) -> None:
        """Deletes a queue with all that waits there."""
        with self._channel() as channel:
            channel.queue_delete(queue)

    @contextlib.contextmanager
    def _channel(self) -> Iterator[Any]:
        with contextlib.closing(pika.BlockingConnection(pika.URLParameters(self._url))) as connection:
            yield connection.channel()


def listened(bus: RawBus, queue: str) -> bool:
    """Whether a process listens there; not, while the queue is not there."""
    try:
        return bus.consumers(queue) > 0
    except pika.exceptions.AMQPError:
        return False


def there(bus: RawBus, queue: str) -> bool:
    """Whether there is such a queue."""
    try:
        return bus.count(queue) >= 0
    except pika.exceptions.AMQPError:
        return False
