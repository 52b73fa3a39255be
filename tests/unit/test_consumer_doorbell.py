# SPDX-License-Identifier: MIT
"""The doorbell rings a real socket and never troubles the bus."""

import pathlib
import socket

import pytest
from fedora_messaging import config

from ondemand_consumer import doorbell


@pytest.fixture
def bell(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    path = tmp_path / "bell.sock"
    monkeypatch.setitem(config.conf, "consumer_config", {"bell": str(path)})
    return path


def test_every_message_rings(bell: pathlib.Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(bell))
        listener.settimeout(2)
        doorbell.Consumer()(object())
        assert listener.recv(16) == b"ring"


def test_nobody_listening_loses_nothing_and_raises_nothing(bell: pathlib.Path) -> None:
    doorbell.Consumer()(object())


def test_a_full_socket_raises_nothing(bell: pathlib.Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(bell))
        consumer = doorbell.Consumer()
        for _ in range(2000):
            consumer(object())


def test_the_socket_has_a_place_where_none_is_configured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(config.conf, "consumer_config", {})
    assert doorbell.Consumer().bell == doorbell.DEFAULT_BELL
