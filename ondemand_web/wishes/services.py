# SPDX-License-Identifier: MIT
"""Wishes and rules in the database: taken once per message, listed, paused, swept. Orders nothing itself."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
import sqlalchemy.exc
from sqlalchemy import orm

from ondemand import errors
from ondemand.build_requests import ImageType
from ondemand.facts import Facts
from ondemand.wishes import TRANSITIONS, DecisionRecord, DecisionState, RuleRecord, WishRecord
from ondemand_web.database import LARGEST, LOCK, Database, clock
from ondemand_web.sets import services as sets
from ondemand_web.wishes import judging, matching, news
from ondemand_web.wishes.judging import Verdict
from ondemand_web.wishes.models import Decision, PausedRule, Wish, WishedBuild
from ondemand_web.wishes.rules import Rule

SWEEP = 200
"""Wishes that one piece of sweeping takes."""
OLDEST = datetime.timedelta(days=3650)
"""No message counts as older: further back a time is a mistake or a lie, which not every database and zone can tell."""


def add(database: Database, facts: Facts, owner: str) -> tuple[int, bool]:
    """Keeps a message; gives the wish's id and whether it is new: the same message id, the same wish."""
    try:
        return _add(database, facts, owner)
    except sqlalchemy.exc.IntegrityError:
        # Another one brought the same message at this moment, so by now it is known.
        return _add(database, facts, owner)


def _add(database: Database, facts: Facts, owner: str) -> tuple[int, bool]:
    with database.writing() as session:
        known = session.execute(sa.select(Wish.id).where(Wish.message_id == facts.message_id)).scalar()
        if known is not None:
            return known, False
        now = clock(session)
        # Newer is told from older by this time: one to come, by a wrong clock or a lie, would be the newest for long.
        facts = facts.model_copy(update={"at": max(min(facts.at, now), now - OLDEST)})
        wish = Wish(
            message_id=facts.message_id,
            subject=facts.subject,
            happened=facts.happened.value,
            at=facts.at,
            facts=facts.model_dump(mode="json"),
            owner=owner,
            received_at=now,
        )
        session.add(wish)
        session.flush()
        for nvr in sorted(set(facts.builds)):
            session.add(WishedBuild(wish_id=wish.id, nvr=nvr, name=matching.package(nvr)))
        return wish.id, True


def get(session: orm.Session, wish_id: int) -> Wish:
    """The wish's row; raises errors.UnknownWish."""
    wish = session.get(Wish, wish_id)
    if wish is None:
        raise errors.UnknownWish(f"There is no wish {wish_id}", cause="none came, or it was swept", remedy="see the list of wishes")
    return wish


def page(
    session: orm.Session, *, state: DecisionState | None, rule: str | None, before: int | None, limit: int
) -> list[Wish]:
    """Wishes, the newest first; with `state` or `rule` those that have such a decision."""
    statement = sa.select(Wish).order_by(Wish.id.desc()).limit(limit)
    if before is not None:
        statement = statement.where(Wish.id < max(0, min(before, LARGEST)))
    if state is not None or rule is not None:
        having = sa.select(Decision.id).where(Decision.wish_id == Wish.id)
        having = having.where(Decision.state == state) if state is not None else having
        having = having.where(Decision.rule == rule) if rule is not None else having
        statement = statement.where(having.exists())
    return list(session.execute(statement).scalars())


def records(session: orm.Session, wishes: Sequence[Wish], url: str) -> list[WishRecord]:
    """The wishes with their decisions, as the API gives them."""
    found: dict[int, list[DecisionRecord]] = {wish.id: [] for wish in wishes}
    query = sa.select(Decision).where(Decision.wish_id.in_(found)).order_by(Decision.id)
    for row in session.execute(query).scalars():
        found[row.wish_id].append(_decision(row))
    return [
        WishRecord(
            id=wish.id,
            page=f"{url.rstrip('/')}/wishes/{wish.id}",
            facts=Facts.model_validate(wish.facts),
            received_at=wish.received_at,
            decided_at=wish.decided_at,
            note=wish.note,
            decisions=tuple(found[wish.id]),
        )
        for wish in wishes
    ]


