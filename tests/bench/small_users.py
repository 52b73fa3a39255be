# SPDX-License-Identifier: MIT
"""How long one build of a new owner waits behind thousands of another's, in simulated time.

Turns, the database and the claims are the real ones; only the builders' work is an entry in a calendar.
"""

from __future__ import annotations

import datetime
import heapq
import random
import statistics

import sqlalchemy as sa

from ondemand import settings
from ondemand.states import State
from ondemand_web.builds.models import Build
from ondemand_web.database import Database
from ondemand_web.people import services as people
from ondemand_web.queue import services as queue
from ondemand_web.queue import turns
from ondemand_web.queue.lengths import Kind
from ondemand_web.queue.models import Attempt
from tests import master_parts
from tests.bench import figures, rows

COUNT = 200
BEHIND = 3000
BUILDERS = 1
"""With more of them one is free sooner: this is the hardest case."""
SHORTEST, LONGEST = 120.0, 1200.0
"""Seconds of simulated time that a build takes."""
KIND = Kind("demo", "x86_64", "live", "kiwi", "test")


class Simulation:
    """Builders that are always at work, and their calendar in seconds."""

    def __init__(self, database: Database, seed: int = 1) -> None:
        self._database, self._random = database, random.Random(seed)
        self._limits = settings.Queue()
        self._ends: list[tuple[float, str, int]] = []
        self.now = 0.0
        self._length: dict[int, float] = {}
        self._claims = 0

    def start(self) -> None:
        """Every builder takes its first build."""
        for number in range(BUILDERS):
            people.add_builder(self._database, f"b{number}")
            queue.register(self._database, f"b{number}", "simulated", self._limits)
            self._begin(f"b{number}")

    def wait_of(self, owner: str) -> float:
        """Seconds until a build that the owner asks for at some moment, not at the end of another, begins."""
        for _ in range(self._random.randint(1, 3)):
            self._step()
        asked = self._random.uniform(self.now, self._ends[0][0])
        (build_id,) = self.ask(owner)
        while self._step() != build_id:
            pass
        return self.now - asked

    def ask(self, owner: str, count: int = 1) -> list[int]:
        """So many builds of the owner, queued as the dispatcher does it; gives their ids."""
        made = rows.received(self._database, owner, count)
        for build_id in made:
            with self._database.writing() as session:
                turn = turns.turn(session, owner, KIND, self._limits)
                session.execute(sa.update(Build).where(Build.id == build_id).values(turn=turn, state=State.QUEUED))
        return made

    def _step(self) -> int:
        """The next end of a build, and the build that its builder takes then."""
        self.now, builder, build_id = heapq.heappop(self._ends)
        with self._database.writing() as session:
            session.execute(sa.update(Build).where(Build.id == build_id).values(state=State.SUCCEEDED, winner=1))
            attempt = session.get_one(Attempt, (build_id, 1))
            attempt.ended_at = attempt.started_at + datetime.timedelta(seconds=self._length[build_id])
        return self._begin(builder)

    def _begin(self, builder: str) -> int:
        self._claims += 1
        won = queue.claim(self._database, builder, "simulated", f"simulated-{self._claims}", master_parts.CAN, self._limits)
        assert won is not None, "the queue ran out"
        build_id = won[0].id
        self._length[build_id] = self._random.uniform(SHORTEST, LONGEST)
        heapq.heappush(self._ends, (self.now + self._length[build_id], builder, build_id))
        return build_id

    @property
    def mean(self) -> float:
        """Seconds that a build took."""
        return statistics.fmean(self._length.values())


def measure(database: Database) -> dict[str, float]:
    """`small_user_wait_ratio`: the 95th percentile of COUNT new owners' waits over the mean length of a build."""
    figures.announce(f"{COUNT} new owners behind {BEHIND} builds of another")
    # As many more as are built while it lasts.
    simulation = Simulation(database)
    simulation.ask("many", BEHIND + 4 * COUNT)
    simulation.start()
    waits = [simulation.wait_of(f"new-{number}") for number in range(COUNT)]
    mean = simulation.mean
    print(figures.spread("wait", [wait / mean for wait in waits], "builds"), flush=True)
    return {"small_user_wait_ratio": figures.percentile(waits, 95) / mean}
