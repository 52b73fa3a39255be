# SPDX-License-Identifier: MIT
"""What the rules would make of a record of messages, each judged at its own time. Pure: writes and orders nothing."""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Callable, Sequence

from ondemand.facts import Facts, Happening
from ondemand.releases import Release
from ondemand.wishes import DecisionRecord, DecisionState, ReplayedWish
from ondemand_web.wishes import judging, matching
from ondemand_web.wishes.judging import Item, Verdict
from ondemand_web.wishes.matching import Named, Target
from ondemand_web.wishes.rules import Rule

FindRelease = Callable[[str], Release | None]
InImage = Callable[[Rule, Target], frozenset[str] | None]
"""The source packages in an image of a rule; None where that can't be told."""


@dataclasses.dataclass(kw_only=True)
class _Decision:
    """One decision of the replay as it stands."""

    rule: Rule | None
    item: Item | None
    verdict: Verdict
    since: datetime.datetime
    ordered_at: datetime.datetime | None = None

    def record(self) -> DecisionRecord:
        """As the API gives it."""
        target = self.item.target if self.item else None
        off = f" Rule {self.rule.name} is switched off." if self.rule and not self.rule.enabled else ""
        return DecisionRecord(
            rule=self.rule.name if self.rule else None,
            release=target.release if target else None,
            image_type=target.image_type if target else None,
            arch=target.arch if target else None,
            state=self.verdict.state,
            reason=f"{self.verdict.reason}{off}",
            build_id=self.verdict.build_id,
            ripe_at=self.item.ripe_at if self.item else None,
            since=self.since,
        )


class Replay:
    """One run over a record of messages."""

    def __init__(self, rules: Sequence[Rule], find: FindRelease, named: Named, in_image: InImage) -> None:
        """`find` knows releases by their names in messages, `named` what sets hold, `in_image` what images hold."""
        self._rules, self._find, self._named, self._in_image = rules, find, named, in_image
        self._ordered: dict[tuple[str, str], list[_Decision]] = {}
        self._waiting: list[tuple[_Decision, Item, Rule]] = []
        self._signed: set[str] = set()
        self._withdrawn: dict[str, Facts] = {}
        self._builds = 0

    def run(self, messages: Sequence[Facts]) -> list[ReplayedWish]:
        """What would become of each message, in the given order; one that comes again changes nothing.

        The clock stops when the last lull is over: what the cap keeps waits in the answer, too.
        """
        seen: dict[str, tuple[str | None, list[_Decision]]] = {}
        now = None
        for order, facts in sorted(enumerate(messages), key=lambda pair: (pair[1].at, pair[0])):
            if facts.message_id not in seen:
                now = facts.at
                self._pass(now)
                seen[facts.message_id] = self._take(facts, order)
        if now is not None:
            self._pass(now + datetime.timedelta(seconds=max((rule.lull for rule in self._rules), default=0)))
        found = []
        for facts in messages:
            note, decisions = seen[facts.message_id]
            records = tuple(each.record() for each in decisions)
            found.append(ReplayedWish(message_id=facts.message_id, subject=facts.subject, note=note, decisions=records))
        return found

    def _take(self, facts: Facts, order: int) -> tuple[str | None, list[_Decision]]:
        """What a message does when it comes."""
        note = self._act(facts)
        release = self._find(facts.release) if facts.release else None
        found = matching.match(facts, release, self._rules, self._named)
        return note, [self._decision(match, facts, order) for match in found]

    def _act(self, facts: Facts) -> str | None:
        if facts.happened is Happening.SIGNED:
            self._signed.update((facts.subject, *facts.builds))
            for decision, item, _ in self._waiting:
                if decision.verdict.next_try is None and self._signed.intersection(item.facts.builds):
                    decision.verdict = dataclasses.replace(decision.verdict, next_try=facts.at)
        if facts.happened is Happening.WITHDRAWN:
            self._withdrawn[facts.subject] = facts
            gone = [each for each, item, _ in self._waiting if item.facts.subject == facts.subject]
            for decision in gone:
                self._settle(decision, judging.withdrawn(facts.subject, facts.topic), facts.at)
            return f"Decisions canceled: {len(gone)}."
        return None

    def _decision(self, match: matching.Match, facts: Facts, order: int) -> _Decision:
        if match.rule is None or match.target is None:
            skipped = Verdict(state=DecisionState.SKIPPED, reason=match.skipped)
            return _Decision(rule=match.rule, item=None, verdict=skipped, since=facts.at)
        ripe = facts.at + datetime.timedelta(seconds=match.rule.lull)
        item = Item(target=match.target, key=match.key, facts=facts, ripe_at=ripe, order=order)
        verdict = judging.first(item, match.rule, None)
        decision = _Decision(rule=match.rule, item=item, verdict=verdict, since=facts.at)
        gone = self._withdrawn.get(facts.subject)
        if gone is not None and gone.at >= facts.at:
            decision.verdict = judging.withdrawn(facts.subject, gone.topic)
            return decision
        if match.rule.supersede:
            for older, waits, _ in list(self._waiting):
                if judging.newer_replaces(item, waits):
                    self._settle(older, judging.superseded(facts), facts.at)
        self._waiting.append((decision, item, match.rule))
        return decision

    def _pass(self, until: datetime.datetime) -> None:
        """Lets time go on: of all that is due at a moment the newest comes first."""
        while True:
            times = [each.verdict.next_try for each, _, _ in self._waiting if each.verdict.next_try is not None]
            if not times or min(times) > until:
                return
            now = min(times)
            due = [row for row in self._waiting if row[0].verdict.next_try is not None and row[0].verdict.next_try <= now]
            for decision, item, rule in sorted(due, key=lambda row: row[1].age, reverse=True):
                self._settle(decision, self._judge(item, rule, now), now)

    def _judge(self, item: Item, rule: Rule, now: datetime.datetime) -> Verdict:
        ordered = self._ordered.get((item.target.rule, item.target.release), [])
        earlier = [each.verdict.build_id for each in ordered if each.item and each.item.key == item.key]
        standing = judging.Standing(
            earlier_build=earlier[-1] if earlier else None,
            signed=frozenset(self._signed),
            ordered=[each.ordered_at for each in ordered if each.ordered_at],
        )
        verdict = judging.judge(item, rule, standing, now)
        return self._order(item, rule) if verdict is judging.GO else verdict

    def _order(self, item: Item, rule: Rule) -> Verdict:
        reason = f"It would be ordered with {item.facts.reference or ', '.join(item.facts.builds[:5]) or 'nothing besides'}."
        if rule.only_if_in_image and item.facts.happened is not Happening.COMPOSED:
            held = self._in_image(rule, item.target)
            if held is None or not item.facts.builds:
                reason += " Whether the image holds it can't be told now."
            elif not held & matching.packages(item.facts.builds):
                return judging.not_in_image(item)
        self._builds += 1
        return Verdict(state=DecisionState.ORDERED, reason=reason, build_id=self._builds)

    def _settle(self, decision: _Decision, verdict: Verdict, now: datetime.datetime) -> None:
        if verdict.state is not decision.verdict.state:
            decision.since = now
        decision.verdict = verdict
        if verdict.state is DecisionState.ORDERED and decision.item is not None:
            target = decision.item.target
            decision.ordered_at = now
            self._ordered.setdefault((target.rule, target.release), []).append(decision)
        if verdict.state is not DecisionState.WAITING:
            self._waiting = [row for row in self._waiting if row[0] is not decision]
