# SPDX-License-Identifier: MIT
"""The checker of the fault tests finds each thing that may not be, and nothing in a service where all is well."""

from __future__ import annotations

import dataclasses
import datetime
import pathlib
import types
from collections.abc import Callable, Iterator
from email.message import EmailMessage
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import orm

from ondemand import builds as shared
from ondemand import errors, proofs, states
from ondemand.states import Outcome, State
from ondemand_web.builds import services as builds
from ondemand_web.builds.models import Build
from ondemand_web.database import clock
from ondemand_web.events import relay
from ondemand_web.events import services as events
from ondemand_web.events.models import Delivery, Event
from ondemand_web.files.models import ArtifactFile
from ondemand_web.queue import endings
from ondemand_web.queue.models import Attempt
from ondemand_web.service import Service
from tests import master_parts as parts
from tests import simulated_builder, truth_parts

FAULT = errors.ToolFailed("It broke").as_dict()
WON, FAILED, CANCELED = 1, 2, 3


@dataclasses.dataclass
class World:
    """A service at rest with three builds, as the checker asks it: one that won, one that failed, one canceled."""

    here: Service
    folder: pathlib.Path
    url: str
    heard: list[tuple[str, object]] = dataclasses.field(default_factory=list)
    letters: list[pathlib.Path] = dataclasses.field(default_factory=list)

    def __post_init__(self) -> None:
        self.site, self.mails = types.SimpleNamespace(url=self.url), types.SimpleNamespace(mails=lambda: self.letters)

    def hear(self) -> list[tuple[str, object]]:
        return self.heard

    def change(self, statement: Any) -> None:
        with self.here.database.writing() as session:
            session.execute(statement)

    def kept(self, build_id: int, attempt: int) -> pathlib.Path:
        """An attempt's image in the storage."""
        return self.folder / "master" / "artifacts" / "f44" / str(build_id) / str(attempt) / "image.iso"

    def found(self) -> list[str]:
        """All that the checker finds."""
        with self.here.database.reading() as session:
            return [*truth_parts._unrest(session), *truth_parts._faults(session, self)]  # type: ignore[arg-type]


def win(world: World) -> None:
    """The first build makes its image."""
    parts.queued(world.here)
    assert parts.claim(world.here) is not None
    made = simulated_builder.image(WON, 1)
    path = world.kept(WON, 1)
    path.parent.mkdir(parents=True)
    path.write_bytes(made)
    image = proofs.Artifact(name="image.iso", role="image", size=len(made), sha256="a" * 64)
    with world.here.database.reading() as session:
        attempt = session.get_one(Attempt, (WON, 1))
    parts.store(world.here, attempt, image, parts.MANIFEST)
    endings.finish(world.here.database, "one", WON, 1, parts.success(image, parts.MANIFEST), world.here.settings.queue)


def carry(world: World) -> None:
    """Every event reaches the bus, and every mail its recipient."""

    def keep(event: Event, delivery: Delivery, _record: object) -> None:
        if delivery.sink == events.BUS:
            world.heard.append((truth_parts.message_id(event), None))
            return
        letter = EmailMessage()
        letter["Message-ID"] = f"<ondemand.{event.id}.x@demo>"
        path = world.folder / f"letter-{event.id}"
        path.write_bytes(letter.as_bytes())
        world.letters.append(path)

    while any(relay.relay_next(world.here, sink, keep) for sink in (events.BUS, events.MAIL)):
        pass


@pytest.fixture
def database_url(tmp_path: pathlib.Path) -> str:
    """One database suffices for the checker."""
    return f"sqlite:///{tmp_path / 'ondemand.sqlite'}"


@pytest.fixture
def world(here: Service, tmp_path: pathlib.Path) -> Iterator[World]:
    """All is well."""
    with parts.served(here) as url:
        made = World(here, tmp_path, url)
        parts.builder(here)
        win(made)
        parts.queued(here)
        assert parts.claim(here) is not None
        endings.finish(here.database, "one", FAILED, 1, shared.FinishReport(error=FAULT), here.settings.queue)
        builds.cancel(here.database, parts.submit(here, notify=["one@example.org"]), "alice")
        made.change(sa.update(Attempt).values(swept_at=Attempt.ended_at))
        carry(made)
        yield made


def test_where_all_is_well_nothing_is_found(world: World) -> None:
    assert world.found() == [] and len(world.heard) > 8 and len(world.letters) == 1


def last_of(subject: str) -> sa.ScalarSelect[int]:
    return sa.select(sa.func.max(Event.id)).where(Event.subject == subject).scalar_subquery()


def of(build_id: int) -> sa.Update:
    return sa.update(Build).where(Build.id == build_id)


