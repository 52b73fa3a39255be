# SPDX-License-Identifier: MIT
"""What the relay hands to the bus and to notifiers."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from typing import ClassVar

import pytest
import sqlalchemy as sa
from fedora_messaging.twisted import factory

from ondemand import bus, errors, plugins
from ondemand.builds import BuildRecord, FinishReport
from ondemand_web import app, dispatcher
from ondemand_web.builds import services as builds
from ondemand_web.builds.models import BuildLock
from ondemand_web.database import clock
from ondemand_web.events import composing, relay
from ondemand_web.events import services as events
from ondemand_web.events.models import Delivery, Event
from ondemand_web.queue import endings
from ondemand_web.service import Service
from tests import command_parts
from tests import master_parts as parts


class Keeper:
    """A notifier that keeps what it is given."""

    sink: ClassVar[str] = "mail"

    def __init__(self) -> None:
        self.notices: list[plugins.Notice] = []

    def deliver(self, notice: plugins.Notice) -> None:
        self.notices.append(notice)


def carried(here: Service) -> Iterator[tuple[Event, BuildRecord | None]]:
    """Every event that waits for the bus, with its build's record."""
    found: list[tuple[Event, BuildRecord | None]] = []

    def keep(event: Event, _delivery: Delivery, record: BuildRecord | None) -> None:
        found.append((event, record))

    while relay.relay_next(here, events.BUS, keep):
        pass
    yield from found


def test_a_message_names_the_backend_once_it_is_known(here: Service) -> None:
    parts.submit(here)
    unchecked = [composing.message_of(*item) for item in carried(here)]
    parts.queued(here)
    checked = [composing.message_of(*item) for item in carried(here)]
    assert ["backend" in sent.body["build"] for sent in unchecked] == [False]
    assert {sent.body["build"]["backend"] for sent in checked} == {"kiwi"}
    for sent in (*unchecked, *checked):
        sent.validate()


def test_a_failed_build_s_message_has_the_lines_that_its_builder_reported(here: Service) -> None:
    build_id = parts.queued(here)
    name = parts.builder(here)
    assert parts.claim(here, name)
    error = errors.ToolFailed("kiwi failed", lines=("before", "the place", "after"))
    endings.finish(here.database, name, build_id, 1, FinishReport(error=error.as_dict()), here.settings.queue)
    *others, told = [composing.message_of(*item) for item in carried(here)]
    told.validate()
    assert (told.body["new"], told.body["lines"]) == ("failed", ["before", "the place", "after"])
    assert all(not sent.body.get("lines") for sent in others)


def test_a_notifier_is_given_its_own_recipient_and_no_other_address(here: Service) -> None:
    build_id = parts.submit(here, notify=["one@example.org", "two@example.org"])
    builds.cancel(here.database, build_id, "alice")
    keeper = Keeper()
    while relay.relay_next(here, events.MAIL, relay.Mail(keeper)):
        pass
    assert [notice.recipient for notice in keeper.notices] == ["one@example.org", "two@example.org"]
    assert "example.org" not in str([notice.build for notice in keeper.notices])


def let_all_be_due(here: Service) -> None:
    """Moves every delivery's next try into the past."""
    with here.database.writing() as session:
        session.execute(sa.update(Delivery).values(next_try=clock(session) - datetime.timedelta(seconds=1)))


def let_one_be_due(here: Service) -> None:
    """Moves the next try of the first delivery into the past, and all others' far away."""
    with here.database.writing() as session:
        session.execute(sa.update(Delivery).values(next_try=clock(session) + datetime.timedelta(seconds=300)))
        first = sa.select(sa.func.min(Delivery.id)).scalar_subquery()
        session.execute(sa.update(Delivery).where(Delivery.id == first).values(next_try=clock(session)))


def stumble(event: Event, _delivery: Delivery, _record: BuildRecord | None) -> None:
    """A sink with an error of its own for build 1."""
    if event.build_id == 1:
        raise TypeError("can't add a number to words")


def deliveries(here: Service, sink: str) -> list[tuple[str, str, int]]:
    """Of each delivery to the sink: its subject, state and tries."""
    with here.database.reading() as session:
        rows = session.execute(sa.select(Delivery).where(Delivery.sink == sink).order_by(Delivery.id)).scalars()
        return [(row.subject, row.state, row.tries) for row in rows]


def two_canceled(here: Service) -> None:
    """Builds 1 and 2, whose ends are told."""
    for _ in range(2):
        builds.cancel(here.database, parts.submit(here, notify=["one@example.org"]), "alice")


