# SPDX-License-Identifier: MIT
"""What fedora-messaging leaves open is bounded, in the version that is installed."""

from __future__ import annotations

import importlib
import json
from typing import Any

import pika
import pytest
from fedora_messaging import exceptions
from fedora_messaging.twisted import factory

from ondemand import bus

CONSUMER: Any = importlib.import_module("fedora_messaging.twisted.consumer")


def test_no_pause_before_reconnecting_is_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(factory.FedoraMessagingFactoryV2, "maxDelay", 3600)
    bus.steady()
    assert factory.FedoraMessagingFactoryV2.maxDelay == bus.LONGEST_PAUSE <= 20


def test_a_shorter_pause_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(factory.FedoraMessagingFactoryV2, "maxDelay", 5)
    bus.steady()
    assert factory.FedoraMessagingFactoryV2.maxDelay == 5


@pytest.mark.parametrize(
    ("body", "properties"),
    [
        (b"{}", pika.BasicProperties(content_encoding="klingon", headers={})),
        (b'{"a":' * 100_000, pika.BasicProperties(headers={})),
        (b"{}", pika.BasicProperties(headers={"fedora_messaging_schema": ["x"]})),
        (b"\xff", pika.BasicProperties(headers=None)),
    ],
)
def test_a_message_that_can_not_be_read_is_refused_and_ends_no_process(body: bytes, properties: pika.BasicProperties) -> None:
    bus.steady()
    with pytest.raises(exceptions.ValidationError):
        CONSUMER.get_message("topic", properties, body)


def test_a_sound_message_is_read_as_ever() -> None:
    bus.steady()
    bus.steady()
    read = CONSUMER.get_message("topic", pika.BasicProperties(headers={}, message_id="1"), json.dumps({"a": 1}).encode())
    assert (read.id, read.topic, read.body) == ("1", "topic", {"a": 1})


def test_another_version_of_fedora_messaging_is_a_line_in_the_log(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.delattr(factory, "FedoraMessagingFactoryV2")
    bus.steady()
    assert "no fedora_messaging.twisted.factory.FedoraMessagingFactoryV2.maxDelay" in caplog.text