def move(
    session: orm.Session,
    decision_id: int,
    old: DecisionState,
    verdict: Verdict,
    where: Sequence[sa.ColumnExpressionArgument[bool]] = (),
    **values: Any,
) -> bool:
    """The only function that changes a decision's state; gives False when it is no longer in state `old`, or as `where`.

    Raises ValueError for a transition that the table does not hold.
    """
    if verdict.state is not old and verdict.state not in TRANSITIONS[old]:
        raise ValueError(f"no way from {old} to {verdict.state}")
    changed: dict[str, Any] = {"state": verdict.state, "reason": verdict.reason, "next_try": verdict.next_try, **values}
    if verdict.build_id is not None:
        changed["build_id"] = verdict.build_id
    now = clock(session)
    if verdict.state is not old:
        changed["since"] = now
    statement = sa.update(Decision).where(Decision.id == decision_id, Decision.state == old, *where).values(**changed)
    options = {"synchronize_session": False, "populate_existing": True}
    moved = session.execute(statement.returning(Decision), execution_options=options).scalar_one_or_none()
    if moved is not None and verdict.state is not old:
        news.tell(session, moved, now)
    return moved is not None


def pause(database: Database, rule: Rule, who: str) -> None:
    """Stops a rule; what waits for it says so. One that is paused already stays as it is."""
    with database.writing() as session:
        if session.get(PausedRule, rule.name, with_for_update=LOCK) is None:
            session.add(PausedRule(rule=rule.name, paused_by=who, paused_at=clock(session)))
            _wake(session, rule.name)


def resume(database: Database, rule: Rule) -> None:
    """Lets a rule go on with what waits for it, the newest first."""
    with database.writing() as session:
        session.execute(sa.delete(PausedRule).where(PausedRule.rule == rule.name))
        _wake(session, rule.name)


def paused(session: orm.Session) -> dict[str, PausedRule]:
    """The paused rules by name."""
    return {row.rule: row for row in session.execute(sa.select(PausedRule)).scalars()}


def rules(session: orm.Session, known: Sequence[Rule]) -> list[RuleRecord]:
    """Each rule as it stands now."""
    stopped, since = paused(session), clock(session) - judging.HOUR
    count = sa.func.count()
    ordered: dict[str, dict[str, int]] = {}
    recent = sa.select(Decision.rule, Decision.release, count).where(Decision.ordered_at > since)
    for name, release, number in session.execute(recent.group_by(Decision.rule, Decision.release)):
        ordered.setdefault(name or "", {})[release or ""] = number
    queued = sa.select(Decision.rule, count).where(Decision.state == DecisionState.WAITING).group_by(Decision.rule)
    waiting = {row[0]: row[1] for row in session.execute(queued)}
    return [
        RuleRecord(
            **rule.model_dump(include={"name", "enabled", "owner", "releases", "image_types", "arches", "hourly_cap"}),
            ordered=ordered.get(rule.name, {}),
            waiting=waiting.get(rule.name, 0),
            paused_by=stopped[rule.name].paused_by if rule.name in stopped else None,
            paused_at=stopped[rule.name].paused_at if rule.name in stopped else None,
        )
        for rule in known
    ]


def named(session: orm.Session, known: Sequence[Rule]) -> matching.Named:
    """What the sets of all rules name; a set that is not there names nothing."""
    found = {}
    for name in {name for rule in known for name in rule.sets}:
        try:
            found[name] = matching.set_names(sets.get(session, name).references)
        except errors.UnknownSet:
            found[name] = frozenset()
    return found


def sweep(database: Database, days: int) -> bool:
    """Cancels what has waited for `days`, then removes old wishes; gives whether there were any."""
    with database.writing() as session:
        until = clock(session) - datetime.timedelta(days=days)
        old = sa.select(Wish.id).where(Wish.received_at < until, Wish.decided_at.is_not(None)).limit(SWEEP)
        found = list(session.execute(old.order_by(Wish.received_at)).scalars())
        if not found:
            return False
        waiting = sa.select(Decision.id).where(Decision.wish_id.in_(found), Decision.state == DecisionState.WAITING)
        late = list(session.execute(waiting).scalars())
        for decision_id in late:
            move(session, decision_id, DecisionState.WAITING, judging.canceled(f"it waited for more than {days} days"))
        # What was canceled now is shown until the next sweep.
        kept = sa.select(Decision.wish_id).where(Decision.id.in_(late))
        gone = set(found) - set(session.execute(kept).scalars())
        for table in (Decision, WishedBuild):
            session.execute(sa.delete(table).where(table.wish_id.in_(gone)))
        session.execute(sa.delete(Wish).where(Wish.id.in_(gone)))
        return True


def _wake(session: orm.Session, rule: str) -> None:
    where = (Decision.rule == rule, Decision.state == DecisionState.WAITING)
    session.execute(sa.update(Decision).where(*where).values(next_try=clock(session)))


def _decision(row: Decision) -> DecisionRecord:
    return DecisionRecord(
        rule=row.rule,
        release=row.release,
        image_type=ImageType(row.image_type) if row.image_type else None,
        arch=row.arch,
        state=DecisionState(row.state),
        reason=row.reason,
        build_id=row.build_id,
        ripe_at=row.ripe_at,
        since=row.since,
    )