@pytest.mark.parametrize("sink", [events.BUS, events.MAIL])
def test_a_delivery_that_breaks_its_sink_holds_up_no_other_build(here: Service, sink: str) -> None:
    two_canceled(here)
    for _ in range(4):
        relay.relay_next(here, sink, stumble)
    assert {state for subject, state, _ in deliveries(here, sink) if subject == "build/2"} == {"delivered"}
    assert deliveries(here, sink)[0] == ("build/1", "waiting", 1)


def test_a_piece_holds_one_event_of_a_subject_and_ends_at_the_first_that_fails(here: Service) -> None:
    parts.queued(here)
    parts.submit(here)
    parts.submit(here)
    told: list[tuple[str, int]] = []

    def fail_second(event: Event, _delivery: Delivery, _record: BuildRecord | None) -> None:
        told.append((event.subject, event.seq))
        if len(told) == 2:
            raise errors.DeliveryFailed("It failed")

    assert relay.relay_next(here, events.BUS, fail_second), "more is due"
    assert told == [("build/1", 1), ("build/2", 1)]
    assert relay.relay_next(here, events.BUS, fail_second), "more is due"
    assert told[2:] == [("build/1", 2), ("build/3", 1)]
    assert not relay.relay_next(here, events.BUS, fail_second), "only what was put off is left"
    assert told[4:] == [("build/1", 3)]


def test_what_is_put_off_makes_no_piece_smaller(here: Service) -> None:
    for _ in range(relay.PAGE - 1):
        parts.submit(here)
    with here.database.writing() as session:
        session.execute(sa.update(Delivery).values(next_try=clock(session) + datetime.timedelta(hours=1)))
    for _ in range(relay.PIECE + 1):
        parts.submit(here)
    assert relay.relay_next(here, events.BUS, relay.nowhere)
    assert [state for _, state, _ in deliveries(here, events.BUS)].count("delivered") == relay.PIECE


def test_a_lock_that_can_t_be_read_keeps_no_other_build_s_message_back(here: Service) -> None:
    broken, sound = parts.queued(here), parts.queued(here)
    with here.database.writing() as session:
        session.execute(sa.update(BuildLock).where(BuildLock.build_id == broken).values(body={"release": "f44"}))
    for _ in range(2):
        relay.relay_next(here, events.BUS, lambda *_: None)
    states = [(subject, state) for subject, state, _ in deliveries(here, events.BUS)]
    assert (f"build/{sound}", "delivered") in states and (f"build/{broken}", "delivered") not in states


def test_behind_many_that_are_put_off_the_first_that_is_due_is_found(here: Service) -> None:
    two_canceled(here)
    with here.database.writing() as session:
        first = session.execute(sa.select(Delivery).where(Delivery.sink == events.BUS).order_by(Delivery.id)).scalars().first()
        assert first is not None
        first.next_try = clock(session) + datetime.timedelta(hours=1)
    # More than one look takes in, and all of them behind the one that was put off.
    for _ in range(relay.PAGE):
        parts.queued(here)
        with here.database.writing() as session:
            session.execute(sa.update(Delivery).where(Delivery.subject != "build/2").values(next_try=first.next_try))
    while relay.relay_next(here, events.BUS, stumble):
        pass
    done = {subject for subject, state, _ in deliveries(here, events.BUS) if state == "delivered"}
    assert done == {"build/2"}


def test_a_delivery_that_breaks_its_sink_is_parked_after_the_last_try(here: Service) -> None:
    two_canceled(here)
    for _ in range(relay.TRIES + 1):
        let_all_be_due(here)
        relay.relay_next(here, events.MAIL, stumble)
    assert deliveries(here, events.MAIL) == [("build/1", "parked", relay.TRIES), ("build/2", "delivered", 1)]


def be_away(_event: Event, _delivery: Delivery, _record: BuildRecord | None) -> None:
    """A sink that can't be reached."""
    raise errors.DeliveryFailed("The message could not be published", away=True)


def test_what_waits_for_a_bus_that_is_away_is_never_parked_and_goes_at_once_when_it_is_back(here: Service) -> None:
    for _ in range(3):
        parts.submit(here)
    for _ in range(relay.TRIES + 1):
        let_all_be_due(here)
        for _ in range(3):
            relay.relay_next(here, events.BUS, be_away)
    assert {state for _, state, _ in deliveries(here, events.BUS)} == {"waiting"}
    let_one_be_due(here)
    while relay.relay_next(here, events.BUS, relay.nowhere):
        pass
    assert {state for _, state, _ in deliveries(here, events.BUS)} == {"delivered"}


