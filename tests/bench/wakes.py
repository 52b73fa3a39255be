# SPDX-License-Identifier: MIT
"""How long builders sleep on: from the publishing of `ondemand.build.requested` to the answer of the claim that gets it.

RabbitMQ, `fedora-messaging consume` with the doorbells, the HTTP API, web and dispatcher are processes of their own;
this process is the sleeping builders (Bell, capabilities, Master), which work between waking and claiming as Worker does.
The queued build's deliveries are marked as done, so what is measured is the message published here, on a standing connection.
"""

from __future__ import annotations

import concurrent.futures
import contextlib
import time
import uuid

import sqlalchemy as sa
from fedora_messaging import api
from fedora_messaging import config as bus_config

from ondemand import build_requests, builds, errors, messages, settings
from ondemand.states import State
from ondemand_consumer import capabilities, master, worker
from ondemand_web.builds import services
from ondemand_web.builds.models import Build, BuildLock
from ondemand_web.database import Database, clock
from ondemand_web.events.models import Delivery
from ondemand_web.people import services as people
from ondemand_web.queue import turns
from tests import master_parts, service_parts
from tests.bench import figures

COUNT = 100
WARM = 3
"""Rounds before those that count: the first publish connects, the first claim imports."""
WAKE_TIMEOUT = 30.0
_NAME = "bench-sleeper"
_ENDED = errors.InvalidRequest("The benchmark needs no image").as_dict()


def measure(
    service: service_parts.Running, database: Database, key: str = "wake_p95_ms", *, builders: int = 1, count: int = COUNT
) -> dict[str, float]:
    """The figure `key` over `count` rounds, with so many builders asleep."""
    figures.announce(f"{count} wake-ups of {builders}")
    bus_config.conf.load_config(str(service.bus_file("bench-publisher")))
    with contextlib.ExitStack() as stack:
        sleepers = [Sleeper(service, database, f"{_NAME}-{number}") for number in range(builders)]
        doorbells = [service_parts.started(stack, sleeper.doorbell) for sleeper in sleepers]
        for sleeper, doorbell in zip(sleepers, doorbells, strict=True):
            stack.callback(sleeper.bell.close)
            heard = service_parts.soon(lambda: "Successfully registered" in doorbell.output, service_parts.START_TIMEOUT)  # noqa: B023
            assert heard, doorbell.output
            sleeper.claim()
        pool = stack.enter_context(concurrent.futures.ThreadPoolExecutor(builders))
        seconds = [_round(database, sleepers, pool) for _ in range(WARM + count)][WARM:]
    print(figures.spread("wake", [value * 1000 for value in seconds], "ms"), flush=True)
    return {key: figures.percentile(seconds, 95) * 1000}


class Sleeper:
    """A builder that waits for its bell, claims, and gives up what it got."""

    def __init__(self, service: service_parts.Running, database: Database, name: str) -> None:
        """Registers with the master and listens."""
        work, bell = service.folder / name, service.folder / f"{name}.bell"
        work.mkdir()
        self._config = settings.Builder(work=work)
        self._instance = str(uuid.uuid4())
        self._master = master.Master(service.site.url, people.add_builder(database, name))
        self._master.register(self._instance)
        self.bell = worker.Bell(bell)
        self.doorbell = service.doorbell(name, bell)

    def claim(self) -> builds.Assignment | None:
        """What a builder does when it has woken."""
        return self._master.claim(str(uuid.uuid4()), self._instance, capabilities.find(self._config))

    def wake(self) -> tuple[float, builds.Assignment | None]:
        """When its claim was answered, and with what; nothing means that another one was first."""
        self.bell.wait(WAKE_TIMEOUT, worker.spread(self._master.builders))
        assignment = self.claim()
        return time.perf_counter(), assignment

    def end(self, assignment: builds.Assignment) -> None:
        """Ends the attempt in a way that is not tried again."""
        self._master.attempt(assignment).finish(builds.FinishReport(error=_ENDED))


def _round(database: Database, sleepers: list[Sleeper], pool: concurrent.futures.Executor) -> float:
    """Seconds from the publish of one message to the first claim that it caused; all sleep again after it."""
    build_id = _put(database)
    waking = [pool.submit(sleeper.wake) for sleeper in sleepers]
    published = _publish(build_id)
    woken = [wake.result(2 * WAKE_TIMEOUT) for wake in waking]
    won = [(sleeper, at, got) for sleeper, (at, got) in zip(sleepers, woken, strict=True) if got is not None]
    ((sleeper, answered, assignment),) = won
    assert assignment.build_id == build_id
    sleeper.end(assignment)
    if max(at for at, _ in woken) - published > WAKE_TIMEOUT:
        raise errors.BuilderError(f"A bell did not ring within {WAKE_TIMEOUT:.0f} s", remedy="read the logs in build/bench")
    return answered - published


def _publish(build_id: int) -> float:
    """Publishes, and gives the time at which it began to."""
    build = {
        "id": build_id,
        "url": f"http://127.0.0.1/builds/{build_id}",
        "owner": "you",
        "release": "demo",
        "arch": "x86_64",
        "image_type": "live",
        "title": "Benchmark",
        "packages": [],
    }
    began = time.perf_counter()
    api.publish(messages.BuildRequestedV1(body={"build": build}), timeout=10)
    return began


def _put(database: Database) -> int:
    """A queued build that nobody has heard of."""
    request = build_requests.validate({"release": "demo", "title": "Benchmark"})
    with database.writing() as session:
        now = clock(session)
        build = Build(
            owner="you",
            state=State.RECEIVED,
            request=request.model_dump(mode="json"),
            release=request.release,
            arch=request.arch,
            image_type=request.image_type.value,
            created_at=now,
            changed_at=now,
            next_try=now,
        )
        session.add(build)
        session.flush()
        turn = turns.turn(session, build.owner, master_parts.kind(build), settings.Queue())
        values = {"backend": "kiwi", "turn": turn}
        services.move(session, build.id, old=State.RECEIVED, new=State.QUEUED, values=values)
        body = master_parts.LOCK.model_dump(mode="json")
        session.add(BuildLock(build_id=build.id, digest="d", body=body, kickstart="lang C\n"))
        session.execute(sa.update(Delivery).where(Delivery.subject == f"build/{build.id}").values(state="delivered"))
        return build.id
