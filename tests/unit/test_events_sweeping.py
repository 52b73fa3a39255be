# SPDX-License-Identifier: MIT
"""Old events go with their deliveries; what is needed for the numbering, or still waits, stays."""

from __future__ import annotations

import datetime
import pathlib

import sqlalchemy as sa

from ondemand_web.builds import services as builds
from ondemand_web.builds.models import Build
from ondemand_web.database import clock
from ondemand_web.events import relay, sweeping
from ondemand_web.events import services as events
from ondemand_web.events.models import Delivery, Event
from ondemand_web.orders.models import BotOrder
from ondemand_web.service import Service
from tests import master_parts as parts
from tests import wish_parts

DAYS = 30


def age(here: Service, days: int = DAYS + 1) -> None:
    """Makes all that there is older."""
    with here.database.writing() as session:
        then = clock(session) - datetime.timedelta(days=days)
        session.execute(sa.update(Event).values(at=then))
        session.execute(sa.update(Build).where(Build.ended_at.is_not(None)).values(ended_at=then))
        session.execute(sa.update(BotOrder).values(received_at=then))


def deliver(here: Service) -> None:
    while any(relay.relay_next(here, sink, relay.nowhere) for sink in (events.BUS, events.MAIL)):
        pass


def sweep(here: Service) -> list[tuple[str, int]]:
    """Sweeps all; what is left."""
    while sweeping.sweep(here.database, DAYS):
        pass
    with here.database.reading() as session:
        left = [(row.subject, row.seq) for row in session.execute(sa.select(Event).order_by(Event.id)).scalars()]
        assert session.execute(sa.select(sa.func.count()).select_from(Delivery)).scalar_one() >= len(left)
    return left


def ended(here: Service) -> int:
    """A build that has ended, with two events that were delivered."""
    build_id = parts.submit(here)
    builds.cancel(here.database, build_id, "alice")
    deliver(here)
    return build_id


def test_events_go_after_their_time_and_the_build_stays(here: Service) -> None:
    build_id = ended(here)
    age(here, DAYS - 1)
    assert len(sweep(here)) == 2
    age(here)
    assert sweep(here) == []
    with here.database.reading() as session:
        assert builds.get(session, build_id).canceled_by == "alice"
        assert session.execute(sa.select(Delivery)).all() == []


def test_events_of_a_build_that_goes_on_stay(here: Service) -> None:
    build_id = parts.submit(here)
    deliver(here)
    age(here)
    assert sweep(here) == [(f"build/{build_id}", 1)]


def test_an_event_that_the_bus_has_not_got_stays(here: Service) -> None:
    build_id = ended(here)
    with here.database.writing() as session:
        last = session.execute(sa.select(sa.func.max(Delivery.id))).scalar_one()
        session.execute(sa.update(Delivery).where(Delivery.id == last).values(state="waiting"))
    age(here)
    assert sweep(here) == [(f"build/{build_id}", 2)]


def test_a_builder_s_next_event_has_a_number_that_none_had(here: Service) -> None:
    for _ in range(3):
        with here.database.writing() as session:
            events.announce(session, "builder/one", events.JOINED, {}, clock(session))
    deliver(here)
    age(here)
    assert sweep(here) == [("builder/one", 3)]
    with here.database.writing() as session:
        events.announce(session, "builder/one", events.LOST, {}, clock(session))
    assert sweep(here) == [("builder/one", 4)]


def test_a_decision_s_next_event_has_a_number_that_none_had_as_long_as_it_is_kept(here: Service, tmp_path: pathlib.Path) -> None:
    wish_parts.ruled(here, tmp_path)
    wish_parts.bring(here, wish_parts.facts())
    wish_parts.work(here)
    with here.database.writing() as session:
        events.announce(session, "decision/2", events.DECIDED, {}, clock(session))
    deliver(here)
    age(here)
    assert [subject for subject, _ in sweep(here) if subject.startswith("decision/")] == ["decision/1"]
    wish_parts.bring(here, wish_parts.facts(2, 60, happened="withdrawn"))
    wish_parts.work(here)
    with here.database.reading() as session:
        told = sa.select(Event.seq).where(Event.subject == "decision/1").order_by(Event.seq)
        assert list(session.execute(told).scalars()) == [1, 2]


def test_a_refused_order_is_forgotten_and_one_that_made_a_build_is_not(here: Service) -> None:
    build_id = ended(here)
    with here.database.writing() as session:
        for number, made in ((1, None), (2, build_id)):
            session.add(BotOrder(message_id=f"m-{number}", bot="acme", received_at=clock(session), build_id=made))
    age(here)
    assert sweep(here) == []
    with here.database.reading() as session:
        assert session.execute(sa.select(BotOrder.message_id)).scalars().all() == ["m-2"]
