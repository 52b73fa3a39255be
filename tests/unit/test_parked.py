# SPDX-License-Identifier: MIT
"""Parked messages as they lie in the queue, and the way to a broker that speaks TLS."""

from __future__ import annotations

import contextlib
import pathlib
import socket
import ssl
import subprocess
import threading
import types
from collections.abc import Iterator
from typing import Any

import pika
import pika.exceptions
import pytest

from ondemand import errors, parked, triggers
from tests import builder_parts


@pytest.fixture
def certificate(tmp_path: pathlib.Path) -> pathlib.Path:
    """A certificate of localhost that vouches for itself, with its key beside it."""
    builder_parts.need("openssl")
    made = tmp_path / "certificate.pem"
    words = ("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=localhost")
    files = ("-addext", "subjectAltName=DNS:localhost", "-keyout", str(made.with_suffix(".key")), "-out", str(made))
    subprocess.run(("openssl", *words, *files), check=True, capture_output=True, timeout=60)
    return made


@pytest.fixture
def first_bytes(certificate: pathlib.Path) -> Iterator[tuple[str, list[Any]]]:
    """The address of a server that speaks TLS, keeps a client's certificate and first bytes, and hangs up."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, certificate.with_suffix(".key"))
    context.load_verify_locations(certificate)
    context.verify_mode = ssl.CERT_OPTIONAL
    heard: list[Any] = []

    def serve(listener: socket.socket) -> None:
        try:
            accepted, _ = listener.accept()
            with accepted, context.wrap_socket(accepted, server_side=True) as client:
                heard.extend((client.getpeercert(), client.recv(8)))
        except OSError as error:
            heard.append(error)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(10)
        thread = threading.Thread(target=serve, args=(listener,))
        thread.start()
        yield f"amqps://you:@localhost:{listener.getsockname()[1]}/%2F", heard
        thread.join()


def test_the_broker_is_asked_over_tls_with_our_certificate(certificate: pathlib.Path, first_bytes: tuple[str, list[Any]]) -> None:
    url, heard = first_bytes
    tls = {"ca_cert": str(certificate), "certfile": str(certificate), "keyfile": str(certificate.with_suffix(".key"))}
    with pytest.raises(errors.ServiceError, match="broker"):
        parked.ParkedQueue({"amqp_url": url, "tls": tls, "passive_declares": False}, "q").make()
    assert heard[0]["subject"] and heard[1] == b"AMQP\x00\x00\x09\x01"


def test_a_broker_whose_certificate_nobody_vouches_for_is_not_asked(first_bytes: tuple[str, list[Any]]) -> None:
    url, heard = first_bytes
    tls = {"ca_cert": None, "certfile": None, "keyfile": None}
    with pytest.raises(errors.ServiceError, match="broker"):
        parked.ParkedQueue({"amqp_url": url, "tls": tls, "passive_declares": False}, "q").make()
    assert b"AMQP\x00\x00\x09\x01" not in heard


@pytest.mark.parametrize("url", ["amqps://you@localhost/%2F", "amqp://localhost:port"])
def test_an_address_that_is_none_is_said(url: str) -> None:
    with pytest.raises(errors.CannotStart, match="amqp_url"):
        parked.ParkedQueue({"amqp_url": url, "tls": {}, "passive_declares": False}, "q").make()


def test_a_certificate_that_is_not_there_is_said() -> None:
    conf = {"amqp_url": "amqps://localhost:9", "tls": {"ca_cert": "/nonexistent"}, "passive_declares": False}
    with pytest.raises(errors.ServiceError, match="No such file"):
        parked.ParkedQueue(conf, "q").make()


@pytest.mark.parametrize(
    ("headers", "topic"),
    [
        ({"x-death": [{"routing-keys": ["b.c"]}, {"routing-keys": ["a.b"]}]}, "a.b"),
        ({"x-death": "odd"}, "parked"),
        ({"x-death": []}, "parked"),
        (None, "parked"),
    ],
)
def test_a_dead_message_has_the_topic_that_it_was_sent_with(headers: dict[str, Any] | None, topic: str) -> None:
    method = pika.spec.Basic.GetOk(routing_key="parked")
    heard = parked._heard(method, pika.BasicProperties(headers=headers), b'{"a": 1}')
    assert heard.topic == topic and heard.body == {"a": 1}


class Broker:
    """A broker's connection and channel, whose one queue is there or not, and holds messages by id."""

    def __init__(self, *ids: str) -> None:
        self.there, self.declared, self.got, self.acknowledged = bool(ids), 0, list(ids), list[str]()
        self._taken: list[str] = []

    def channel(self) -> Broker:
        """Every channel is this one."""
        return self

    def queue_declare(self, _name: str, passive: bool = False, **_: Any) -> Any:
        """Notes that it was made."""
        if passive and not self.there:
            raise pika.exceptions.ChannelClosedByBroker(404, "NOT_FOUND")
        self.declared += not self.there
        self.there = True
        return types.SimpleNamespace(method=pika.spec.Queue.DeclareOk("q", len(self.got), 0))

    def basic_get(self, _name: str) -> tuple[Any, Any, bytes]:
        """The next one, with its place as tag."""
        self._taken.append(self.got[len(self._taken)])
        return pika.spec.Basic.GetOk(len(self._taken), routing_key="t"), pika.BasicProperties(message_id=self._taken[-1]), b"{}"

    def basic_ack(self, tag: int) -> None:
        """It is gone."""
        self.acknowledged.append(self._taken[tag - 1])


def parked_at(broker: Broker, monkeypatch: pytest.MonkeyPatch) -> parked.ParkedQueue:
    """The queue at that broker."""
    monkeypatch.setattr(parked.ParkedQueue, "_connection", lambda _: contextlib.nullcontext(broker))
    return parked.ParkedQueue({"amqp_url": "amqp://x", "tls": {}, "passive_declares": False}, "q")


def refuse_the_first(heard: triggers.Heard) -> str:
    """Refuses what is called so."""
    if heard.id.startswith("refused"):
        raise errors.InvalidRequest("It is refused")
    return "taken"


def test_a_queue_that_goes_away_is_made_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    broker = Broker()
    queue = parked_at(broker, monkeypatch)
    for _ in range(2):
        queue.make()
        queue.make()
        broker.there = False
    assert broker.declared == 2


def test_refused_messages_count_for_none_so_that_they_hide_none(monkeypatch: pytest.MonkeyPatch) -> None:
    broker = Broker("refused-1", "refused-2", "a", "b")
    seen = parked_at(broker, monkeypatch).handle(refuse_the_first, 1)
    assert [each.heard.id for each in seen] == ["refused-1", "refused-2", "a"] and broker.acknowledged == ["a"]


def test_at_most_so_many_are_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parked, "LOOKED", 2)
    broker = Broker("refused-1", "refused-2", "a")
    assert len(parked_at(broker, monkeypatch).handle(refuse_the_first, 1)) == 2 and not broker.acknowledged


def test_those_that_stay_are_counted_all(monkeypatch: pytest.MonkeyPatch) -> None:
    broker = Broker("refused", "a", "b")
    seen = parked_at(broker, monkeypatch).handle(refuse_the_first, 2, keep=True)
    assert [each.heard.id for each in seen] == ["refused", "a"] and not broker.acknowledged


def test_only_the_named_messages_are_thrown_away(monkeypatch: pytest.MonkeyPatch) -> None:
    broker = Broker("a", "b", "c", "b")
    assert [each.heard.id for each in parked_at(broker, monkeypatch).drop({"b"})] == ["b", "b"]
    assert broker.acknowledged == ["b", "b"]
