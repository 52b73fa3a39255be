# SPDX-License-Identifier: MIT
"""The rules' pure part: which messages they take, what a decision waits for, what replaces what, and the replay."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from typing import Any

import pytest

from ondemand.facts import Facts
from ondemand.releases import Release
from ondemand.wishes import DecisionState, ReplayedWish
from ondemand_web.wishes import judging, matching, replaying
from ondemand_web.wishes.rules import Rule
from tests import wish_parts as parts

F44 = Release.model_construct(name="f44")
SIGNED: dict[str, Any] = {"happened": "signed", "subject": parts.BASH, "topic": "buildsys.tag"}
WITHDRAWN: dict[str, Any] = {"happened": "withdrawn", "topic": "bodhi.update.request.unpush"}


def reason(facts: Facts, rule: Rule, named: matching.Named | None = None, release: Release | None = F44) -> str:
    """Why the rule skips the message; empty: it takes it."""
    (match,) = matching.match(facts, release, [rule], named or {})
    return match.skipped


def replay(given: Sequence[Facts], *rules: Rule, held: frozenset[str] | None = frozenset({"bash"})) -> list[ReplayedWish]:
    """What the rules would make of messages; every image holds `held`."""
    made = replaying.Replay(rules, lambda name: F44 if name == "F44" else None, {}, lambda *_: held)
    return made.run(given)


def states(found: Sequence[ReplayedWish]) -> list[list[str]]:
    return [[each.state.value for each in wish.decisions] for wish in found]


def at(seconds: float) -> datetime.datetime:
    return parts.NOON + datetime.timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("rule", "facts", "why"),
    [
        ({}, {}, ""),
        ({"topics": ("bodhi.update.complete.testing",)}, {}, "No rule takes messages of topic org."),
        ({"topics": ("build-group.build.complete",)}, {}, "No rule takes messages of topic org."),
        ({"topics": ("koji-build-group.build.complete",)}, {}, ""),
        ({}, {"content": "flatpak"}, "Its content is flatpak, and the rule takes rpm only."),
        ({"skip_users": ("bob",)}, {"user": "bob"}, "The rule leaves messages of bob alone."),
        ({"critical_path": ("core",)}, {"critical_path": ("core", "apps")}, ""),
        ({"critical_path": ("core",)}, {"critical_path": None}, ""),
        ({"critical_path": ("core",)}, {"critical_path": ()}, "The rule takes only critical path groups core, and it is none"),
        ({"critical_path": ("core",), "packages": ("ba*",)}, {"critical_path": ()}, ""),
        ({"packages": ("zsh", "ba")}, {}, "The rule takes only packages zsh, ba, and it is none"),
        ({"sets": ("blockers",)}, {}, ""),
        ({"sets": ("others",)}, {}, "The rule takes only sets others, and it is none"),
    ],
)
def test_a_rule_takes_a_message_or_says_why_not(rule: dict[str, Any], facts: dict[str, Any], why: str) -> None:
    named = {"blockers": matching.set_names((f"bodhi:{parts.ALIAS}",)), "others": matching.set_names(("zsh",))}
    found = reason(parts.facts(**facts), parts.rule(**rule), named)
    assert found.startswith(why) and bool(found) == bool(why)


def test_a_message_of_no_release_that_is_known_is_skipped_with_the_reason() -> None:
    assert reason(parts.facts(release="F9"), parts.rule(), release=None) == "No release definition knows «F9»."
    assert reason(parts.facts(release=None), parts.rule(), release=None) == "The message names no release."
    assert reason(parts.facts(), parts.rule(releases=("f43",))) == "No rule is for release f44."


def test_only_what_is_offered_is_told_that_nobody_wants_it() -> None:
    assert matching.match(parts.facts(**SIGNED), F44, [parts.rule()], {}) == []


def test_every_image_of_a_rule_has_a_key_of_its_own_that_names_the_content() -> None:
    rule = parts.rule(image_types=("live", "boot"), arches=("x86_64", "aarch64"))
    one = matching.match(parts.facts(builds=("a-1-1", "b-1-1")), F44, [rule], {})
    two = matching.match(parts.facts(2, subject="other", builds=("b-1-1", "a-1-1")), F44, [rule], {})
    assert [each.key for each in one] == [each.key for each in two] and len({each.key for each in one}) == 4
    assert one[0].key != matching.match(parts.facts(builds=("a-2-1", "b-1-1")), F44, [rule], {})[0].key


def judged(rule: Rule, standing: judging.Standing = judging.Standing(), **fields: Any) -> judging.Verdict:
    return judging.judge(parts.item(parts.facts(**fields), rule, ripe=60), rule, standing, at(60))


def test_what_is_ripe_goes() -> None:
    assert judged(parts.rule()) is judging.GO


def test_during_its_lull_it_waits_and_says_until_when() -> None:
    verdict = judging.judge(parts.item(parts.facts(), ripe=61), parts.rule(), judging.Standing(), at(60))
    assert (verdict.state, verdict.next_try) == (DecisionState.WAITING, at(61)) and "12:01:01 UTC" in verdict.reason


def test_a_pause_is_said_with_who_made_it() -> None:
    verdict = judged(parts.rule(), judging.Standing(paused_by="eve"))
    assert (verdict.reason, verdict.next_try) == ("Rule all is paused by eve.", None)


def test_a_rule_that_is_gone_takes_what_waits_along() -> None:
    verdict = judging.judge(parts.item(parts.facts()), None, judging.Standing(), at(60))
    assert verdict.state is DecisionState.CANCELED


def test_the_same_content_is_joined_unless_it_is_asked_for_again() -> None:
    earlier = judging.Standing(earlier_build=5)
    assert judged(parts.rule(), earlier).build_id == 5
    assert judged(parts.rule(), earlier, again=True) is judged(parts.rule(join=False), earlier) is judging.GO


def test_it_waits_until_each_build_is_signed() -> None:
    rule, builds = parts.rule(require_signed=True), ("a-1-1", "b-1-1")
    one = judged(rule, judging.Standing(signed=frozenset({"a-1-1"})), builds=builds)
    assert one.reason == "It waits until a message says that b-1-1 is signed." and one.next_try is None
    assert judged(rule, judging.Standing(signed=frozenset(builds)), builds=builds) is judging.GO


def test_past_the_cap_it_waits_until_an_order_is_an_hour_old() -> None:
    ordered = [at(-3600), at(-3000), at(-60)]
    verdict = judged(parts.rule(hourly_cap=2), judging.Standing(ordered=ordered))
    assert verdict.next_try == at(600) and "the cap of 2 an hour for release f44 is used up" in verdict.reason
    assert judged(parts.rule(hourly_cap=3), judging.Standing(ordered=ordered)) is judging.GO


@pytest.mark.parametrize(
    ("newer", "older", "replaces"),
    [
        ({"builds": ("bash-2-1",)}, {}, True),
        ({}, {}, False),
        ({"subject": "other", "builds": ("bash-2-1",)}, {}, True),
        ({"subject": "other", "builds": ("bash-2-1", "zsh-1-1")}, {}, True),
        ({"subject": "other", "builds": ("bash-2-1",)}, {"builds": (parts.BASH, "zsh-1-1")}, False),
        ({"subject": "other", "builds": ("zsh-1-1",)}, {}, False),
        ({"seconds": -1, "builds": ("bash-2-1",)}, {}, False),
        ({"happened": "composed", "subject": "c2", "builds": ()}, {"happened": "composed", "subject": "c1", "builds": ()}, True),
        ({"happened": "composed", "subject": "c2", "builds": ()}, {}, False),
    ],
)
def test_what_is_newer_takes_the_place_of_what_it_contains(
    newer: dict[str, Any], older: dict[str, Any], replaces: bool
) -> None:
    pair = parts.item(parts.facts(2, **newer), order=2), parts.item(parts.facts(1, **older))
    assert judging.newer_replaces(*pair) is replaces


def test_a_replay_orders_the_newest_edit_and_joins_what_repeats_it() -> None:
    edited = {"builds": ("bash-5.3.4-1.fc44",)}
    given = [parts.facts(1), parts.facts(2, 10, **edited), parts.facts(3, 20, **edited), parts.facts(3, 20, **edited)]
    found = replay(given, parts.rule(lull=60))
    assert states(found) == [["superseded"], ["ordered"], ["joined"], ["joined"]]
    assert [found[place].decisions[0].build_id for place in (1, 2)] == [1, 1]


def test_a_replay_marks_what_a_rule_would_order_that_is_switched_off() -> None:
    (told,) = replay([parts.facts()], parts.rule(), parts.rule(name="off", enabled=False))
    on, off = told.decisions
    assert (on.state, off.state) == (DecisionState.ORDERED, DecisionState.ORDERED)
    assert off.reason == f"{on.reason} Rule off is switched off."


def test_a_replay_says_what_is_not_in_the_image() -> None:
    zsh = parts.facts(2, subject="other", builds=("zsh-1-1",))
    found = replay([parts.facts(1), zsh], parts.rule(only_if_in_image=True))
    assert states(found) == [["ordered"], ["skipped"]] and "zsh is not in this image" in found[1].decisions[0].reason


def test_a_replay_that_can_not_ask_says_so() -> None:
    (found,) = replay([parts.facts(1)], parts.rule(only_if_in_image=True), held=None)
    assert "can't be told now" in found.decisions[0].reason


def test_a_replay_waits_for_signatures_and_heeds_what_is_withdrawn() -> None:
    given = [parts.facts(1), parts.facts(2, 50, **SIGNED), parts.facts(3, 100, builds=("bash-6-1",)), parts.facts(4, 200, **WITHDRAWN)]
    found = replay(given, parts.rule(require_signed=True, supersede=False))
    assert states(found) == [["ordered"], [], ["canceled"], []]
    assert (found[0].decisions[0].since, found[3].note) == (at(50), "Decisions canceled: 1.")


def test_a_replay_keeps_to_the_cap_and_shows_the_rest() -> None:
    given = [parts.facts(n, n, subject=f"u-{n}", builds=(f"p{n}-1-1",)) for n in range(5)]
    found = replay(given, parts.rule(hourly_cap=2, lull=60))
    assert states(found) == [["ordered"], ["ordered"], *[["waiting"]] * 3]
    later = replay([*given, parts.facts(9, 3700, **SIGNED)], parts.rule(hourly_cap=2, lull=60))
    assert states(later)[:5] == [["ordered"], ["ordered"], ["waiting"], ["ordered"], ["ordered"]]


def test_a_thousand_messages_replay_in_seconds() -> None:
    given = [parts.facts(n, n * 60, subject=f"u-{n}", builds=(f"p{n % 300}-{n}-1",)) for n in range(1000)]
    found = replay(given, parts.rule(image_types=("live", "boot", "dvd"), hourly_cap=5, lull=300))
    assert len(found) == 1000 and {len(each.decisions) for each in found} == {3}
