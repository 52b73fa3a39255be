# SPDX-License-Identifier: MIT
"""The duty's first half: a message becomes decisions, and does to earlier ones what it has to. Orders nothing."""

from __future__ import annotations

import datetime
import logging
from collections.abc import Iterator

import sqlalchemy as sa
import sqlalchemy.exc
from sqlalchemy import orm

from ondemand.build_requests import ImageType
from ondemand.facts import Facts, Happening
from ondemand.states import State
from ondemand.wishes import DecisionState
from ondemand_web.builds import services as builds
from ondemand_web.database import LOCK, clock
from ondemand_web.service import Service
from ondemand_web.wishes import judging, matching, news, services
from ondemand_web.wishes.judging import Item
from ondemand_web.wishes.matching import Match
from ondemand_web.wishes.models import Decision, PausedRule, ReleaseToRead, Wish, WishedBuild

log = logging.getLogger(__name__)
LIVE = (DecisionState.WAITING, DecisionState.ORDERED, DecisionState.JOINED)
"""States of decisions that stand."""
RELATED = 1000
"""Earlier decisions that one message is compared with at most."""
_UNDECIDED = sa.select(Wish.id).where(Wish.decided_at.is_(None)).order_by(Wish.id).limit(1)


def decide_next(here: Service) -> bool:
    """Decides the oldest message that waits for it; gives whether there was one."""
    with here.database.asking() as session:
        wish_id = session.execute(_UNDECIDED).scalar()
    if wish_id is None:
        return False
    try:
        _decide(here, wish_id)
    except sqlalchemy.exc.SQLAlchemyError:
        raise
    except Exception:
        # The messages behind it must not wait for one that breaks the rules' code.
        log.exception("wish %d could not be decided", wish_id)
        with here.database.writing() as session:
            note = "The service could not judge it, because of an error of its own, which it has written to its log."
            session.execute(sa.update(Wish).where(Wish.id == wish_id).values(decided_at=clock(session), note=note))
    return True


def item_of(decision: Decision, facts: Facts) -> Item:
    """The decision as it is judged."""
    target = matching.Target(
        rule=decision.rule or "",
        release=decision.release or "",
        image_type=ImageType(decision.image_type or ImageType.LIVE),
        arch=decision.arch or "",
    )
    ripe_at = decision.ripe_at or decision.since
    return Item(target=target, key=decision.key or "", facts=facts, ripe_at=ripe_at, order=decision.wish_id)


def _decide(here: Service, wish_id: int) -> None:
    with here.database.writing() as session:
        wish = session.get(Wish, wish_id, with_for_update=LOCK)
        if wish is None or wish.decided_at is not None:
            return
        facts = Facts.model_validate(wish.facts)
        rules = here.rules.active()
        release = here.releases.known_as(facts.release) if facts.release else None
        wish.decided_at = clock(session)
        wish.note = _act(session, facts, release.name if release else None, wish.decided_at)
        for match in matching.match(facts, release, rules, services.named(session, rules)):
            _add(session, wish, facts, match)


def _act(session: orm.Session, facts: Facts, release: str | None, now: datetime.datetime) -> str | None:
    """What a message does to earlier ones, and a sentence on that."""
    if facts.happened is Happening.WITHDRAWN:
        return _withdraw(session, facts)
    if facts.happened is Happening.SIGNED:
        return f"Decisions judged again: {_go_on(session, facts, now)}."
    if facts.happened is Happening.COMPOSED and release is not None:
        row = session.get(ReleaseToRead, release, with_for_update=LOCK)
        if row is None:
            session.add(ReleaseToRead(release=release, asked_at=now))
        else:
            row.asked_at = now
        return f"The repositories of release {release} are read anew."
    return None


def _go_on(session: orm.Session, facts: Facts, now: datetime.datetime) -> int:
    """Has those judged again that hold these builds; gives their number."""
    naming = sa.select(WishedBuild.wish_id).where(WishedBuild.nvr.in_({facts.subject, *facts.builds}))
    where = (Decision.state == DecisionState.WAITING, Decision.wish_id.in_(naming))
    statement = sa.update(Decision).where(*where).values(next_try=now).returning(Decision.id)
    return len(session.execute(statement, execution_options={"synchronize_session": False}).all())


