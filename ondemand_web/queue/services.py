# SPDX-License-Identifier: MIT
"""The queue: registering, claims, beats and steps. Attempts are fenced by their number; only the database's clock counts.

Rows are locked in this order: builder, attempt, build. So nobody waits for one who waits for him.
"""

from __future__ import annotations

import datetime
from typing import Any

import sqlalchemy as sa
import sqlalchemy.exc
from sqlalchemy import orm

from ondemand import errors, settings
from ondemand.builds import Assignment, Capabilities, Progress
from ondemand.states import State, Step, StepState
from ondemand_web.builds import services as builds
from ondemand_web.builds.models import Build, BuildLock
from ondemand_web.database import LOCK, Database, clock
from ondemand_web.queue import abilities, attempts, endings, presence
from ondemand_web.queue.models import Attempt, AttemptStep, Builder


def register(database: Database, builder: str, instance: str, limits: settings.Queue) -> int:
    """Notes a builder that starts anew and ends the attempts of its older instances; gives their number."""
    with database.writing() as session:
        row = session.get_one(Builder, builder, with_for_update=LOCK)
        row.instance, row.seen_at = instance, clock(session)
        old = session.execute(
            sa.select(Attempt)
            .where(Attempt.builder == builder, Attempt.ended_at.is_(None), Attempt.instance != instance)
            .order_by(Attempt.build_id)
            .with_for_update(key_share=True)
        ).scalars()
        return sum(endings.lose(session, attempt, limits, f"builder {builder} started anew") for attempt in list(old))


def claim(
    database: Database, builder: str, instance: str, claim_id: str, can: Capabilities, limits: settings.Queue
) -> tuple[Build, Attempt, BuildLock] | None:
    """Gives the builder an attempt of the build whose turn it is, or None; the same claim id, the same attempt.

    Raises errors.StateConflict for a claim id of another builder, and when another process registered after this one.
    """
    try:
        return _claim(database, builder, instance, claim_id, can, limits)
    except sqlalchemy.exc.IntegrityError as error:
        # Claims of one builder wait for each other, so it was another one that used the id at this moment.
        raise _taken(claim_id) from error


def _claim(
    database: Database, builder: str, instance: str, claim_id: str, can: Capabilities, limits: settings.Queue
) -> tuple[Build, Attempt, BuildLock] | None:
    with database.writing() as session:
        now = clock(session)
        row = session.get_one(Builder, builder, with_for_update=LOCK)
        if row.instance != instance:
            raise errors.StateConflict(
                f"Another process is builder {builder} now",
                cause="it registered with the same token after this one, or this one never did",
                remedy="end one of them, or give it a token of its own by `ondemand serve --add-builder NAME`",
            )
        row.seen_at, row.capabilities = now, can.model_dump(mode="json")
        presence.joined(session, row, now)
        deadline = now + datetime.timedelta(seconds=limits.lease)
        known = sa.select(Attempt).where(Attempt.claim_id == claim_id).with_for_update(key_share=True)
        attempt = session.execute(known).scalar_one_or_none()
        if attempt is not None and attempt.builder != builder:
            raise _taken(claim_id)
        if attempt is not None:
            if attempt.ended_at:
                return None
            attempt.deadline = deadline
            return _whole(session, attempt)
        build = builds.move(
            session,
            old=State.QUEUED,
            new=State.BUILDING,
            where=[Build.id == _next(builder, can, now, limits)],
            values={"attempts": Build.attempts + 1, "waiting": None},
            reason=f"builder {builder} began",
            now=now,
        )
        if build is None:
            return None
        attempt = Attempt(
            build_id=build.id,
            number=build.attempts,
            builder=builder,
            instance=instance,
            claim_id=claim_id,
            started_at=now,
            deadline=deadline,
        )
        session.add(attempt)
        return _whole(session, attempt)


def beat(
    database: Database, builder: str, build_id: int, number: int, limits: settings.Queue, progress: Progress | None = None
) -> bool:
    """Extends the lease, also a late one that the reaper has not yet taken; gives whether the build was canceled."""
    with database.writing() as session:
        row = session.get_one(Builder, builder, with_for_update=LOCK)
        attempt = attempts.running(session, builder, build_id, number, locked=True)
        now = clock(session)
        attempt.deadline = now + datetime.timedelta(seconds=limits.lease)
        row.seen_at = now
        if progress is not None:
            attempt.progress = progress.model_dump(mode="json")
        return bool(session.get_one(Build, build_id).state == State.CANCELED)


def report_step(database: Database, builder: str, build_id: int, number: int, step: Step, state: StepState) -> None:
    """Notes that a step began or ended; repeating it changes nothing, and a step that ended stays as it ended."""
    with database.writing() as session:
        attempts.running(session, builder, build_id, number, locked=True)
        now = clock(session)
        row = session.get(AttemptStep, (build_id, number, step))
        if row is None:
            row = AttemptStep(build_id=build_id, attempt=number, step=step, started_at=now)
            session.add(row)
        if row.ended_at is None:
            row.state, row.ended_at = state, None if state is StepState.RUNNING else now


def extend_all(database: Database, limits: settings.Queue) -> None:
    """Gives every running attempt a new lease: after a pause of our own nobody could beat."""
    with database.writing() as session:
        deadline = clock(session) + datetime.timedelta(seconds=limits.lease)
        session.execute(
            sa.update(Attempt).where(Attempt.ended_at.is_(None), Attempt.deadline < deadline).values(deadline=deadline)
        )


def assignment(build: Build, attempt: Attempt, lock: BuildLock, parts: dict[str, Any]) -> Assignment:
    """The claim's answer; `parts` holds release, label, options, lease and beat."""
    return Assignment.model_validate(
        {
            "build_id": build.id,
            "attempt": attempt.number,
            "request": builds.request_of(build).without_addresses(),
            "lock": lock.body,
            "kickstart": lock.kickstart,
            "backend": build.backend,
            **parts,
        }
    )


def _next(builder: str, can: Capabilities, now: datetime.datetime, limits: settings.Queue) -> sa.ScalarSelect[int]:
    seen = now - datetime.timedelta(seconds=limits.lease)
    others = sa.select(Builder.name).where(Builder.name != builder, Builder.seen_at > seen).exists()
    return (
        sa.select(Build.id)
        .where(
            Build.state == State.QUEUED,
            abilities.takes(can),
            Build.next_try <= now,
            # One that this builder lost waits for another builder, where there is one.
            sa.or_(Build.avoid_builder.is_(None), Build.avoid_builder != builder, Build.avoid_until < now, sa.not_(others)),
        )
        .order_by(Build.turn, Build.id)
        .limit(1)
        .with_for_update(skip_locked=True, key_share=True, of=Build)
        .scalar_subquery()
    )


def _taken(claim_id: str) -> errors.StateConflict:
    return errors.StateConflict(
        f"Claim id {claim_id} is another builder's", cause="each claim needs an id of its own", remedy="claim with a random id"
    )


def _whole(session: orm.Session, attempt: Attempt) -> tuple[Build, Attempt, BuildLock]:
    return (
        session.get_one(Build, attempt.build_id),
        attempt,
        session.get_one(BuildLock, attempt.build_id),
    )
