# SPDX-License-Identifier: MIT
"""What happens to builds: submitted, moved from state to state, canceled, listed. Writes through one function, `move`."""

from __future__ import annotations

import dataclasses
import datetime
import functools
import hashlib
import types
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
import sqlalchemy.exc
from sqlalchemy import orm

from ondemand import errors
from ondemand.build_requests import BuildRequest
from ondemand.locks import Lock
from ondemand.states import TRANSITIONS, State
from ondemand_web.builds.models import Build, BuildLock, Submission
from ondemand_web.database import LARGEST, LOCK, Database, clock
from ondemand_web.events import services as events

_NONE: Mapping[str, Any] = types.MappingProxyType({})


@dataclasses.dataclass(frozen=True, kw_only=True)
class Again:
    """Which build is made again, and whether by its lock."""

    of: int
    same_lock: bool

    @property
    def reason(self) -> str:
        """For people."""
        return f"build {self.of} again, " + ("by the same lock" if self.same_lock else "with a new lock")


def submit(database: Database, request: BuildRequest, owner: str, key: str | None, again: Again | None = None) -> Build:
    """Stores a build in state `received` with its first event; a known `key` gives the build that it made.

    Raises errors.IdempotencyMismatch when the key came with another body.
    """
    try:
        return _submit(database, request, owner, key, again)
    except sqlalchemy.exc.IntegrityError:
        if key is None:
            raise
        # Another one came with the same key at this moment, so by now it is known.
        return _submit(database, request, owner, key, again)


def _submit(database: Database, request: BuildRequest, owner: str, key: str | None, again: Again | None) -> Build:
    with database.writing() as session:
        return submit_within(session, request, owner, key, again)


def submit_within(
    session: orm.Session, request: BuildRequest, owner: str, key: str | None, again: Again | None = None
) -> Build:
    """As `submit`, in the caller's transaction."""
    digest = hashlib.sha256(f"{request.digest()} {again}".encode()).hexdigest() if again else request.digest()
    if key is not None:
        known = session.get(Submission, (owner, key))
        if known is not None:
            return _repeated(session, known, digest)
    now = clock(session)
    build = Build(
        owner=owner,
        state=State.RECEIVED,
        request=request.model_dump(mode="json"),
        release=request.release,
        arch=request.arch,
        image_type=request.image_type.value,
        created_at=now,
        changed_at=now,
        next_try=now,
        rebuild_of=again.of if again else None,
        same_lock=bool(again and again.same_lock),
    )
    session.add(build)
    session.flush()
    if key is not None:
        session.add(Submission(owner=owner, key=key, body_digest=digest, build_id=build.id))
    body = {"old": None, "new": State.RECEIVED.value, "reason": again.reason if again else None}
    events.record(session, build, events.STATE_CHANGED, body, now)
    return build


def move(
    session: orm.Session,
    build: int | sa.ScalarSelect[int],
    *,
    old: State,
    new: State,
    where: Mapping[str, int | None] = _NONE,
    values: Mapping[str, Any] = _NONE,
    given: Mapping[str, Any] = _NONE,
    reason: str | None = None,
    now: datetime.datetime | None = None,
) -> Build | None:
    """The only function that changes a build's state: a conditional UPDATE with its event. What begins has an attempt more.

    `build` is an id, or a query that finds one, with the values that it is `given`, none of them named as a column;
    `where` holds what columns must hold.
    Gives the row as it is now, or None when there is none in state `old` that fulfils `where`: somebody else was first.
    `now` is the database's time, of who has just asked for it.
    Raises ValueError for a transition that the table does not hold.
    """
    if new not in TRANSITIONS[old]:
        raise ValueError(f"no way from {old} to {new}")
    now = now or clock(session)
    changed = {"state": new, "changed_at": now, **values}
    if new.final:
        changed["ended_at"] = now
    sought = None if isinstance(build, int) else build
    statement = _moving(sought, tuple(where), tuple(changed), new is State.BUILDING)
    # None of these names is a column's: SQLAlchemy would write such a value.
    held: dict[str, Any] = {"old_state": old, **{f"old_{name}": value for name, value in where.items()}}
    if sought is None:
        held["build"] = build
    moved: Build | None = session.execute(
        statement,
        {**held, **{f"new_{name}": value for name, value in changed.items()}, **given},
        execution_options={"synchronize_session": False, "populate_existing": True},
    ).scalar_one_or_none()
    if moved is None:
        return None
    body = {"old": old.value, "new": new.value, "reason": reason}
    events.record(session, moved, events.STATE_CHANGED, body, now)
    if new is State.QUEUED:
        events.record(session, moved, events.REQUESTED, {}, now)
    return moved


