# SPDX-License-Identifier: MIT
"""What has to be true of a service whatever happened to it: one checker for all tests of faults.

Every accepted request has come to an end with one winner or a stated reason; events are numbered without a gap; every
sink got every event, the bus in each subject's order; nothing of a loser can be seen.
"""

from __future__ import annotations

import collections
import email
import uuid
from collections.abc import Iterable

import requests
import sqlalchemy as sa
from sqlalchemy import orm

from ondemand.states import Outcome, State
from ondemand_web.builds.models import Build
from ondemand_web.events import services as events
from ondemand_web.events.models import Delivery, Event
from ondemand_web.files.models import ArtifactFile
from ondemand_web.queue.models import Attempt
from tests import simulated_builder
from tests.outage_parts import SETTLED, Service
from tests.service_parts import soon

SPACE = uuid.UUID("6f1f4b2e-2a3c-5d0e-9a53-6b7f1d0c9a11")
"""The name space of message ids; who has seen a message must know it again, so it may never change."""

LOOKS = 4.0
"""Seconds in which what was not true may still become it."""


def check(service: Service, accepted: Iterable[int] = ()) -> list[Build]:
    """Waits until all has come to rest and asserts what has to be true; gives the accepted builds."""
    database = service.database()
    try:
        unrest = ["nothing was looked at"]

        def rests() -> bool:
            with database.reading() as session:
                unrest[:] = _unrest(session)
            return not unrest

        assert soon(rests, SETTLED, 0.3), "\n".join([*unrest[:20], service.dispatcher.output[-3000:]])
        faults: list[str] = []

        def true() -> bool:
            with database.reading() as session:
                faults[:] = _faults(session, service)
            return not faults

        # A builder may join or be lost while it is looked at; what is really wrong stays wrong.
        assert soon(true, LOOKS, 1), "\n".join(faults)
        with database.reading() as session:
            return [session.get_one(Build, build_id) for build_id in accepted]
    finally:
        database.close()


def succeeded(service: Service, accepted: Iterable[int]) -> None:
    """As `check`, and every accepted build has its image."""
    lost = [f"build {build.id}: {build.error}" for build in check(service, accepted) if build.state != State.SUCCEEDED]
    assert not lost, "\n".join(lost)


def _faults(session: orm.Session, service: Service) -> list[str]:
    builds = {build.id: build for build in session.execute(sa.select(Build)).scalars()}
    return [*_ends(session, builds), *_gaps(session), *_undelivered(session, service), *_seen(session, service, builds)]


def _unrest(session: orm.Session) -> list[str]:
    """What still moves."""
    found = [
        f"build {build.id} is {build.state}: {build.waiting}"
        for build in session.execute(sa.select(Build)).scalars()
        if not State(build.state).final
    ]
    for attempt in session.execute(sa.select(Attempt).where(Attempt.swept_at.is_(None))).scalars():
        found.append(f"attempt {attempt.build_id}/{attempt.number} is not swept, outcome {attempt.outcome}")
    for delivery in session.execute(sa.select(Delivery).where(Delivery.state == "waiting")).scalars():
        found.append(f"delivery {delivery.id} of {delivery.subject} to {delivery.sink} waits: {delivery.error}")
    return found


def _ends(session: orm.Session, builds: dict[int, Build]) -> list[str]:
    """Builds without one winner or a reason."""
    tried: dict[int, list[Attempt]] = collections.defaultdict(list)
    for attempt in session.execute(sa.select(Attempt).order_by(Attempt.build_id, Attempt.number)).scalars():
        tried[attempt.build_id].append(attempt)
    found = []
    for build in builds.values():
        attempts = tried[build.id]
        won = [attempt.number for attempt in attempts if attempt.outcome == Outcome.SUCCEEDED]
        reason = build.canceled_by or (build.error or {}).get("sentence")
        if won != ([build.winner] if build.state == State.SUCCEEDED else []):
            found.append(f"build {build.id} is {build.state}, its winner {build.winner}, but attempts {won} succeeded")
        if build.state != State.SUCCEEDED and not reason:
            found.append(f"build {build.id} is {build.state} without a reason")
        if [attempt.number for attempt in attempts] != list(range(1, build.attempts + 1)):
            found.append(f"build {build.id} has attempts {[attempt.number for attempt in attempts]} of {build.attempts}")
        if any(attempt.ended_at is None for attempt in attempts):
            found.append(f"build {build.id} is {build.state}, and an attempt still runs")
    return found


