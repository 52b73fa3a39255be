# SPDX-License-Identifier: MIT
"""How long a claim takes when a hundred builders work on thousands of queued builds, through the real worker API.

Two web processes answer, as a service with so many builders has several. The builders are threads of this process; once all
have registered one message wakes them, as it were, and they begin as builders do then. A build lasts 1 to 5 s; its attempt beats
as the real builder's does and ends with an error that is not tried again, so nothing is uploaded.
"""

from __future__ import annotations

import collections
import concurrent.futures
import dataclasses
import random
import threading
import time
import uuid
from collections.abc import Sequence

from ondemand import builds, errors
from ondemand_consumer import master, progressing, stopping, worker
from ondemand_web.database import Database
from ondemand_web.people import services as people
from tests import master_parts
from tests.bench import figures, rows

BUILDERS = 100
BUILDS = 2000
_ENDED = errors.InvalidRequest("The benchmark needs no image").as_dict()


@dataclasses.dataclass
class Claimed:
    """What the builders found together."""

    began: list[float] = dataclasses.field(default_factory=list)
    seconds: list[float] = dataclasses.field(default_factory=list)
    attempts: list[tuple[int, int]] = dataclasses.field(default_factory=list)
    lock: threading.Lock = dataclasses.field(default_factory=threading.Lock)

    def note(self, began: float, assignment: builds.Assignment | None) -> None:
        """One claim."""
        with self.lock:
            self.began.append(began)
            self.seconds.append(time.monotonic() - began)
            if assignment is not None:
                self.attempts.append((assignment.build_id, assignment.attempt))

    @property
    def fullest(self) -> int:
        """The most claims that began within a tenth of a second."""
        return max(collections.Counter(int(began * 10) for began in self.began).values())


def measure(urls: Sequence[str], database: Database) -> dict[str, float]:
    """`claim_p95_ms`, the builders spread over the addresses of one master; that no attempt was given twice, and how many
    claims came at once, are figures beside it."""
    figures.announce(f"{BUILDERS} builders, {BUILDS} builds")
    rows.queued(database, "many", BUILDS)
    tokens = [people.add_builder(database, f"bench-{number}") for number in range(BUILDERS)]
    found, bell = Claimed(), threading.Barrier(BUILDERS)
    with concurrent.futures.ThreadPoolExecutor(BUILDERS) as pool:
        workers = [pool.submit(_work, urls[number % len(urls)], token, found, number, bell) for number, token in enumerate(tokens)]
        for each in workers:
            each.result()
    twice = len(found.attempts) - len(set(found.attempts))
    assert len(found.attempts) == BUILDS and not twice, f"{len(found.attempts)} attempts, {twice} of them given twice"
    print(figures.spread("claim", [value * 1000 for value in found.seconds], "ms"), flush=True)
    return {
        "claim_p95_ms": figures.percentile(found.seconds, 95) * 1000,
        "claim_attempts_twice": twice,
        "claims_most_in_100_ms": found.fullest,
    }


def _work(url: str, token: str, found: Claimed, number: int, bell: threading.Barrier) -> None:
    lengths, instance = random.Random(number), str(uuid.uuid4())
    speaker = master.Master(url, token)
    speaker.register(instance)
    bell.wait(60)
    time.sleep(lengths.uniform(0, worker.spread(BUILDERS)))
    while True:
        began = time.monotonic()
        assignment = speaker.claim(str(uuid.uuid4()), instance, master_parts.CAN)
        found.note(began, assignment)
        if assignment is None:
            return
        client = speaker.attempt(assignment)
        with worker.Beats(client, assignment.beat, stopping.Stop(), progressing.Progressing()):
            time.sleep(lengths.uniform(1, 5))
            client.finish(builds.FinishReport(error=_ENDED))
