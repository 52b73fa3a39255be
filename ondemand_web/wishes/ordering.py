# SPDX-License-Identifier: MIT
"""The duty's second half: of the decisions that are due the newest is judged and, when nothing is left to wait for,
ordered as any request is."""

from __future__ import annotations

import dataclasses
import datetime
import logging

import sqlalchemy as sa
import sqlalchemy.exc
from sqlalchemy import orm

from ondemand import errors
from ondemand.build_requests import BuildRequest
from ondemand.facts import Facts, Happening
from ondemand.states import State
from ondemand.wishes import DecisionState
from ondemand_web.builds import permissions
from ondemand_web.builds import services as builds
from ondemand_web.builds.models import Build
from ondemand_web.database import LOCK, Now, alone, clock
from ondemand_web.service import Service
from ondemand_web.wishes import deciding, inclusion, judging, services
from ondemand_web.wishes.judging import Item, Verdict
from ondemand_web.wishes.models import Decision, PausedRule, Wish, WishedBuild
from ondemand_web.wishes.rules import Rule

log = logging.getLogger(__name__)
_OURS = (errors.FailureClass.BUILDER, errors.FailureClass.SERVICE)
"""Classes of failures that say nothing of what was to be built."""
ALONE = 0x77697368657300
"""PostgreSQL's advisory lock for whoever orders by a rule: "wishes" in ASCII. So caps are counted one after the other."""
DELAYS = (5, 15, 60, 300)
"""Seconds until a decision is looked at again that a source or an error kept from being ordered; the last one repeats."""

_DUE = (
    sa.select(Decision, Wish, Now())
    .join(Wish, Wish.id == Decision.wish_id)
    .where(Decision.state == DecisionState.WAITING, Decision.next_try <= Now())
    .order_by(Decision.at.desc(), Decision.id.desc())
    .limit(1)
)


def work_next(here: Service) -> bool:
    """One piece of the duty: first every message is decided, so that nothing is ordered which one of them replaces."""
    return deciding.decide_next(here) or order_next(here)


def order_next(here: Service) -> bool:
    """Judges the newest decision that is due; gives whether there was one."""
    with here.database.asking() as session:
        found = session.execute(_DUE).first()
    if found is None:
        return False
    decision, wish, now = found
    rule = here.rules.find(decision.rule)
    with here.database.reading() as session:
        item, verdict = _judged(session, decision, wish, rule, now)
    if item is None or verdict is not judging.GO or rule is None:
        _settle(here, decision, verdict)
        return True
    wanted = _tried(here, rule, item, decision, now)
    if isinstance(wanted, Verdict):
        _settle(here, decision, wanted)
    else:
        _order(here, decision, rule, item, wanted)
    return True


@dataclasses.dataclass(frozen=True, kw_only=True)
class Wanted:
    """What is to be ordered: the request, and the references in it for people."""

    request: BuildRequest
    references: tuple[str, ...]

    def reason(self, build_id: int) -> str:
        """For people."""
        named, more = ", ".join(self.references[:5]), len(self.references) - 5
        return f"Build {build_id} was ordered{f' with {named}' if named else ''}{f' and {more} more' if more > 0 else ''}."


def _judged(
    session: orm.Session, decision: Decision, wish: Wish, rule: Rule | None, now: datetime.datetime
) -> tuple[Item | None, Verdict]:
    """The decision with its verdict; what can't be read is looked at again later, as the others must not wait for it."""
    try:
        item = deciding.item_of(decision, Facts.model_validate(wish.facts))
        return item, judging.judge(item, rule, _standing(session, item, now), now)
    except sqlalchemy.exc.SQLAlchemyError:
        raise
    except Exception:
        log.exception("decision %d could not be judged", decision.id)
        return None, _later(decision, now, "It could not be judged, because of an error in the service itself.")


