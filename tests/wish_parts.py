# SPDX-License-Identifier: MIT
"""Parts for the tests of wishes: facts, rules, and the duty run until nothing is due. Tests no thing itself."""

from __future__ import annotations

import datetime
import pathlib
from typing import Any

import sqlalchemy as sa

from ondemand.build_requests import ImageType
from ondemand.facts import Facts
from ondemand.wishes import DecisionRecord, DecisionState
from ondemand_web.database import clock
from ondemand_web.service import Service
from ondemand_web.wishes import judging, matching, ordering, services
from ondemand_web.wishes.models import Decision, Wish
from ondemand_web.wishes.rules import Rule, Rules

NOON = datetime.datetime(2025, 11, 24, 12, tzinfo=datetime.UTC)
TOPIC = "org.fedoraproject.prod.bodhi.update.status.testing.koji-build-group.build.complete"
ALIAS = "FEDORA-2026-0123456789"
BASH = "bash-5.3.3-1.fc44"


def facts(number: int = 1, seconds: float = 0, **fields: Any) -> Facts:
    """The message of that number, `seconds` after noon: an update of bash unless told otherwise."""
    given: dict[str, Any] = {
        "message_id": f"m-{number}",
        "topic": TOPIC,
        "at": NOON + datetime.timedelta(seconds=seconds),
        "happened": "offered",
        "subject": ALIAS,
        "release": "F44",
        "reference": fields.get("subject", ALIAS),
        "builds": (BASH,),
    }
    return Facts.model_validate({**given, **fields})


def rule(**fields: Any) -> Rule:
    """A rule for live images of f44 that asks no solver and waits for nothing."""
    given = {"name": "all", "releases": ("f44",), "lull": 0, "only_if_in_image": False}
    return Rule.model_validate({**given, **fields})


def item(given: Facts, made: Rule | None = None, order: int = 1, ripe: float = 0) -> judging.Item:
    """A decision of the rule, ripe `ripe` seconds after noon."""
    target = matching.Target(rule=(made or rule()).name, release="f44", image_type=ImageType.LIVE, arch="x86_64")
    ripe_at = NOON + datetime.timedelta(seconds=ripe)
    return judging.Item(target=target, key=matching.key(target, given), facts=given, ripe_at=ripe_at, order=order)


def ruled(here: Service, folder: pathlib.Path, *made: Rule) -> Service:
    """The service with these rules, else the plain one, as if read from files."""
    lines = folder / "rules"
    lines.mkdir(exist_ok=True)
    here.__dict__["rules"] = Rules(lines, here.releases)
    here.rules.__dict__["_rules"] = {each.name: each for each in made or (rule(),)}
    return here


def bring(here: Service, *given: Facts) -> list[int]:
    """Brings messages; gives the wishes' ids."""
    return [services.add(here.database, each, "bot")[0] for each in given]


def work(here: Service, most: int = 200) -> None:
    """The duty, until nothing is due."""
    for _ in range(most):
        if not ordering.work_next(here):
            return
    raise AssertionError("the duty does not come to rest")


def let_pass(here: Service, seconds: float) -> None:
    """Moves all that is known into the past."""
    span = datetime.timedelta(seconds=seconds)
    with here.database.writing() as session:
        for row in session.execute(sa.select(Decision)).scalars():
            for name in ("ripe_at", "next_try", "ordered_at", "since"):
                if getattr(row, name) is not None:
                    setattr(row, name, getattr(row, name) - span)
        for wish in session.execute(sa.select(Wish)).scalars():
            wish.received_at -= span
        assert clock(session)


def decisions(here: Service, wish_id: int) -> tuple[DecisionRecord, ...]:
    """What became of a wish."""
    with here.database.reading() as session:
        return services.records(session, [services.get(session, wish_id)], "http://x")[0].decisions


def state(here: Service, wish_id: int) -> DecisionState:
    """The state of the wish's only decision."""
    (found,) = decisions(here, wish_id)
    return found.state