def tried(build_id: int) -> sa.Update:
    return sa.update(Attempt).where(Attempt.build_id == build_id)


LAST = last_of(f"build/{CANCELED}")
ROWS: list[tuple[Any, str]] = [
    (tried(FAILED).values(outcome=Outcome.SUCCEEDED), "build 2 is failed, its winner None, but attempts [1] succeeded"),
    (tried(WON).values(outcome=Outcome.LOST), "build 1 is succeeded, its winner 1, but attempts [] succeeded"),
    (of(WON).values(winner=None), "its winner None, but attempts [1] succeeded"),
    (of(FAILED).values(error=None), "build 2 is failed without a reason"),
    (of(CANCELED).values(canceled_by=None), "build 3 is canceled without a reason"),
    (of(FAILED).values(attempts=2), "build 2 has attempts [1] of 2"),
    (tried(FAILED).values(number=2), "build 2 has attempts [2] of 1"),
    (tried(FAILED).values(ended_at=None), "an attempt still runs"),
    (of(CANCELED).values(state=State.RECEIVED), "build 3 is received"),
    (tried(WON).values(swept_at=None), "attempt 1/1 is not swept"),
    (sa.update(Event).where(Event.id == LAST).values(seq=7), "build/3 has events [1, 7]"),
    (sa.update(Event).where(Event.id == LAST).values(body={"new": "queued"}), "build/3 ended 0 times"),
    (sa.update(Event).where(Event.subject == "build/3").values(body={"new": "canceled"}), "build/3 ended 2 times"),
    (sa.delete(Delivery).where(Delivery.event_id == LAST, Delivery.sink == "bus"), "has 0 deliveries to the bus"),
    (sa.update(Delivery).where(Delivery.event_id == LAST).values(state="parked", error="No."), "is parked: No."),
    (sa.update(Delivery).where(Delivery.event_id == LAST).values(state="waiting"), "waits: None"),
    (sa.update(ArtifactFile).where(ArtifactFile.name == "image.iso").values(state="storing"), "is still on its way"),
]


@pytest.mark.parametrize(("statement", "said"), ROWS, ids=[said for _, said in ROWS])
def test_a_row_that_may_not_be_is_found(world: World, statement: Any, said: str) -> None:
    world.change(statement)
    assert said in "\n".join(world.found())


def lose(world: World) -> None:
    world.kept(FAILED, 1).parent.mkdir(parents=True)
    world.kept(FAILED, 1).write_bytes(b"a loser's")


def exchange(world: World) -> None:
    ids = [truth_parts.message_id(Event(subject="build/1", seq=number)) for number in (1, 2)]
    one, two = (next(place for place, (known, _) in enumerate(world.heard) if known == each) for each in ids)
    world.heard[one], world.heard[two] = world.heard[two], world.heard[one]


SEEN: list[tuple[Callable[[World], object], str]] = [
    (lambda world: world.heard.pop(), "the bus never carried"),
    (lambda world: world.heard.append(("strange", None)), "the bus carried strange, which no event is"),
    (exchange, "the bus carried build/1 1 after 2"),
    (lambda world: world.letters.clear(), "came 0 mails of 1"),
    (lose, "the storage keeps attempts [(2, 1)]"),
    (lambda world: world.kept(WON, 1).unlink(), "but attempt 1 won"),
    (lambda world: world.kept(WON, 1).write_bytes(simulated_builder.image(WON, 2)), "but attempt 1 won"),
]


@pytest.mark.parametrize(("spoil", "said"), SEEN, ids=[f"{number} {said}" for number, (_, said) in enumerate(SEEN)])
def test_what_others_see_and_may_not_is_found(world: World, spoil: Callable[[World], object], said: str) -> None:
    spoil(world)
    assert said in "\n".join(world.found())


def test_a_message_that_came_twice_is_no_fault(world: World) -> None:
    world.heard.append(world.heard[-1])
    assert world.found() == []


def test_what_no_attempt_won_is_at_no_public_address(world: World) -> None:
    with world.here.database.writing() as session:
        _show(session, FAILED)
    lose(world)
    assert "but no attempt won" in "\n".join(world.found())


def _show(session: orm.Session, build_id: int) -> None:
    """Has a build that has no winner show the files of its attempt."""
    build = session.get_one(Build, build_id)
    build.pictured, build.kept_until = 1, clock(session) + datetime.timedelta(days=1)
    given = {"name": "image.iso", "role": "image", "size": 9, "sha256": "a" * 64, "state": "stored", "url": "x"}
    session.add(ArtifactFile(build_id=build_id, attempt=1, **given))
    assert states.State(build.state) is State.FAILED