def _tried(here: Service, rule: Rule, item: Item, decision: Decision, now: datetime.datetime) -> Wanted | Verdict:
    try:
        return _wanted(here, rule, item)
    except errors.OndemandError as error:
        if error.retryable:
            return _later(decision, now, error.sentence)
        return Verdict(state=DecisionState.REFUSED, reason=error.sentence)
    except sqlalchemy.exc.SQLAlchemyError:
        raise
    except Exception:
        log.exception("decision %d could not be ordered", decision.id)
        return _later(decision, now, "It could not be ordered, because of an error in the service itself.")


def _wanted(here: Service, rule: Rule, item: Item) -> Wanted | Verdict:
    """What to order, or why nothing; raises errors.OndemandError where it can't be asked for."""
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
    return Wanted(request=request, references=tuple(wanted))


def _order(here: Service, decision: Decision, rule: Rule, item: Item, wanted: Wanted) -> None:
    """Asks for the build and notes it, all or nothing, if the verdict still holds now that nobody else orders."""
    with here.database.writing() as session:
        alone(session, ALONE)
        row = session.get(Decision, decision.id, with_for_update=LOCK)
        if row is None or row.state != DecisionState.WAITING:
            # It was withdrawn, superseded or ordered meanwhile.
            return
        now = clock(session)
        verdict = judging.judge(item, rule, _standing(session, item, now), now)
        if verdict is not judging.GO:
            _settled(session, row, verdict)
            return
        build = builds.submit_within(session, wanted.request, rule.owner, None)
        reason = wanted.reason(build.id)
        _settled(session, row, Verdict(state=DecisionState.ORDERED, reason=reason, build_id=build.id), ordered_at=now)


def _settle(here: Service, decision: Decision, verdict: Verdict) -> None:
    with here.database.writing() as session:
        _settled(session, decision, verdict)


def _settled(session: orm.Session, decision: Decision, verdict: Verdict, **values: object) -> None:
    where: list[sa.ColumnExpressionArgument[bool]] = []
    if verdict.state is DecisionState.WAITING:
        # Who woke it meanwhile, by a resume or a signature, must not be forgotten.
        where.append(Decision.next_try == decision.next_try)
        values["tries"] = decision.tries + 1
    services.move(session, decision.id, DecisionState.WAITING, verdict, where, **values)


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
    earlier = _earlier(session, item.key)
    return judging.Standing(
        paused_by=stopped.paused_by if stopped else None,
        earlier_build=earlier.id if earlier else None,
        earlier_end=_end(earlier) if earlier else "",
        signed=_signed(session, item.facts),
        ordered=[when for when in session.execute(recent).scalars() if when is not None],
    )


def _earlier(session: orm.Session, key: str) -> Build | None:
    """The newest build of the same content. One that failed through no fault of the content is none: it is made anew."""
    statement = (
        sa.select(Build)
        .join(Decision, Build.id == Decision.build_id)
        .where(Decision.key == key, Decision.state == DecisionState.ORDERED, Build.artifacts_removed_at.is_(None))
    )
    newest = session.execute(statement.order_by(Build.id.desc()).limit(1)).scalar()
    if newest is None or (newest.state == State.FAILED and (newest.error or {}).get("class") in _OURS):
        return None
    return newest


def _end(build: Build) -> str:
    """How a build ended without an image, for people."""
    if build.state == State.CANCELED:
        return f"It was canceled by {build.canceled_by}."
    ends = {State.FAILED: "failed", State.REFUSED: "was refused"}
    end = ends.get(State(build.state))
    return f"It {end}: {(build.error or {}).get('sentence', 'no reason is known.')}" if end else ""


def _signed(session: orm.Session, facts: Facts) -> frozenset[str]:
    """Those of the message's builds of which another said that they are signed."""
    signed = Wish.happened == Happening.SIGNED.value
    named = sa.select(WishedBuild.nvr).join(Wish, Wish.id == WishedBuild.wish_id)
    named = named.where(signed, WishedBuild.nvr.in_(facts.builds))
    alone = sa.select(Wish.subject).where(signed, Wish.subject.in_(facts.builds))
    return frozenset((*session.execute(named).scalars(), *session.execute(alone).scalars()))
