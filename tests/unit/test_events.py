# SPDX-License-Identifier: MIT
"""What the relay hands to the bus and to notifiers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from ondemand import plugins
from ondemand.builds import BuildRecord
from ondemand_web.builds import services as builds
from ondemand_web.events import relay
from ondemand_web.events import services as events
from ondemand_web.events.models import Delivery, Event
from ondemand_web.service import Service
from tests import master_parts as parts


class Keeper:
    """A notifier that keeps what it is given."""

    sink: ClassVar[str] = "mail"

    def __init__(self) -> None:
        self.notices: list[plugins.Notice] = []

    def deliver(self, notice: plugins.Notice) -> None:
        self.notices.append(notice)


def carried(here: Service) -> Iterator[tuple[Event, BuildRecord]]:
    """Every event that waits for the bus, with its build's record."""
    found: list[tuple[Event, BuildRecord]] = []

    def keep(event: Event, _delivery: Delivery, record: BuildRecord) -> None:
        found.append((event, record))

    while relay.relay_next(here, events.BUS, keep):
        yield found.pop()


def test_a_message_names_the_backend_once_it_is_known(here: Service) -> None:
    parts.submit(here)
    unchecked = [relay.message_of(*item) for item in carried(here)]
    parts.queued(here)
    checked = [relay.message_of(*item) for item in carried(here)]
    assert ["backend" in sent.body["build"] for sent in unchecked] == [False]
    assert {sent.body["build"]["backend"] for sent in checked} == {"kiwi"}
    for sent in (*unchecked, *checked):
        sent.validate()


def test_a_notifier_is_given_its_own_recipient_and_no_other_address(here: Service) -> None:
    build_id = parts.submit(here, notify=["one@example.org", "two@example.org"])
    builds.cancel(here.database, build_id, "alice")
    keeper = Keeper()
    while relay.relay_next(here, events.MAIL, relay.Mail(keeper)):
        pass
    assert [notice.recipient for notice in keeper.notices] == ["one@example.org", "two@example.org"]
    assert "example.org" not in str([notice.build for notice in keeper.notices])
