# SPDX-License-Identifier: MIT
"""How attempts end: by their builder's report, or lost by the reaper; and what becomes of their builds.

Rows are locked in this order: builder, attempt, build. So nobody waits for one who waits for him.
"""

from __future__ import annotations

import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

from ondemand import errors, settings
from ondemand.builds import FinishReport
from ondemand.states import Outcome, State, StepState
from ondemand_web.builds import services as builds
from ondemand_web.builds.models import Build
from ondemand_web.database import LOCK, Database, clock
from ondemand_web.events import services as events
from ondemand_web.queue import attempts, winning
from ondemand_web.queue.models import Attempt, AttemptStep

AVOID = datetime.timedelta(seconds=30)
"""How long a build waits for another builder than the one that lost it."""
_REPORTED = (Outcome.SUCCEEDED, Outcome.FAILED, Outcome.CANCELED)
"""Outcomes that only a builder's own report brings."""
_DRAINED = errors.AttemptLost("The builder gave the attempt up", cause="it shuts down", remedy="it is tried again")


def _ending_steps() -> sa.Update:
    """Ends what an attempt's builder said that it was doing."""
    step: Any = AttemptStep.__table__
    return (
        sa.update(step)
        .where(
            step.c.build_id == sa.bindparam("build"),
            step.c.attempt == sa.bindparam("number"),
            step.c.state == StepState.RUNNING,
        )
        .values(state=sa.bindparam("new_state"), ended_at=sa.bindparam("now"))
    )


_END_STEPS = _ending_steps()


def finish(
    database: Database, builder: str, build_id: int, number: int, report: FinishReport, limits: settings.Queue
) -> State:
    """Ends the attempt and, if it is the build's current one, the build; gives the build's state. May be repeated."""
    with database.writing() as session:
        known = attempts.known(session, build_id, number, locked=True)
        if known is not None and known.builder == builder and known.outcome in _REPORTED:
            return State(session.get_one(Build, build_id).state)
        attempt = attempts.demand_running(known, builder, build_id, number)
        build = session.get_one(Build, build_id, with_for_update=LOCK)
        attempt.proofs = [proof.model_dump(mode="json") for proof in report.proofs]
        attempt.error = report.error
        if build.state == State.CANCELED:
            _end(session, attempt, Outcome.CANCELED)
            return State.CANCELED
        if report.error is None and not report.canceled:
            return _succeed(session, build, attempt, report)
        _end(session, attempt, Outcome.FAILED)
        if report.canceled:
            build.drains += 1
            session.flush()
        return _retry_or_fail(session, build, attempt, report.error or _DRAINED.as_dict(), limits)


def reap(database: Database, limits: settings.Queue) -> int:
    """Ends every attempt whose deadline has passed; gives their number. One that is just written to is left alone."""
    with database.writing() as session:
        late = session.execute(
            sa.select(Attempt)
            .where(Attempt.ended_at.is_(None), Attempt.deadline < clock(session))
            .order_by(Attempt.build_id)
            .with_for_update(skip_locked=True, key_share=True)
        ).scalars()
        return sum(
            lose(session, attempt, limits, f"builder {attempt.builder} was not heard of for {limits.lease:.0f} s")
            for attempt in list(late)
        )


def _succeed(session: orm.Session, build: Build, attempt: Attempt, report: FinishReport) -> State:
    """The winner is picked in the same UPDATE that ends the build."""
    winning.demand(session, attempt, report)
    _end(session, attempt, Outcome.SUCCEEDED)
    moved = builds.move(
        session,
        attempt.build_id,
        old=State.BUILDING,
        new=State.SUCCEEDED,
        where={"attempts": attempt.number, "winner": None},
        values={"winner": attempt.number, "kept_until": _kept_until(build, attempt), "error": None},
        now=attempt.ended_at,
    )
    if moved is None:
        raise errors.LeaseLost(
            f"Attempt {attempt.number} of build {attempt.build_id} came too late",
            cause="the build has ended without it",
            remedy="throw its work away and claim anew",
        )
    events.record(session, moved, events.PUBLISHED, {}, moved.changed_at)
    return State.SUCCEEDED


def _kept_until(build: Build, attempt: Attempt) -> datetime.datetime | None:
    return attempt.ended_at and attempt.ended_at + datetime.timedelta(days=builds.request_of(build).keep_for)


def lose(session: orm.Session, attempt: Attempt, limits: settings.Queue, reason: str) -> bool:
    """Ends an attempt that nobody will report of; its build is tried again or fails. Gives True."""
    _end(session, attempt, Outcome.LOST)
    error = errors.AttemptLost(
        f"Attempt {attempt.number} was lost", cause=reason, remedy="it is tried again on another builder if there is one"
    ).as_dict()
    attempt.error = error
    build = session.get_one(Build, attempt.build_id, with_for_update=LOCK)
    if build.state == State.BUILDING and build.attempts == attempt.number:
        _retry_or_fail(session, build, attempt, error, limits)
    return True


def _retry_or_fail(
    session: orm.Session, build: Build, attempt: Attempt, error: dict[str, Any], limits: settings.Queue
) -> State:
    again = error.get("class") in (errors.FailureClass.BUILDER, errors.FailureClass.SERVICE)
    where, now, reason = {"attempts": attempt.number}, attempt.ended_at, error.get("sentence")
    if again and attempt.number - build.drains < limits.attempts:
        values = {"avoid_builder": attempt.builder, "avoid_until": now and now + AVOID}
        builds.move(
            session, build.id, old=State.BUILDING, new=State.QUEUED, where=where, values=values, reason=reason, now=now
        )
        return State.QUEUED
    pictured = winning.picture(session, attempt)
    kept_until = None if pictured is None else _kept_until(build, attempt)
    builds.move(
        session,
        build.id,
        old=State.BUILDING,
        new=State.FAILED,
        where=where,
        values={"error": error, "pictured": pictured, "kept_until": kept_until},
        reason=reason,
        now=now,
    )
    return State.FAILED


def _end(session: orm.Session, attempt: Attempt, outcome: Outcome) -> None:
    attempt.ended_at, attempt.outcome = (now := clock(session)), outcome
    state = StepState.DONE if outcome is Outcome.SUCCEEDED else StepState.FAILED
    running = {"build": attempt.build_id, "number": attempt.number, "new_state": state, "now": now}
    session.connection().execute(_END_STEPS, running)