def _withdraw(session: orm.Session, facts: Facts) -> str:
    """Cancels what stands for the subject, and the builds ordered for it that have not begun."""
    verdict = judging.withdrawn(facts.subject, facts.topic)
    query = sa.select(Decision).where(
        Decision.subject == facts.subject, Decision.at <= facts.at, Decision.state.in_(LIVE)
    )
    decisions = list(session.execute(query.order_by(Decision.build_id, Decision.id)).scalars())
    ended: dict[int, bool] = {}
    count = 0
    for each in decisions:
        if each.build_id is not None and each.build_id not in ended:
            ended[each.build_id] = _cancel(session, each.build_id, facts, verdict.reason)
        if each.build_id is None or ended[each.build_id]:
            count += services.move(session, each.id, DecisionState(each.state), verdict)
    return f"Decisions canceled: {count}; builds canceled: {sum(ended.values())}."


def _cancel(session: orm.Session, build_id: int, facts: Facts, reason: str) -> bool:
    """Cancels a build that has not begun and that nobody else wants; gives whether it was."""
    query = sa.select(Decision.id).where(
        Decision.build_id == build_id,
        Decision.state.in_(LIVE),
        sa.or_(Decision.subject != facts.subject, Decision.at > facts.at),
    )
    if session.execute(query.limit(1)).scalar() is not None:
        return False
    build = builds.get(session, build_id, locked=True)
    state = State(build.state)
    if state not in (State.RECEIVED, State.QUEUED):
        return False
    values = {"canceled_by": build.owner}
    return builds.move(session, build_id, old=state, new=State.CANCELED, values=values, reason=reason) is not None


def _add(session: orm.Session, wish: Wish, facts: Facts, match: Match) -> None:
    """Writes the decision of a match, and what it replaces."""
    now = wish.decided_at or clock(session)
    known = {"wish_id": wish.id, "subject": wish.subject, "at": wish.at, "since": now}
    if match.rule is None or match.target is None:
        rule = match.rule.name if match.rule else None
        _write(session, Decision(rule=rule, state=DecisionState.SKIPPED, reason=match.skipped, **known), now)
        return
    target = match.target
    row = Decision(
        rule=target.rule,
        release=target.release,
        image_type=target.image_type.value,
        arch=target.arch,
        key=match.key,
        # The lull begins when the service has the message: so all that an outage held back is here before any is ripe.
        ripe_at=wish.received_at + datetime.timedelta(seconds=match.rule.lull),
        **known,
    )
    item = item_of(row, facts)
    # Locked, so that who resumes the rule at this moment sees this decision and wakes it.
    stopped = session.get(PausedRule, target.rule, with_for_update=LOCK)
    verdict = _overtaken(session, row, facts) or judging.first(item, match.rule, stopped.paused_by if stopped else None)
    if match.rule.supersede:
        for other, its in _related(session, row, facts):
            if judging.newer_replaces(its, item) and verdict.state is DecisionState.WAITING:
                verdict = judging.superseded(its.facts)
            elif judging.newer_replaces(item, its) and other.state == DecisionState.WAITING:
                services.move(session, other.id, DecisionState.WAITING, judging.superseded(facts))
    row.state, row.reason, row.next_try = verdict.state, verdict.reason, verdict.next_try
    _write(session, row, now)


def _write(session: orm.Session, row: Decision, now: datetime.datetime) -> None:
    session.add(row)
    session.flush()
    news.tell(session, row, now)


def _overtaken(session: orm.Session, row: Decision, facts: Facts) -> judging.Verdict | None:
    """The verdict over a message that came after the one that withdrew it."""
    query = sa.select(Wish).where(
        Wish.subject == facts.subject, Wish.happened == Happening.WITHDRAWN.value, Wish.at >= row.at
    )
    gone = session.execute(query.order_by(Wish.at.desc()).limit(1)).scalar()
    return None if gone is None else judging.withdrawn(gone.subject, Facts.model_validate(gone.facts).topic)


def _related(session: orm.Session, row: Decision, facts: Facts) -> Iterator[tuple[Decision, Item]]:
    """Decisions that stand for the same image and that the new one may replace, or they it."""
    names = matching.packages(facts.builds)
    naming = sa.select(WishedBuild.wish_id).where(WishedBuild.name.in_(names))
    related = sa.or_(Decision.subject == facts.subject, Decision.wish_id.in_(naming))
    if facts.happened is Happening.COMPOSED:
        related = Wish.happened == Happening.COMPOSED.value
    same = (Decision.rule, Decision.release, Decision.image_type, Decision.arch)
    query = (
        sa.select(Decision, Wish)
        .join(Wish, Wish.id == Decision.wish_id)
        .where(*(column == getattr(row, column.key) for column in same), Decision.key != row.key)
        .where(Decision.state.in_(LIVE), related)
        .order_by(Decision.id.desc())
        .limit(RELATED)
    )
    for other, wish in session.execute(query).all():
        yield other, item_of(other, Facts.model_validate(wish.facts))
