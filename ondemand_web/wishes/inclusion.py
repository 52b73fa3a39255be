# SPDX-License-Identifier: MIT
"""Which of a message's builds an image of a rule would hold: asked of the check, with the repositories as read last."""

from __future__ import annotations

from collections.abc import Sequence

from ondemand import build_requests, errors
from ondemand.build_requests import BuildRequest
from ondemand.facts import Facts
from ondemand_web.builds import checks
from ondemand_web.service import Service
from ondemand_web.wishes import matching
from ondemand_web.wishes.judging import Item
from ondemand_web.wishes.matching import Target
from ondemand_web.wishes.rules import Rule


def wanted(facts: Facts) -> tuple[str, ...]:
    """What an image of the message is ordered with, as references."""
    return (facts.reference,) if facts.reference else tuple(f"koji:{nvr}" for nvr in facts.builds)


def request(rule: Rule, target: Target, builds: Sequence[str], title: str | None = None) -> BuildRequest:
    """The rule's request for one image with these builds; raises errors.InvalidRequest."""
    fields = {
        "release": target.release,
        "arch": target.arch,
        "image_type": target.image_type,
        "builds": tuple(builds),
        "title": title[:120] if title else None,
        **rule.model_dump(include={"preset", "add_packages", "profile", "keep_for", "notify"}),
    }
    return build_requests.validate(fields)


def held(here: Service, rule: Rule, target: Target) -> frozenset[str] | None:
    """The source packages that the image holds without any wanted build; None where it can't be made even so.

    Raises errors.SourceUnavailable while the release's repositories are not read.
    """
    try:
        lock = checks.checked(here, request(rule, target, ()), owner=rule.owner, kept=True).lock
    except (errors.RequestError, errors.ContentError):
        return None
    return frozenset(matching.package(each.build) if each.build else each.name for each in (*lock.packages, *lock.tree))


def in_image(here: Service, rule: Rule, item: Item, asked: tuple[str, ...]) -> tuple[str, ...]:
    """The references to order with: all that was asked, or only the builds that the image holds; empty without any.

    What can't be made for another reason is ordered all the same, so that its refusal is read by all.
    Raises errors.SourceUnavailable.
    """
    facts = item.facts
    packages = held(here, rule, item.target)
    names = matching.packages(facts.builds)
    if packages is None or (names and names <= packages):
        return asked
    if names and not names & packages:
        return ()
    try:
        lock = checks.checked(here, request(rule, item.target, asked), owner=rule.owner, kept=True).lock
    except errors.Unsolvable as error:
        if not error.absent:
            return asked
        return tuple(f"koji:{nvr}" for nvr in facts.builds if nvr not in error.absent)
    except (errors.RequestError, errors.ContentError):
        return asked
    return asked if any(each.wanted for each in (*lock.packages, *lock.tree)) else ()