def _gaps(session: orm.Session) -> list[str]:
    """Subjects whose events aren't numbered from 1, one by one, in the order in which they came; or end twice."""
    numbers: dict[str, list[int]] = collections.defaultdict(list)
    ends: collections.Counter[str] = collections.Counter()
    for event in session.execute(sa.select(Event).order_by(Event.id)).scalars():
        numbers[event.subject].append(event.seq)
        ends[event.subject] += event.kind == events.STATE_CHANGED and State(event.body["new"]).final
    found = [f"{subject} has events {seqs}" for subject, seqs in numbers.items() if seqs != list(range(1, len(seqs) + 1))]
    return found + [f"{subject} ended {count} times" for subject, count in ends.items() if subject.startswith("build/") and count != 1]


def _undelivered(session: orm.Session, service: Service) -> list[str]:
    """Events that a sink did not get, or got in a wrong order."""
    of_event = {event.id: event for event in session.execute(sa.select(Event)).scalars()}
    deliveries = list(session.execute(sa.select(Delivery)).scalars())
    told = collections.Counter(delivery.event_id for delivery in deliveries if delivery.sink == events.BUS)
    found = [f"event {number} has {told[number]} deliveries to the bus" for number in of_event if told[number] != 1]
    found += [f"delivery {each.id} is {each.state}: {each.error}" for each in deliveries if each.state != "delivered"]
    messages = {message_id(event): event for event in of_event.values()}
    heard = [number for number, _ in service.hear()]
    missing, strange = set(messages) - set(heard), set(heard) - set(messages)
    found += [f"the bus never carried {messages[number].subject} {messages[number].seq}" for number in missing]
    found += [f"the bus carried {number}, which no event is" for number in strange]
    latest: dict[str, int] = {}
    for event in (messages[number] for number in heard if number in messages):
        if event.seq < latest.get(event.subject, 0):
            found.append(f"the bus carried {event.subject} {event.seq} after {latest[event.subject]}")
        latest[event.subject] = event.seq
    mails = collections.Counter(email.message_from_bytes(path.read_bytes())["Message-ID"].split(".")[1] for path in service.mails.mails())
    wanted = collections.Counter(str(each.event_id) for each in deliveries if each.sink == events.MAIL)
    return found + [f"of event {number} came {mails[number]} mails of {count}" for number, count in wanted.items() if mails[number] < count]


def message_id(event: Event) -> str:
    """The id of the event's message."""
    return str(uuid.uuid5(SPACE, f"{event.subject.removeprefix('build/')}/{event.seq}/bus"))


def _seen(session: orm.Session, service: Service, builds: dict[int, Build]) -> list[str]:
    """Files of attempts that did not win, in the storage or at a public address; and winners that are not whole."""
    storage, found = service.folder / "master" / "artifacts", []
    kept = sorted((int(path.parent.name), int(path.name)) for path in storage.glob("*/*/*"))
    won = [(build.id, build.winner) for build in builds.values() if build.winner]
    found += [f"the storage keeps attempts {sorted(set(kept) ^ set(won))}, or lost them"] if kept != sorted(won) else []
    for build in builds.values():
        address = f"{service.site.url}/builds/{build.id}/files/image.iso"
        answer = requests.get(address, timeout=10)
        if build.winner is None and answer.status_code != 404:
            found.append(f"{address} answers {answer.status_code}, but no attempt won")
        elif build.winner is not None and answer.content != simulated_builder.image(build.id, build.winner):
            found.append(f"{address} gives «{answer.text[:80]}», but attempt {build.winner} won")
    stored = session.execute(sa.select(ArtifactFile).where(ArtifactFile.state == "storing")).scalars()
    return found + [f"file {row.name} of build {row.build_id} is still on its way" for row in stored]
