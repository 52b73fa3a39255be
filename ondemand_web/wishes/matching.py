# SPDX-License-Identifier: MIT
"""Which rules take a message, and for which images. Pure: facts and rules in, matches out."""

from __future__ import annotations

import dataclasses
import fnmatch
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence

from ondemand.build_requests import ImageType
from ondemand.facts import Facts, Happening
from ondemand.releases import Release
from ondemand_web.wishes.rules import Rule

Named = Mapping[str, frozenset[str]]
"""What each set names."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Target:
    """One image of a rule."""

    rule: str
    release: str
    image_type: ImageType
    arch: str

    def __str__(self) -> str:
        return f"{self.release} {self.image_type.value} {self.arch}"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Match:
    """What a rule says to a message: a target with the key of its content, or why it is skipped."""

    rule: Rule | None = None
    target: Target | None = None
    key: str = ""
    skipped: str = ""


def match(facts: Facts, release: Release | None, rules: Iterable[Rule], named: Named) -> list[Match]:
    """The matches of a message; `release` is the one that it speaks of. Empty when it is none that orders."""
    concerned = [rule for rule in rules if facts.happened in rule.happenings and _has_topic(rule, facts.topic)]
    if not concerned:
        return _unless(facts, f"no rule takes messages of topic {facts.topic}")
    if release is None:
        known = f"no release definition knows «{facts.release}»" if facts.release else "the message names no release"
        return _unless(facts, known)
    ours = [rule for rule in concerned if release.name in rule.releases]
    if not ours:
        return _unless(facts, f"no rule is for release {release.name}")
    return [made for rule in ours for made in _of_rule(facts, release, rule, named)]


def package(nvr: str) -> str:
    """The source package's name of a build."""
    return nvr.rsplit("-", 2)[0]


def packages(builds: Iterable[str]) -> frozenset[str]:
    """The source packages' names of builds."""
    return frozenset(map(package, builds))


def key(target: Target, facts: Facts) -> str:
    """The same for the same content of the same image; where no builds are named, the message's own identity."""
    content = sorted(set(facts.builds)) or [facts.identity]
    parts = (target.rule, target.release, target.image_type.value, target.arch, *content)
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _has_topic(rule: Rule, topic: str) -> bool:
    return not rule.topics or any(topic == each or topic.endswith(f".{each}") for each in rule.topics)


def _unless(facts: Facts, why: str) -> list[Match]:
    """Only what is offered is told that nobody wants it: the other messages are there for what waits already."""
    return [Match(skipped=_sentence(why))] if facts.happened is Happening.OFFERED else []


def _of_rule(facts: Facts, release: Release, rule: Rule, named: Named) -> Iterator[Match]:
    if why := _unwanted(facts, rule, named):
        yield Match(rule=rule, skipped=_sentence(why))
        return
    for image_type in rule.image_types:
        for arch in rule.arches:
            target = Target(rule=rule.name, release=release.name, image_type=image_type, arch=arch)
            yield Match(rule=rule, target=target, key=key(target, facts))


def _unwanted(facts: Facts, rule: Rule, named: Named) -> str:
    """Why the rule does not want it; empty: it does."""
    if facts.content not in rule.contents:
        return f"its content is {facts.content}, and the rule takes {', '.join(rule.contents)} only"
    if facts.user is not None and facts.user in rule.skip_users:
        return f"the rule leaves messages of {facts.user} alone"
    if facts.happened is Happening.COMPOSED or not rule.chooses or _chosen(facts, rule, named):
        return ""
    return f"the rule takes only {rule.chooses}, and it is none of these"


def _chosen(facts: Facts, rule: Rule, named: Named) -> bool:
    """Whether one of the rule's three lists has it; each given one suffices."""
    if rule.critical_path and (facts.critical_path is None or set(rule.critical_path) & set(facts.critical_path)):
        return True
    names = packages(facts.builds)
    if any(fnmatch.fnmatchcase(name, pattern) for name in names for pattern in rule.packages):
        return True
    wanted = {facts.subject, facts.reference, *facts.builds, *names}
    return any(wanted & named.get(each, frozenset()) for each in rule.sets)


def set_names(references: Sequence[str]) -> frozenset[str]:
    """What a set's references name, without their kind: aliases, NVRs, packages."""
    return frozenset(text.rpartition(":")[2] for text in references) | frozenset(references)


def _sentence(why: str) -> str:
    return f"{why[0].upper()}{why[1:].rstrip('.')}."
