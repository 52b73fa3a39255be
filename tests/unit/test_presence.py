# SPDX-License-Identifier: MIT
"""Builders join and are lost, and the bus is told, each time once."""

from __future__ import annotations

import datetime

import sqlalchemy as sa

from ondemand_web import dispatcher
from ondemand_web.database import clock
from ondemand_web.events import composing
from ondemand_web.events.models import Delivery, Event
from ondemand_web.queue import endings, presence
from ondemand_web.queue.models import Builder
from ondemand_web.service import Service
from tests import master_parts as parts


def told(here: Service, subject: str = "builder/one") -> list[tuple[int, str]]:
    """Number and kind of the subject's events, each with a delivery to the bus."""
    with here.database.reading() as session:
        statement = sa.select(Event.seq, Event.kind).join(Delivery, Delivery.event_id == Event.id).order_by(Event.seq)
        rows = session.execute(statement.where(Event.subject == subject, Delivery.sink == "bus"))
        return [(seq, kind) for seq, kind in rows]


def be_silent(here: Service) -> None:
    """Nobody was heard of for an hour."""
    with here.database.writing() as session:
        session.execute(sa.update(Builder).values(seen_at=clock(session) - datetime.timedelta(hours=1)))


def test_a_builder_joins_with_its_first_claim_and_is_lost_after_its_silence(here: Service) -> None:
    name = parts.builder(here)
    for _ in range(2):
        parts.claim(here, name)
    assert presence.miss(here.database, here.settings.queue) == 0
    be_silent(here)
    assert [presence.miss(here.database, here.settings.queue) for _ in range(2)] == [1, 0]
    parts.claim(here, name)
    assert told(here) == [(1, "builder.joined"), (2, "builder.lost"), (3, "builder.joined")]


def test_what_the_bus_is_told_of_builders_is_valid(here: Service) -> None:
    parts.claim(here, parts.builder(here))
    be_silent(here)
    presence.miss(here.database, here.settings.queue)
    with here.database.reading() as session:
        sent = [composing.message_of(event, None) for event in session.execute(sa.select(Event)).scalars()]
    for message in sent:
        message.validate()
    assert [message.summary for message in sent] == [
        "builder one has joined",
        "builder one is lost: it was not heard of for 60 s",
    ]


def test_after_its_own_start_a_dispatcher_misses_nobody(here: Service) -> None:
    parts.claim(here, parts.builder(here))
    be_silent(here)
    dispatcher.Reaper(here)()
    assert told(here) == [(1, "builder.joined")]


def test_a_build_that_succeeds_is_published_after_its_change_of_state(here: Service) -> None:
    name, build_id = parts.builder(here), parts.queued(here)
    attempt = parts.claim(here, name)
    assert attempt is not None
    parts.store(here, attempt)
    endings.finish(here.database, name, build_id, 1, parts.success(), here.settings.queue)
    kinds = [kind for _, kind in told(here, f"build/{build_id}")]
    assert kinds[-2:] == ["state.changed", "image.published"]
