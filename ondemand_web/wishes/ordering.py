# SPDX-License-Identifier: MIT
"""The duty's second half: of the decisions that are due the newest is judged and, when nothing is left to wait for,
ordered as any request is."""

from __future__ import annotations

import datetime
import logging

import sqlalchemy as sa
import sqlalchemy.exc
from sqlalchemy import orm

from ondemand import errors
from ondemand.facts import Facts, Happening
from ondemand.wishes import DecisionState
from ondemand_web.builds import permissions
from ondemand_web.builds import services as builds
from ondemand_web.builds.models import Build
from ondemand_web.database import clock
from ondemand_web.service import Service
from ondemand_web.wishes import deciding, inclusion, judging, services
from ondemand_web.wishes.judging import Item, Verdict
from ondemand_web.wishes.models import Decision, PausedRule, Wish, WishedBuild
from ondemand_web.wishes.rules import Rule

log = logging.getLogger(__name__)
DELAYS = (5, 15, 60, 300)
"""Seconds until a decision is looked at again that a source or an error kept from being ordered; the last one repeats."""


def work_next(here: Service) -> bool:
    """One piece of the duty: first every message is decided, so that nothing is ordered which one of them replaces."""
    return deciding.decide_next(here) or order_next(here)


def order_next(here: Service) -> bool:
    """Judges the newest decision that is due; gives whether there was one."""
    with here.database.reading() as session:
        now = clock(session)
        due = (Decision.state == DecisionState.WAITING, Decision.next_try <= now)
        query = sa.select(Decision, Wish).join(Wish, Wish.id == Decision.wish_id).where(*due)
        found = session.execute(query.order_by(Decision.at.desc(), Decision.id.desc()).limit(1)).first()
        if found is None:
            return False
        decision, wish = found
        item = deciding.item_of(decision, Facts.model_validate(wish.facts))
        rule = here.rules.find(decision.rule)
        verdict = judging.judge(item, rule, _standing(session, item, now), now)
        key = _idempotency_key(session, decision, item, rule)
    if verdict is judging.GO and rule is not None:
        verdict = _tried(here, rule, item, key, decision, now)
    _settle(here, decision, verdict, rule.owner if rule else "")
    return True


def _tried(
    here: Service, rule: Rule, item: Item, key: str, decision: Decision, now: datetime.datetime
) -> Verdict:
    try:
        return _order(here, rule, item, key)
    except errors.IdempotencyMismatch:
        return _later(decision, now, "Another message about the same content is ordered at this moment.")
    except errors.OndemandError as error:
        if error.retryable:
            return _later(decision, now, error.sentence)
        return Verdict(state=DecisionState.REFUSED, reason=error.sentence)
    except sqlalchemy.exc.SQLAlchemyError:
        raise
    except Exception:
        log.exception("decision %d could not be ordered", decision.id)
        return _later(decision, now, "It could not be ordered, because of an error in the service itself.")


def _order(here: Service, rule: Rule, item: Item, key: str) -> Verdict:
    """Asks for the build; raises errors.OndemandError where it can't be asked for."""
    facts = item.facts
    release = here.releases.get(item.target.release)
    release.definition(item.target.image_type)
    wanted = inclusion.wanted(facts)
    if rule.only_if_in_image and facts.happened is not Happening.COMPOSED:
        wanted = inclusion.in_image(here, rule, item, wanted)
        if not wanted:
            return judging.not_in_image(item)
    request = inclusion.request(rule, item.target, wanted, f"{facts.subject} in {item.target}")
    permissions.require(request, rule.owner, here)
    build = builds.submit(here.database, request, rule.owner, key)
    named = ", ".join(wanted[:5]) + (f" and {len(wanted) - 5} more" if len(wanted) > 5 else "")
    reason = f"Build {build.id} was ordered{f' with {named}' if named else ''}."
    return Verdict(state=DecisionState.ORDERED, reason=reason, build_id=build.id)


def _settle(here: Service, decision: Decision, verdict: Verdict, owner: str) -> None:
    with here.database.writing() as session:
        values: dict[str, object] = {}
        where: list[sa.ColumnExpressionArgument[bool]] = []
        if verdict.state is DecisionState.ORDERED:
            values["ordered_at"] = clock(session)
        if verdict.state is DecisionState.WAITING:
            # Who woke it meanwhile, by a resume or a signature, must not be forgotten.
            where.append(Decision.next_try == decision.next_try)
            values["tries"] = decision.tries + 1
        if services.move(session, decision.id, DecisionState.WAITING, verdict, where, **values):
            return
    if verdict.state is DecisionState.ORDERED and verdict.build_id is not None:
        # It was withdrawn or superseded at this very moment.
        try:
            builds.cancel(here.database, verdict.build_id, owner)
        except errors.StateConflict as error:
            log.warning("decision %d stands no more, but %s", decision.id, error)


def _later(decision: Decision, now: datetime.datetime, reason: str) -> Verdict:
    seconds = DELAYS[min(decision.tries, len(DELAYS) - 1)]
    return Verdict(
        state=DecisionState.WAITING,
        reason=f"{reason} It is tried again in {seconds} s.",
        next_try=now + datetime.timedelta(seconds=seconds),
    )


def _standing(session: orm.Session, item: Item, now: datetime.datetime) -> judging.Standing:
    target = item.target
    stopped = session.get(PausedRule, target.rule)
    of_rule = (Decision.rule == target.rule, Decision.release == target.release)
    recent = sa.select(Decision.ordered_at).where(*of_rule, Decision.ordered_at > now - judging.HOUR)
    earlier = (
        sa.select(Decision.build_id)
        .join(Build, Build.id == Decision.build_id)
        .where(Decision.key == item.key, Decision.state == DecisionState.ORDERED, Build.artifacts_removed_at.is_(None))
        .order_by(Decision.build_id.desc())
        .limit(1)
    )
    return judging.Standing(
        paused_by=stopped.paused_by if stopped else None,
        earlier_build=session.execute(earlier).scalar(),
        signed=_signed(session, item.facts),
        ordered=[when for when in session.execute(recent).scalars() if when is not None],
    )


def _signed(session: orm.Session, facts: Facts) -> frozenset[str]:
    """Those of the message's builds of which another said that they are signed."""
    signed = Wish.happened == Happening.SIGNED.value
    named = sa.select(WishedBuild.nvr).join(Wish, Wish.id == WishedBuild.wish_id)
    named = named.where(signed, WishedBuild.nvr.in_(facts.builds))
    alone = sa.select(Wish.subject).where(signed, Wish.subject.in_(facts.builds))
    return frozenset((*session.execute(named).scalars(), *session.execute(alone).scalars()))


def _idempotency_key(session: orm.Session, decision: Decision, item: Item, rule: Rule | None) -> str:
    """The build key, told apart by the oldest decision that waits with it: so one crash makes no second build, and
    what was withdrawn and is offered again is made again."""
    first = decision.id
    if rule is not None and rule.join and not item.facts.again:
        same = (Decision.key == item.key, Decision.state == DecisionState.WAITING)
        first = session.execute(sa.select(sa.func.min(Decision.id)).where(*same)).scalar() or decision.id
    return f"{item.key}-{first}"
