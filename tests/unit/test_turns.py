# SPDX-License-Identifier: MIT
"""Whose turn it is: owners share the builders, nobody waits for good, and an old history counts for nothing."""

from __future__ import annotations

import pathlib

import sqlalchemy as sa

from ondemand import settings
from ondemand.builds import Capabilities
from ondemand.states import State
from ondemand_web import service
from ondemand_web.builds import services as builds
from ondemand_web.builds.models import Build
from ondemand_web.queue import abilities, turns
from ondemand_web.service import Service
from tests import master_parts as parts

BOTH = parts.CAN.model_copy(update={"backends": {"kiwi": ("live", "boot")}})
BOOT = parts.CAN.model_copy(update={"backends": {"kiwi": ("boot",)}})


def owner_of_next(here: Service, name: str, can: Capabilities = parts.CAN) -> str:
    """Whose build the builder gets; it ends at once."""
    attempt = parts.claim(here, name, can=can)
    assert attempt is not None
    with here.database.writing() as session:
        build = builds.get(session, attempt.build_id)
        attempt = session.merge(attempt)
        attempt.ended_at, build.state = attempt.started_at, State.FAILED
        return build.owner


def order(here: Service, name: str, count: int) -> str:
    """The first letters of the owners of the next builds."""
    return "".join(owner_of_next(here, name)[0] for _ in range(count))


def test_one_build_of_a_new_owner_is_next(here: Service) -> None:
    name = parts.builder(here)
    for _ in range(30):
        parts.queued(here, "alice")
    assert order(here, name, 10) == "a" * 10
    parts.queued(here, "bob")
    assert order(here, name, 2) == "ba"


def test_two_owners_take_turns_however_many_each_has(here: Service) -> None:
    name = parts.builder(here)
    for owner in ["alice"] * 12 + ["bob"] * 4:
        parts.queued(here, owner)
    # Neither had anything, so alice's first and bob's first stand side by side.
    assert order(here, name, 8) == "abababab"


def test_a_person_has_four_builds_for_one_of_a_trigger_s(here: Service) -> None:
    name = parts.builder(here)
    for owner in ["trigger"] * 10 + ["alice"] * 20:
        parts.queued(here, owner)
    assert order(here, name, 20).count("t") in (4, 5)


def test_a_trigger_is_not_shut_out_by_a_person_who_always_has_something(here: Service) -> None:
    name = parts.builder(here)
    for _ in range(3):
        parts.queued(here, "trigger")
    given = ""
    for _ in range(20):
        parts.queued(here, "alice")
        given += order(here, name, 1)
    assert given.count("t") == 3


def test_new_owners_without_end_do_not_hold_back_who_was_there_before(here: Service) -> None:
    name = parts.builder(here)
    for _ in range(2):
        parts.queued(here, "alice")
    given = ""
    for number in range(30):
        parts.queued(here, f"n{number}")
        given += order(here, name, 1)
    assert given.count("a") == 2


def test_what_an_owner_had_built_long_ago_does_not_count(here: Service) -> None:
    name = parts.builder(here)
    for _ in range(20):
        parts.queued(here, "alice")
    assert order(here, name, 20) == "a" * 20
    for _ in range(20):
        parts.queued(here, "bob")
    assert order(here, name, 5) == "b" * 5
    parts.queued(here, "alice")
    assert order(here, name, 2) == "ab"


def test_builds_that_were_canceled_before_they_began_cost_nothing(here: Service) -> None:
    name = parts.builder(here)
    for build_id in [parts.queued(here, "alice") for _ in range(20)]:
        builds.cancel(here.database, build_id, "alice")
    for _ in range(3):
        parts.queued(here, "bob")
    assert order(here, name, 1) == "b"
    parts.queued(here, "alice")
    assert order(here, name, 2) == "ab"


def test_who_asks_for_one_after_the_other_gets_no_more_than_his_share(here: Service) -> None:
    name = parts.builder(here)
    for _ in range(20):
        parts.queued(here, "alice")
    given = ""
    for _ in range(5):
        parts.queued(here, "bob")
        while not given or given[-1] != "b":
            given += order(here, name, 1)
        given += order(here, name, 1)
    assert given.count("b") == 5 and given.count("a") >= 5


def test_a_long_build_costs_its_owner_more(here: Service) -> None:
    name = parts.builder(here)
    parts.succeeded(here, name, "carol", seconds=3000)
    parts.succeeded(here, name, "carol", seconds=600, profile="release")
    for _ in range(5):
        parts.queued(here, "alice")
    for _ in range(12):
        parts.queued(here, "bob", profile="release")
    assert order(here, name, 12).count("b") in (9, 10)


def test_one_that_an_idle_builder_of_a_rare_kind_took_does_not_put_others_back(here: Service) -> None:
    for name, can in (("live", parts.CAN), ("boot", BOOT)):
        parts.claim(here, parts.builder(here, name), can=can)
    for _ in range(20):
        parts.queued(here, "alice")
    parts.queued(here, "alice", image_type="boot")
    assert owner_of_next(here, "live") == "alice"
    assert owner_of_next(here, "boot", BOOT) == "alice"
    parts.queued(here, "bob")
    assert "b" in order(here, "live", 2)


def test_what_no_builder_can_build_does_not_stop_the_clock(here: Service) -> None:
    name = parts.builder(here)
    parts.claim(here, name)
    parts.queued(here, "zoe", image_type="boot")
    parts.queued(here, "zoe", disk=parts.CAN.disk + 1)
    for _ in range(10):
        parts.queued(here, "alice")
    assert order(here, name, 10) == "a" * 10
    probe = parts.submit(here)
    with here.database.reading() as session:
        begun = session.execute(sa.select(sa.func.max(Build.turn)).where(Build.state == State.FAILED)).scalar_one()
        kind = parts.kind(builds.get(session, probe))
        assert begun is not None and begun < turns.turn(session, "bob", kind, here.settings.queue)


def test_many_builders_that_can_do_the_same_make_one_condition(here: Service) -> None:
    few = abilities.taken_by([("one", parts.CAN), ("two", BOTH)])
    many = abilities.taken_by([(f"b{number}", parts.CAN.model_copy(update={"disk": number})) for number in range(300)])
    assert len(str(many)) < len(str(few))


def test_owners_of_rules_and_bots_have_the_share_of_the_trigger_unless_they_are_named() -> None:
    limits = settings.Queue(shares={"trigger": 0.5, "ci": 2.0}).sharing(["ci", "robot"])
    assert limits.shares == {"trigger": 0.5, "ci": 2.0, "robot": 0.5}
    assert settings.Queue(shares={"alice": 2.0}).sharing(["robot"]).shares == {"trigger": 0.25, "robot": 0.25, "alice": 2.0}


def test_a_service_knows_the_owners_of_its_rules_and_bots(here: Service, tmp_path: pathlib.Path) -> None:
    folder = here.settings.master.config / "triggers"
    folder.mkdir(exist_ok=True)
    (folder / "own.toml").write_text('name = "own"\nreleases = ["f44"]\nowner = "robot"\n')
    bots = settings.Orders.model_validate({"bots": {"acme": {"owner": "acme"}}})
    made = service.make(here.settings.model_copy(update={"orders": bots}))
    made.database.close()
    assert made.settings.queue.shares == {"trigger": 0.25, "robot": 0.25, "acme": 0.25}