@functools.lru_cache(maxsize=256)
def _moving(sought: sa.ScalarSelect[int] | None, where: tuple[str, ...], changed: tuple[str, ...], begins: bool) -> Any:
    """The statement of a move. To make it takes longer than to execute it, and there are but a few."""
    values: dict[str, Any] = {name: sa.bindparam(f"new_{name}") for name in changed}
    if begins:
        values["attempts"] = Build.attempts + 1
    return (
        sa.update(Build)
        .where(
            Build.state == sa.bindparam("old_state"),
            Build.id == (sa.bindparam("build") if sought is None else sought),
            *(getattr(Build, name).is_not_distinct_from(sa.bindparam(f"old_{name}")) for name in where),
        )
        .values(values)
        .returning(Build)
    )


def cancel(database: Database, build_id: int, owner: str) -> Build:
    """Ends a build that is not final; raises errors.UnknownBuild or errors.StateConflict."""
    with database.writing() as session:
        build = get(session, build_id, locked=True)
        state = State(build.state)
        if state is State.CANCELED:
            return build
        if state.final:
            raise errors.StateConflict(
                f"Build {build_id} can't be canceled",
                cause=f"it has already {_ended(state)}",
                remedy="nothing is left to do",
            )
        moved = move(
            session,
            build_id,
            old=state,
            new=State.CANCELED,
            values={"canceled_by": owner},
            reason=f"canceled by {owner}",
        )
        if moved is None:
            raise errors.StateConflict(
                f"Build {build_id} can't be canceled", cause="it changed at this moment", remedy="look at it again"
            )
        return moved


def get(session: orm.Session, build_id: int, *, locked: bool = False) -> Build:
    """The build's row, `locked` for who writes; raises errors.UnknownBuild."""
    build = session.get(Build, build_id, with_for_update=LOCK if locked else None)
    if build is None:
        raise errors.UnknownBuild(
            f"There is no build {build_id}", cause="nobody asked for it here", remedy="see the list of builds"
        )
    return build


def locked(session: orm.Session, build_id: int) -> Lock:
    """The build's lock; raises errors.UnknownBuild where there is none, with the reason."""
    get(session, build_id)
    row = session.get(BuildLock, build_id)
    if row is None:
        raise errors.UnknownBuild(
            f"Build {build_id} has no lock", cause="it is not checked yet, or was refused", remedy="see its state"
        )
    return Lock.model_validate(row.body)


def previous(session: orm.Session, build: Build) -> int | None:
    """The owner's build before this one with a lock, of the same release, image type and architecture."""
    alike = (Build.owner, Build.release, Build.image_type, Build.arch)
    statement = (
        sa.select(sa.func.max(Build.id))
        .join(BuildLock, BuildLock.build_id == Build.id)
        .where(Build.id < build.id, *(column == getattr(build, column.key) for column in alike))
    )
    return session.execute(statement).scalar()


def page(session: orm.Session, *, state: State | None, before: int | None, limit: int) -> list[Build]:
    """Builds, the newest first; `before` is the id below which to go on."""
    chosen = sa.select(Build.id).order_by(Build.id.desc()).limit(limit)
    if state is not None:
        chosen = chosen.where(Build.state == state)
    if before is not None:
        chosen = chosen.where(Build.id < max(0, min(before, LARGEST)))
    # By their ids: SQLite would sort every whole row of the state.
    statement = sa.select(Build).where(Build.id.in_(chosen)).order_by(Build.id.desc())
    return list(session.execute(statement).scalars())


def _repeated(session: orm.Session, known: Submission, digest: str) -> Build:
    if known.body_digest != digest:
        raise errors.IdempotencyMismatch(
            "This Idempotency-Key was used for another request",
            cause=f"it made build {known.build_id}",
            remedy="send a new key with a new request",
        )
    return get(session, known.build_id)


def _ended(state: State) -> str:
    return {"refused": "been refused"}.get(state.value, state.value)


def request_of(build: Build) -> BuildRequest:
    """What the user wrote."""
    return BuildRequest.model_validate(build.request)
