# SPDX-License-Identifier: MIT
"""What becomes of a decision that waits. Pure: what is known in, a verdict out; the same for the duty and a replay."""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Sequence

from ondemand.facts import Facts, Happening
from ondemand.wishes import DecisionState
from ondemand_web.wishes import matching
from ondemand_web.wishes.matching import Target
from ondemand_web.wishes.rules import Rule

HOUR = datetime.timedelta(hours=1)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Item:
    """A decision as it is judged: its image, content, message and the end of its lull. `order` tells equal times apart."""

    target: Target
    key: str
    facts: Facts
    ripe_at: datetime.datetime
    order: int

    @property
    def age(self) -> tuple[datetime.datetime, int]:
        """The greater the newer."""
        return self.facts.at, self.order


@dataclasses.dataclass(frozen=True, kw_only=True)
class Standing:
    """What else is known: who paused the rule, an earlier build of the same content and a sentence on its end if that is
    no image, the builds that are said to be signed, and when the rule ordered for that release in the last hour."""

    paused_by: str | None = None
    earlier_build: int | None = None
    earlier_end: str = ""
    signed: frozenset[str] = frozenset()
    ordered: Sequence[datetime.datetime] = ()


@dataclasses.dataclass(frozen=True, kw_only=True)
class Verdict:
    """The decision's state from now on; one that waits is looked at again at `next_try`, or when something happens."""

    state: DecisionState
    reason: str
    next_try: datetime.datetime | None = None
    build_id: int | None = None


GO = Verdict(state=DecisionState.ORDERED, reason="")
"""Nothing is left to wait for."""


def first(item: Item, rule: Rule, paused_by: str | None) -> Verdict:
    """How a new decision waits."""
    if paused_by is not None:
        return _paused(rule, paused_by)
    return _waits(f"It waits for further edits until {_time(item.ripe_at)}.", item.ripe_at)


def judge(item: Item, rule: Rule | None, standing: Standing, now: datetime.datetime) -> Verdict:
    """What becomes of a decision that waits: GO when it is to be ordered now."""
    if rule is None:
        return canceled(f"rule {item.target.rule} is switched off or no longer there")
    if standing.paused_by is not None:
        return _paused(rule, standing.paused_by)
    if now < item.ripe_at:
        return first(item, rule, None)
    if standing.earlier_build is not None and rule.join and not item.facts.again:
        reason = f"Build {standing.earlier_build} has the same content. {standing.earlier_end}".rstrip()
        return Verdict(state=DecisionState.JOINED, reason=reason, build_id=standing.earlier_build)
    unsigned = [nvr for nvr in item.facts.builds if nvr not in standing.signed]
    if rule.require_signed and unsigned:
        more = f" and {len(unsigned) - 1} more" if len(unsigned) > 1 else ""
        return _waits(f"It waits until a message says that {unsigned[0]}{more} is signed.", None)
    recent = sorted(when for when in standing.ordered if when > now - HOUR)
    if len(recent) >= rule.hourly_cap:
        again = recent[-rule.hourly_cap] + HOUR
        used = f"the cap of {rule.hourly_cap} an hour for release {item.target.release} is used up"
        return _waits(f"It waits until {_time(again)}, as {used}.", again)
    return GO


def newer_replaces(newer: Item, older: Item) -> bool:
    """Whether one takes the place of the other: the same image, other content, and of the same update, with builds of
    all its packages, or a later compose."""
    if newer.target != older.target or newer.key == older.key or newer.age < older.age:
        return False
    if Happening.COMPOSED in (newer.facts.happened, older.facts.happened):
        return newer.facts.happened is older.facts.happened
    held, had = matching.packages(newer.facts.builds), matching.packages(older.facts.builds)
    return newer.facts.subject == older.facts.subject or bool(had and had <= held)


def superseded(by: Facts) -> Verdict:
    """The verdict over what something newer replaces."""
    return Verdict(state=DecisionState.SUPERSEDED, reason=f"{by.subject} of {_time(by.at)} is newer and takes its place.")


def canceled(why: str) -> Verdict:
    """The verdict over what shall not be any more."""
    return Verdict(state=DecisionState.CANCELED, reason=f"{why[0].upper()}{why[1:]}.")


def withdrawn(subject: str, topic: str) -> Verdict:
    """The verdict over what a message withdrew."""
    return canceled(f"{subject} was withdrawn by a message of topic {topic}")


def not_in_image(item: Item) -> Verdict:
    """The verdict over builds that the image does not hold."""
    names = sorted(matching.packages(item.facts.builds)) or [item.facts.subject]
    what = names[0] if len(names) == 1 else f"none of {', '.join(names[:5])}{' …' if len(names) > 5 else ''}"
    verb = f"{what} is not" if len(names) == 1 else f"{what} is"
    return Verdict(state=DecisionState.SKIPPED, reason=f"{verb} in this image ({item.target}).")


def _paused(rule: Rule, paused_by: str) -> Verdict:
    return _waits(f"Rule {rule.name} is paused by {paused_by}.", None)


def _waits(reason: str, next_try: datetime.datetime | None) -> Verdict:
    return Verdict(state=DecisionState.WAITING, reason=reason, next_try=next_try)


def _time(value: datetime.datetime) -> str:
    return value.astimezone(datetime.UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
