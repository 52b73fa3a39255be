# SPDX-License-Identifier: MIT
"""How long a builder sleeps on: from the publishing of `ondemand.build.requested` to the answer of its claim.

RabbitMQ, `fedora-messaging consume` with the doorbell, the HTTP API, web and dispatcher are processes of their own;
this process is the sleeping builder (Bell, capabilities, Master), which works between waking and claiming as Worker
does. The queued build is put into the database with its deliveries marked as done, so that the dispatcher's relay
publishes nothing for it and what is measured is the message published here, on a connection that stands already.
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
from tests import master_parts, service_parts
from tests.bench import figures

COUNT = 100
WARM = 3
"""Rounds before those that count: the first publish connects, the first claim imports."""
WAKE_TIMEOUT = 30.0
_NAME = "bench-sleeper"
_ENDED = errors.InvalidRequest("The benchmark needs no image").as_dict()


def measure(service: service_parts.Running) -> dict[str, float]:
    """`wake_p95_ms` over COUNT rounds."""
    figures.announce(f"{COUNT} wake-ups")
    token = service.ondemand("serve", "--add-builder", _NAME).strip()
    bus_config.conf.load_config(str(service.bus_file("bench-publisher")))
    with contextlib.ExitStack() as stack:
        database = Database(f"sqlite:///{service.folder / 'master' / 'ondemand.sqlite'}")
        stack.callback(database.close)
        sleeper = Sleeper(service, token)
        stack.callback(sleeper.bell.close)
        doorbell = service_parts.started(stack, service.doorbell(_NAME, service.folder / "bench.bell"))
        heard = service_parts.soon(lambda: "Successfully registered" in doorbell.output, service_parts.START_TIMEOUT)
        assert heard, doorbell.output
        pool = stack.enter_context(concurrent.futures.ThreadPoolExecutor(1))
        seconds = [_round(database, sleeper, pool) for _ in range(WARM + COUNT)][WARM:]
    print(figures.spread("wake", [value * 1000 for value in seconds], "ms"), flush=True)
    return {"wake_p95_ms": figures.percentile(seconds, 95) * 1000}


class Sleeper:
    """A builder that waits for its bell, claims, and gives up what it got."""

    def __init__(self, service: service_parts.Running, token: str) -> None:
        """Registers with the master and listens."""
        work = service.folder / _NAME
        work.mkdir()
        self._config = settings.Builder(work=work)
        self._instance = str(uuid.uuid4())
        self._master = master.Master(service.site.url, token)
        self._master.register(self._instance)
        self.bell = worker.Bell(service.folder / "bench.bell")

    def claim(self) -> builds.Assignment | None:
        """What a builder does when it has woken."""
        return self._master.claim(str(uuid.uuid4()), self._instance, capabilities.find(self._config))

    def end(self, assignment: builds.Assignment) -> None:
        """Ends the attempt in a way that is not tried again."""
        self._master.attempt(assignment).finish(builds.FinishReport(error=_ENDED))


def _round(database: Database, sleeper: Sleeper, pool: concurrent.futures.Executor) -> float:
    """Seconds from the publish of one message to the claim that it caused."""
    build_id = _put(database)
    published = pool.submit(_publish, build_id)
    until = time.monotonic() + WAKE_TIMEOUT
    while time.monotonic() < until:
        sleeper.bell.wait(until - time.monotonic())
        assignment = sleeper.claim()
        ended = time.perf_counter()
        if assignment is not None:
            assert assignment.build_id == build_id
            sleeper.end(assignment)
            return ended - published.result(WAKE_TIMEOUT)
    raise errors.BuilderError(f"Nobody woke within {WAKE_TIMEOUT:.0f} s", remedy="read the logs in build/bench/core")


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
        values = {"backend": "kiwi", "turn": services.turn(session, build.owner, now)}
        services.move(session, old=State.RECEIVED, new=State.QUEUED, where=[Build.id == build.id], values=values)
        body = master_parts.LOCK.model_dump(mode="json")
        session.add(BuildLock(build_id=build.id, digest="d", body=body, kickstart="lang C\n"))
        session.execute(sa.update(Delivery).where(Delivery.subject == f"build/{build.id}").values(state="delivered"))
        return build.id
