# SPDX-License-Identifier: MIT
"""Many builds at once, written straight into the tables: what no bench waits for. Nobody is told of them."""

from __future__ import annotations

import datetime
from typing import Any

import sqlalchemy as sa

from ondemand import build_requests
from ondemand.states import Outcome, State
from ondemand_web.builds.models import Build, BuildLock
from ondemand_web.database import Database, clock
from ondemand_web.people import services as people
from ondemand_web.queue.models import Attempt
from tests import master_parts

PIECE = 5000
"""Rows of one statement."""
STEP = 60_000
"""Milliseconds of virtual time between two builds."""
_REQUEST: dict[str, Any] = build_requests.validate({"release": "demo", "add_packages": ["bash"]}).model_dump(mode="json")
_PAST = "bench-past"
"""The builder that made all that has ended."""


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
    """So many builds that have ended long ago, most of them well; those that were refused are the oldest, which an index by
    age alone finds last."""
    people.add_builder(database, _PAST)
    for first in range(0, count, PIECE):
        rows = [_row(number - count, _state(number), f"owner-{number % 50}") for number in range(first, min(count, first + PIECE))]
        with database.writing() as session:
            now = clock(session) - datetime.timedelta(days=1)
            values = [{**row, **_times(now), "ended_at": now, "artifacts_removed_at": now} for row in rows]
            made = session.execute(sa.insert(Build).returning(Build.id, sort_by_parameter_order=True), values).scalars().all()
            pairs = zip(made, rows, strict=True)
            session.execute(sa.insert(Attempt), [_attempt(build_id, now) for build_id, row in pairs if row["attempts"]])


def _state(number: int) -> State:
    if number < 2000:
        return State.REFUSED
    return {0: State.FAILED, 1: State.CANCELED}.get(number % 20, State.SUCCEEDED)


def _row(number: int, state: State, owner: str) -> dict[str, Any]:
    began = state in (State.SUCCEEDED, State.FAILED)
    return {
        "owner": owner,
        "state": state,
        "request": {**_REQUEST, "title": f"Benchmark {number}"},
        "release": _REQUEST["release"],
        "arch": _REQUEST["arch"],
        "image_type": _REQUEST["image_type"],
        "backend": "kiwi",
        "turn": None if state in (State.REFUSED, State.RECEIVED) else number * STEP,
        "disk": 1024,
        "attempts": int(began),
        "winner": 1 if state is State.SUCCEEDED else None,
    }


def _times(now: datetime.datetime) -> dict[str, datetime.datetime]:
    return {"created_at": now, "changed_at": now, "next_try": now}


def _attempt(build_id: int, now: datetime.datetime) -> dict[str, Any]:
    return {
        "build_id": build_id,
        "number": 1,
        "builder": _PAST,
        "instance": "bench",
        "claim_id": f"bench-{build_id}",
        "started_at": now - datetime.timedelta(seconds=600),
        "deadline": now,
        "ended_at": now,
        "outcome": Outcome.SUCCEEDED,
        "swept_at": now,
    }