def test_who_has_lost_the_duty_hands_no_more_over(here: Service) -> None:
    two_canceled(here)
    held = [True, False]
    relay.relay_next(here, events.BUS, relay.nowhere, lambda: held.pop(0))
    assert [state for _, state, _ in deliveries(here, events.BUS)] == ["delivered", "waiting", "waiting", "waiting"]


@pytest.mark.parametrize("name", ["relay-bus", "relay-mail"])
def test_the_dispatchers_relays_ask_whether_the_duty_is_theirs(here: Service, name: str) -> None:
    two_canceled(here)
    (task,) = (task for task in dispatcher.tasks(here, lambda asked: asked != name) if task.name == name)
    assert not task.work() and not task.work()
    assert {state for sink in (events.BUS, events.MAIL) for _, state, _ in deliveries(here, sink)} == {"waiting"}


@pytest.mark.parametrize("permanent", [True, False, None])
def test_what_the_next_holder_has_delivered_stays_so_whatever_the_last_one_says_of_it(here: Service, permanent: bool | None) -> None:
    parts.submit(here)

    def stand_still(_event: Event, delivery: Delivery, _record: BuildRecord | None) -> None:
        relay.relay_next(here, events.BUS, relay.nowhere)
        if permanent is not None:
            raise errors.DeliveryFailed("It failed", permanent=permanent)

    relay.relay_next(here, events.BUS, stand_still)
    assert deliveries(here, events.BUS) == [("build/1", "delivered", 1)]


def refuse(_event: Event, delivery: Delivery, _record: BuildRecord | None) -> None:
    """A sink that refuses for good and names the recipient."""
    raise errors.DeliveryFailed(f"The mail to {delivery.recipient.upper()} was refused", permanent=True)


def test_what_was_parked_is_shown_without_its_recipient(here: Service) -> None:
    builds.cancel(here.database, parts.submit(here, notify=["one@example.org", "two@example.org"]), "alice")
    while relay.relay_next(here, events.MAIL, refuse):
        pass
    client = app.make(here).test_client()
    (parked,) = client.get("/api/v1/builds/1").get_json()["parked"]
    assert parked == {"sink": "mail", "count": 2, "sentence": "The mail to the recipient was refused."}
    page = client.get("/builds/1", headers={"Accept": "text/html"}).text
    assert "2 deliveries to mail were given up: The mail to the recipient was refused." in page
    assert "example.org" not in page.lower()


def test_the_publisher_waits_no_longer_than_the_consumers_before_it_reconnects(here: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(factory.FedoraMessagingFactoryV2, "maxDelay", 3600)
    relay.Bus(here)
    assert factory.FedoraMessagingFactoryV2.maxDelay == bus.LONGEST_PAUSE


def test_what_was_given_up_is_shown_to_the_operator_and_delivered_when_he_says_so(here: Service) -> None:
    builds.cancel(here.database, parts.submit(here, notify=["one@example.org"]), "alice")
    while relay.relay_next(here, events.MAIL, refuse):
        pass
    with here.database.reading() as session:
        ((delivery, event),) = events.given_up(session, 10)
        assert (delivery.recipient, event.subject) == ("one@example.org", "build/1") and "was refused" in str(delivery.error)
    assert events.deliver_again(here.database, events.BUS) == 0 and deliveries(here, events.MAIL)[0][1] == "parked"
    assert events.deliver_again(here.database, events.MAIL) == 1
    relay.relay_next(here, events.MAIL, relay.nowhere)
    assert deliveries(here, events.MAIL) == [("build/1", "delivered", 1)]


def test_the_operators_commands_show_and_deliver_what_was_given_up(here: Service) -> None:
    builds.cancel(here.database, parts.submit(here, notify=["one@example.org"]), "alice")
    while relay.relay_next(here, events.MAIL, refuse):
        pass
    settings = {f"MASTER__{name.upper()}": str(getattr(here.settings.master, name)) for name in ("data", "config", "database")}
    said = [command_parts.run("serve", *words, **settings).stdout for words in (("--show-parked",), ("--deliver-parked", "mail")) * 2]
    assert "one@example.org" in said[0] and "build/1" in said[0] and "was refused" in said[0]
    again = "deliveries to mail that are tried again: {}\n"
    assert said[1:] == [again.format(1), "no delivery was given up\n", again.format(0)]
