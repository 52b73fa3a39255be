# SPDX-License-Identifier: MIT
"""Many builds at once, written straight into the tables: what no bench waits for. Nobody is told of them."""

from __future__ import annotations

import datetime
import json
from typing import Any

import sqlalchemy as sa

from ondemand import build_requests
from ondemand.states import State
from ondemand_web.builds.models import Build, BuildLock
from ondemand_web.database import Database, clock
from ondemand_web.people import services as people
from tests import master_parts

STEP = 60_000
"""Milliseconds of virtual time between two builds."""
_REQUEST: dict[str, Any] = build_requests.validate({"release": "demo", "add_packages": ["bash"]}).model_dump(mode="json")
_PAST = "bench-past"
"""The builder that made all that has ended."""
_ENDED = """
INSERT INTO build (owner, state, request, release, arch, image_type, backend, created_at, changed_at, ended_at, next_try,
                   tries, turn, disk, memory, attempts, drains, winner, artifacts_removed_at)
SELECT 'owner-' || n % 50, state, CAST(:request AS json), 'demo', 'x86_64', 'live', 'kiwi', past, past, past, past,
       0, CASE WHEN state <> 'refused' THEN CAST(n - :count AS bigint) * :step END, 1024, 0, CASE WHEN n % 20 <> 1 THEN 1 ELSE 0 END, 0,
       CASE WHEN state = 'succeeded' THEN 1 END, past
FROM (SELECT n, now() - interval '1 day' AS past,
             CASE WHEN n < 2000 THEN 'refused' WHEN n % 20 = 0 THEN 'failed' WHEN n % 20 = 1 THEN 'canceled'
                  ELSE 'succeeded' END AS state
      FROM generate_series(0, :count - 1) AS n) AS made
ORDER BY n
"""
_ATTEMPTS = """
INSERT INTO attempt (build_id, number, builder, instance, claim_id, started_at, deadline, ended_at, outcome, swept_at)
SELECT id, 1, :past, 'bench', 'bench-' || id, ended_at - interval '10 minutes', ended_at, ended_at, state, ended_at
FROM build WHERE state IN ('succeeded', 'failed') AND ended_at IS NOT NULL
"""


def queued(database: Database, owner: str, count: int) -> list[int]:
    """So many builds of one owner that wait for a builder, with their locks; gives their ids."""
    return _locked(database, [_row(number, State.QUEUED, owner) for number in range(count)])


def received(database: Database, owner: str, count: int) -> list[int]:
    """So many builds of one owner that have no turn yet, though they have their locks; gives their ids."""
    return _locked(database, [_row(number, State.RECEIVED, owner) for number in range(count)])


def _locked(database: Database, rows: list[dict[str, Any]]) -> list[int]:
    lock = {"digest": "d", "body": master_parts.LOCK.model_dump(mode="json"), "kickstart": "lang C\n"}
    with database.writing() as session:
        now = clock(session)
        made = session.execute(sa.insert(Build).returning(Build.id), [{**row, **_times(now)} for row in rows]).scalars()
        ids = sorted(made)
        session.execute(sa.insert(BuildLock), [{"build_id": build_id, **lock} for build_id in ids])
    return ids


def ended(database: Database, count: int) -> None:
    """So many builds that have ended long ago, most of them well; those that were refused are the oldest, which an index
    by age alone finds last. PostgreSQL only: it makes them itself."""
    people.add_builder(database, _PAST)
    values = {"request": json.dumps(_REQUEST), "count": count, "step": STEP, "past": _PAST}
    with database.writing() as session:
        session.execute(sa.text(_ENDED), values)
        session.execute(sa.text(_ATTEMPTS), values)


def _row(number: int, state: State, owner: str) -> dict[str, Any]:
    return {
        "owner": owner,
        "state": state,
        "request": {**_REQUEST, "title": f"Benchmark {number}"},
        "release": _REQUEST["release"],
        "arch": _REQUEST["arch"],
        "image_type": _REQUEST["image_type"],
        "backend": "kiwi",
        "turn": number * STEP if state is State.QUEUED else None,
        "disk": 1024,
    }


def _times(now: datetime.datetime) -> dict[str, datetime.datetime]:
    return {"created_at": now, "changed_at": now, "next_try": now}
