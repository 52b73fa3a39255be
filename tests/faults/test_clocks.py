# SPDX-License-Identifier: MIT
"""The wall clock of one process is an hour wrong, and nothing is decided by it: leases, order and news go by the database's."""

from __future__ import annotations

import contextlib
import datetime
import pathlib
import subprocess
from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from ondemand.states import Outcome
from ondemand_web.events.models import Event
from tests import outage_parts as parts
from tests import trigger_parts
from tests import truth_parts as truth
from tests.service_parts import Process, soon

pytestmark = pytest.mark.slow
HOUR = 3600
SOURCE = pathlib.Path(__file__).resolve().parent.parent / "data" / "moved_clock.c"
NEAR = datetime.timedelta(seconds=5)


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What moves the clock of a process that it is loaded into."""
    made = tmp_path_factory.mktemp("clock") / "moved_clock.so"
    subprocess.run(["gcc", "-Wall", "-Werror", "-O1", "-shared", "-fPIC", "-o", made, SOURCE], check=True, timeout=60)
    return str(made)


def moving(library: str, seconds: int) -> dict[str, str]:
    """The environment of a process whose clock is wrong by that much."""
    return {"LD_PRELOAD": library, "MOVED_CLOCK": str(seconds)}


def is_moved(process: Process) -> bool:
    """Whether it really has a clock of its own."""
    return "moved_clock.so" in pathlib.Path(f"/proc/{process.pid}/maps").read_text()


@contextlib.contextmanager
def moved(service: parts.Service, part: str, environment: dict[str, str]) -> Iterator[None]:
    """That part of the master runs anew with this environment, afterwards as before."""
    usual: Process = getattr(service, part)
    other = service.process(part, **environment)
    try:
        _instead(service, usual, other)
        assert soon(lambda: is_moved(other))
        yield
    finally:
        _instead(service, other, usual)


def _instead(service: parts.Service, old: Process, new: Process) -> None:
    old.stop()
    new.start()
    service.wait_for_web()


def now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)


def by_the_database(service: parts.Service, ids: list[int], begun: datetime.datetime) -> None:
    """No attempt was lost, and what happened is dated by the database, which is on this machine."""
    database = service.database()
    with database.reading() as session:
        events = session.execute(sa.select(Event).where(Event.build_id.in_(ids)).order_by(Event.id)).scalars()
        times = [event.at for event in events]
    database.close()
    assert times and begun - NEAR < min(times) and max(times) < now() + NEAR
    for build_id in ids:
        assert [attempt.outcome for attempt in service.client.build(build_id).attempts] == [Outcome.SUCCEEDED]


@pytest.mark.parametrize("seconds", [HOUR, -HOUR], ids=["ahead", "behind"])
@pytest.mark.parametrize("part", ["web", "dispatcher"])
def test_a_part_of_the_master_whose_clock_is_wrong_decides_as_ever(
    hurt: parts.Service, library: str, part: str, seconds: int
) -> None:
    begun = now()
    with moved(hurt, part, moving(library, seconds)), parts.Asking(hurt, 5, 0.05) as asking:
        truth.succeeded(hurt, asking.ids())
        by_the_database(hurt, asking.ids(), begun)


def test_builders_whose_clocks_are_wrong_keep_their_leases(hurt: parts.Service, library: str) -> None:
    begun = now()
    odd = {name: hurt.builder(name, **moving(library, seconds)) for name, seconds in (("fast", HOUR), ("slow", -HOUR))}
    with parts.Asking(hurt, 12, 0.05) as asking:
        truth.succeeded(hurt, asking.ids())
        by_the_database(hurt, asking.ids(), begun)
    makers = {attempt.builder for build_id in asking.ids() for attempt in hurt.client.build(build_id).attempts}
    assert set(odd) <= makers and all(map(is_moved, odd.values()))
    for process in odd.values():
        process.stop()


@pytest.mark.parametrize("clocks", [(HOUR, -HOUR), (HOUR, 0), (-HOUR, 0)], ids=["both", "ahead", "behind"])
def test_triggers_whose_clocks_are_wrong_tell_newer_from_older_as_the_senders_do(
    hurt: parts.Service, library: str, clocks: tuple[int, int]
) -> None:
    bus, begun, name = trigger_parts.RawBus(hurt.broker.url), now(), "clock-{}-{}".format(*clocks)
    one, two = (moving(library, seconds) for seconds in clocks)
    sent = {f"{name}-{number}": begun - datetime.timedelta(minutes=number) for number in range(12)}
    body = trigger_parts.ready()
    body["update"]["release"] = {"name": "F99"}
    sent[f"{name}-to-come"] = begun + datetime.timedelta(hours=1)
    with hurt.trigger(f"{name}-1", **one) as first, hurt.trigger(f"{name}-2", **two) as second:
        assert is_moved(first) and is_moved(second)
        for message_id, at in sent.items():
            bus.publish(body, message_id=message_id, headers={"sent-at": at.isoformat()})
        assert soon(lambda: set(sent) <= {wish.facts.message_id for wish in hurt.client.wishes()}), first.output + second.output
    heard = {wish.facts.message_id: wish.facts.at for wish in hurt.client.wishes() if wish.facts.message_id in sent}
    assert begun - NEAR < heard.pop(f"{name}-to-come") < now() + NEAR
    del sent[f"{name}-to-come"]
    assert heard == sent
    assert "is offered" in first.output and "is offered" in second.output
    truth.check(hurt)
