# SPDX-License-Identifier: MIT
"""Notifier `mail` against a real SMTP server that writes into a folder."""

from __future__ import annotations

import email
import email.policy
import pathlib
from collections.abc import Iterator
from typing import Any

import pytest

from demo import mail_server
from ondemand import errors, plugins, settings
from ondemand_plugins.notifiers import mail
from ondemand_web.private_broker import free_port
from tests.mail_parts import build

TEMPLATES = pathlib.Path(__file__).parents[2] / "config" / "mail"


@pytest.fixture
def server(tmp_path: pathlib.Path) -> Iterator[tuple[mail_server.MailServer, int]]:
    running = mail_server.MailServer(tmp_path / "mail")
    port = running.start()
    yield running, port
    running.stop()


def send(port: int, record: dict[str, Any], recipient: str = "bob@demo.example") -> None:
    options = settings.Mail(host="127.0.0.1", port=port, sender="ondemand@demo.example")
    notice = plugins.Notice(event_id=5, kind="state.changed", recipient=recipient, build=record)
    mail.MailNotifier(options, TEMPLATES).deliver(notice)


def received(server: mail_server.MailServer) -> email.message.EmailMessage:
    parsed = email.message_from_bytes(server.mails()[-1].read_bytes(), policy=email.policy.default)
    assert isinstance(parsed, email.message.EmailMessage)
    return parsed


def test_success_links_image_checksum_and_logs(server: tuple[mail_server.MailServer, int]) -> None:
    send(server[1], build("succeeded"))
    text = received(server[0]).get_content()
    for link in ("http://m/builds/7/files/a.iso", "http://m/builds/7/files/CHECKSUM", "http://m/builds/7/logs/1/build"):
        assert link in text
    assert "held" in text


def test_failure_says_the_sentence_and_links_the_log(server: tuple[mail_server.MailServer, int]) -> None:
    send(server[1], build("failed"))
    mailed = received(server[0])
    assert mailed["Subject"] == "Build 7 failed: A title"
    assert "kiwi failed, because of this" in mailed.get_content()
    assert "http://m/builds/7/logs/1/build" in mailed.get_content()


def test_failure_links_the_screen_of_an_image_that_did_not_boot(server: tuple[mail_server.MailServer, int]) -> None:
    address = "http://m/builds/7/files/screen.png"
    shot = {"name": "screen.png", "role": "screenshot", "size": 3, "sha256": "a" * 64, "url": address}
    send(server[1], {**build("failed"), "artifacts": [shot]})
    assert f"Screen of the image: {address}" in received(server[0]).get_content()


@pytest.mark.parametrize("state", ["refused", "canceled"])
def test_every_other_end_is_told_too(server: tuple[mail_server.MailServer, int], state: str) -> None:
    send(server[1], build(state))
    assert state in received(server[0])["Subject"]


def test_a_title_can_not_add_a_header(server: tuple[mail_server.MailServer, int]) -> None:
    record = build("failed")
    record["request"]["title"] = "A title Bcc: all@demo.example"
    send(server[1], record)
    assert received(server[0])["Bcc"] is None


def test_a_server_that_is_away_means_later() -> None:
    with pytest.raises(errors.DeliveryFailed) as raised:
        send(free_port(), build("failed"))
    assert not raised.value.permanent


def test_a_refused_recipient_means_never(server: tuple[mail_server.MailServer, int]) -> None:
    with pytest.raises(errors.DeliveryFailed) as raised:
        send(server[1], build("failed"), "nobody@demo.example")
    assert raised.value.permanent
