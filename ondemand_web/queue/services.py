# SPDX-License-Identifier: MIT
"""The queue: registering, claims, beats and steps. Attempts are fenced by their number; only the database's clock counts.

Rows are locked in this order: builder, attempt, build. So nobody waits for one who waits for him.
"""

from __future__ import annotations

import datetime
import functools
from typing import Any, cast

import sqlalchemy as sa
import sqlalchemy.exc
from sqlalchemy import orm

from ondemand import errors, settings
from ondemand.builds import Assignment, Capabilities, Progress
from ondemand.states import State, Step, StepState
from ondemand_web.builds import services as builds
from ondemand_web.builds.models import Build, BuildLock
from ondemand_web.database import LOCK, Database, Now, UtcDateTime, clock
from ondemand_web.queue import abilities, attempts, endings, presence
from ondemand_web.queue.models import Attempt, AttemptStep, Builder

Claimed = tuple[Build, Attempt, BuildLock]


def _seeing() -> sa.Update:
    """Notes when a builder's process asked for work, and what it can do; gives whether it was there before."""
    builder: Any = Builder.__table__
    return (
        sa.update(builder)
        .where(builder.c.name == sa.bindparam("builder"), builder.c.instance == sa.bindparam("process"))
        .values(seen_at=Now(), capabilities=sa.bindparam("can"))
        .returning(builder.c.present, builder.c.seen_at)
    )


_SEEN = _seeing()


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
) -> Claimed | None:
    """Gives the builder an attempt of the build whose turn it is, or None; the same claim id, the same attempt.

    Raises errors.StateConflict for a claim id of another builder, and when another process registered after this one.
    """
    try:
        with database.writing() as session:
            now = _seen(session, builder, instance, can)
            begun = _begin(session, builder, instance, claim_id, can, now, limits)
            known = None if begun else _of_claim(session, claim_id)
            return _again(session, known, builder, now, limits) if known else begun
    except sqlalchemy.exc.IntegrityError:
        # Most likely the id is in use; then what was begun has not begun.
        with database.writing() as session:
            now = _seen(session, builder, instance, can)
            known = _of_claim(session, claim_id)
            if known is None:
                raise
            return _again(session, known, builder, now, limits)


def _seen(session: orm.Session, builder: str, instance: str, can: Capabilities) -> datetime.datetime:
    """Notes that the builder's process asks for work, and locks the builder's row; gives the database's time."""
    values = {"builder": builder, "process": instance, "can": can.model_dump(mode="json")}
    seen = session.connection().execute(_SEEN, values).one_or_none()
    if seen is None:
        raise errors.StateConflict(
            f"Another process is builder {builder} now",
            cause="it registered with the same token after this one, or this one never did",
            remedy="end one of them, or give it a token of its own by `ondemand serve --add-builder NAME`",
        )
    if not seen.present:
        presence.joined(session, session.get_one(Builder, builder), seen.seen_at)
    return cast(datetime.datetime, seen.seen_at)


def _begin(
    session: orm.Session,
    builder: str,
    instance: str,
    claim_id: str,
    can: Capabilities,
    now: datetime.datetime,
    limits: settings.Queue,
) -> Claimed | None:
    """An attempt of the build whose turn it is, if one waits for such a builder."""
    seen = now - datetime.timedelta(seconds=limits.lease)
    build = builds.move(
        session,
        _next(tuple(sorted(can.arches)), tuple(sorted(can.backends.items()))),
        old=State.QUEUED,
        new=State.BUILDING,
        values={"waiting": None},
        given={"builder": builder, "free_disk": can.disk, "free_memory": can.memory, "now": now, "seen": seen},
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
        deadline=now + datetime.timedelta(seconds=limits.lease),
    )
    session.add(attempt)
    session.flush()
    return build, attempt, session.get_one(BuildLock, build.id)


def _of_claim(session: orm.Session, claim_id: str) -> Attempt | None:
    """The attempt that the claim id was given before."""
    return session.execute(
        sa.select(Attempt).where(Attempt.claim_id == claim_id).with_for_update(key_share=True)
    ).scalar_one_or_none()


def _again(
    session: orm.Session, attempt: Attempt, builder: str, now: datetime.datetime, limits: settings.Queue
) -> Claimed | None:
    """The attempt with a new lease, unless it has ended; raises errors.StateConflict where it is another builder's."""
    if attempt.builder != builder:
        raise errors.StateConflict(
            f"Claim id {attempt.claim_id} is another builder's",
            cause="each claim needs an id of its own",
            remedy="claim with a random id",
        )
    if attempt.ended_at:
        return None
    attempt.deadline = now + datetime.timedelta(seconds=limits.lease)
    return session.get_one(Build, attempt.build_id), attempt, session.get_one(BuildLock, attempt.build_id)


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


@functools.lru_cache(maxsize=64)
def _next(arches: tuple[str, ...], backends: tuple[tuple[str, tuple[str, ...]], ...]) -> sa.ScalarSelect[int]:
    """The build whose turn it is, of those that such a builder may take. Made once for builders that can do the same."""
    name: sa.BindParameter[str] = sa.bindparam("builder")
    now = sa.bindparam("now", type_=UtcDateTime)
    others = sa.select(Builder.name).where(Builder.name != name, Builder.seen_at > sa.bindparam("seen")).exists()
    return (
        sa.select(Build.id)
        .where(
            Build.state == State.QUEUED,
            abilities.makes(arches, backends),
            Build.disk <= sa.bindparam("free_disk"),
            Build.memory <= sa.bindparam("free_memory"),
            Build.next_try <= now,
            # One that this builder lost waits for another builder, where there is one.
            sa.or_(Build.avoid_builder.is_(None), Build.avoid_builder != name, Build.avoid_until < now, sa.not_(others)),
        )
        .order_by(Build.turn, Build.id)
        .limit(1)
        .with_for_update(skip_locked=True, key_share=True, of=Build)
        .scalar_subquery()
    )
