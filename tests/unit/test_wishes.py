# SPDX-License-Identifier: MIT
"""Wishes in the database: taken once, decided, ordered, kept by the cap, paused, withdrawn, swept."""

from __future__ import annotations

import concurrent.futures
import datetime
import itertools
import pathlib
import re
from typing import Any

import pytest
import sqlalchemy as sa
from fedora_messaging import api

from ondemand import messages
from ondemand.facts import Facts
from ondemand.states import State
from ondemand.wishes import DecisionState
from ondemand_web import dispatcher, service
from ondemand_web.builds import services as builds
from ondemand_web.builds.models import Build
from ondemand_web.events import composing, relay
from ondemand_web.events.models import Event
from ondemand_web.service import Service
from ondemand_web.wishes import deciding, judging, matching, ordering, replaying, services
from ondemand_web.wishes.models import Decision, ReleaseToRead, Wish, WishedBuild
from tests import master_parts
from tests import wish_parts as parts

OTHER = "FEDORA-2026-aaaaaaaaaa"
ZSH: dict[str, Any] = {"subject": OTHER, "builds": ("zsh-5.9-1.fc44",)}
SIGNED: dict[str, Any] = {"happened": "signed", "subject": parts.BASH, "topic": "buildsys.tag"}
WITHDRAWN: dict[str, Any] = {"happened": "withdrawn", "topic": "bodhi.update.request.unpush"}


def made(here: Service) -> list[Build]:
    """All builds, in order."""
    with here.database.reading() as session:
        return list(session.execute(sa.select(Build).order_by(Build.id)).scalars())


def test_a_time_to_come_counts_as_that_of_the_arrival(here: Service) -> None:
    (wish_id,) = parts.bring(here, parts.facts(seconds=10 * 365 * 86_400))
    with here.database.reading() as session:
        wish = services.get(session, wish_id)
        assert wish.at == wish.received_at == Facts.model_validate(wish.facts).at


def test_a_time_long_past_counts_as_one_that_every_database_can_tell(here: Service, tmp_path: pathlib.Path) -> None:
    parts.ruled(here, tmp_path)
    first = datetime.datetime(1, 1, 1, tzinfo=datetime.UTC)
    (wish_id,) = parts.bring(here, parts.facts().model_copy(update={"at": first}))
    parts.work(here)
    with here.database.reading() as session:
        wish = services.get(session, wish_id)
        assert wish.at == wish.received_at - services.OLDEST == Facts.model_validate(wish.facts).at
    assert parts.state(here, wish_id) is DecisionState.ORDERED


def states(here: Service, ids: list[int]) -> list[str]:
    return [parts.state(here, wish_id).value for wish_id in ids]


def test_the_same_message_is_one_wish_and_one_build(here: Service, tmp_path: pathlib.Path) -> None:
    parts.ruled(here, tmp_path)
    assert services.add(here.database, parts.facts(), "bot") == (1, True)
    assert services.add(here.database, parts.facts(), "bot") == (1, False)
    parts.work(here)
    (build,) = made(here)
    assert (build.owner, build.state, build.request["builds"]) == ("trigger", State.RECEIVED, [parts.ALIAS])
    assert services.add(here.database, parts.facts(), "bot") == (1, False)


def test_a_wish_is_ordered_as_its_rule_says(here: Service, tmp_path: pathlib.Path) -> None:
    rule = parts.rule(owner="bot", add_packages=("vim",), keep_for=3, profile="release", notify=("a@b.example",))
    parts.ruled(here, tmp_path, rule)
    (wish,) = parts.bring(here, parts.facts(reference=None))
    parts.work(here)
    (build,), (decision,) = made(here), parts.decisions(here, wish)
    request = builds.request_of(build)
    assert (build.owner, request.keep_for, request.add_packages, request.notify) == ("bot", 3, ("vim",), ("a@b.example",))
    assert (request.builds, request.profile.value) == ((f"koji:{parts.BASH}",), "release")
    assert (decision.state, decision.build_id) == (DecisionState.ORDERED, build.id)
    assert decision.reason == f"Build {build.id} was ordered with koji:{parts.BASH}."


def test_several_messages_of_one_update_make_one_build_and_a_re_trigger_another(
    here: Service, tmp_path: pathlib.Path
) -> None:
    parts.ruled(here, tmp_path)
    ids = parts.bring(here, parts.facts(1), parts.facts(2, 5))
    parts.work(here)
    assert states(here, ids) == ["joined", "ordered"] and len(made(here)) == 1
    again = parts.bring(here, parts.facts(3, 9, again=True))
    parts.work(here)
    assert states(here, again) == ["ordered"] and len(made(here)) == 2


def ready(here: Service) -> tuple[Decision, judging.Item, ordering.Wanted]:
    """The first decision, judged, and what is to be ordered for it."""
    with here.database.reading() as session:
        decision = session.get_one(Decision, 1)
    item = deciding.item_of(decision, parts.facts())
    wanted = ordering._wanted(here, parts.rule(), item)
    assert isinstance(wanted, ordering.Wanted)
    return decision, item, wanted


def test_an_order_and_its_decision_are_written_together_and_once(here: Service, tmp_path: pathlib.Path) -> None:
    parts.ruled(here, tmp_path)
    (wish,) = parts.bring(here, parts.facts())
    deciding.decide_next(here)
    decision, item, wanted = ready(here)
    for _ in range(2):
        ordering._order(here, decision, parts.rule(), item, wanted)
    assert parts.state(here, wish) is DecisionState.ORDERED and len(made(here)) == 1


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_an_edit_takes_the_place_of_what_waits_in_whatever_order_they_come(
    here: Service, tmp_path: pathlib.Path, order: tuple[int, int]
) -> None:
    parts.ruled(here, tmp_path, parts.rule(lull=60))
    given = (parts.facts(1), parts.facts(2, 10, builds=("bash-5.3.4-1.fc44",)))
    ids = parts.bring(here, *(given[place] for place in order))
    parts.work(here)
    found = dict(zip(order, states(here, ids), strict=True))
    assert found == {0: "superseded", 1: "waiting"}


def test_an_update_with_the_same_packages_takes_the_place_of_another(here: Service, tmp_path: pathlib.Path) -> None:
    parts.ruled(here, tmp_path, parts.rule(lull=60))
    newer = parts.facts(2, 10, subject=OTHER, builds=("bash-6-1.fc44", "zsh-6-1.fc44"))
    ids = parts.bring(here, parts.facts(1), newer)
    parts.work(here)
    assert states(here, ids) == ["superseded", "waiting"]
    assert OTHER in parts.decisions(here, ids[0])[0].reason


def test_a_rule_without_supersede_orders_both(here: Service, tmp_path: pathlib.Path) -> None:
    parts.ruled(here, tmp_path, parts.rule(supersede=False))
    ids = parts.bring(here, parts.facts(1), parts.facts(2, 10, builds=("bash-6-1.fc44",)))
    parts.work(here)
    assert states(here, ids) == ["ordered", "ordered"]


def test_after_an_outage_the_newest_is_ordered_first(here: Service, tmp_path: pathlib.Path) -> None:
    parts.ruled(here, tmp_path)
    parts.bring(here, *(parts.facts(n, n, subject=f"FEDORA-2026-{n:010x}", builds=(f"p{n}-1-1",)) for n in (2, 1, 4, 3)))
    parts.work(here)
    assert [build.request["builds"][0][-1] for build in made(here)] == ["4", "3", "2", "1"]


def test_past_the_cap_the_rest_is_kept_and_goes_on_an_hour_later(here: Service, tmp_path: pathlib.Path) -> None:
    parts.ruled(here, tmp_path, parts.rule(hourly_cap=2))
    given = [parts.facts(n, n, subject=f"FEDORA-2026-{n:010x}", builds=(f"p{n}-1-1",)) for n in range(5)]
    ids = parts.bring(here, *given)
    parts.work(here)
    assert states(here, ids) == ["waiting", "waiting", "waiting", "ordered", "ordered"]
    assert "the cap of 2 an hour for release f44 is used up" in parts.decisions(here, ids[0])[0].reason
    parts.let_pass(here, 3601)
    parts.work(here)
    assert states(here, ids) == ["waiting", "ordered", "ordered", "ordered", "ordered"]


def test_the_cap_is_each_release_s_own(here: Service, tmp_path: pathlib.Path) -> None:
    parts.ruled(here, tmp_path, parts.rule(releases=("f43", "f44"), hourly_cap=1))
    ids = parts.bring(here, parts.facts(1), parts.facts(2, release="F43", **ZSH))
    parts.work(here)
    assert states(here, ids) == ["ordered", "ordered"]


def test_during_its_lull_nothing_is_ordered(here: Service, tmp_path: pathlib.Path) -> None:
    parts.ruled(here, tmp_path, parts.rule(lull=600))
    (wish,) = parts.bring(here, parts.facts())
    parts.work(here)
    assert parts.state(here, wish) is DecisionState.WAITING and made(here) == []
    parts.let_pass(here, 601)
    parts.work(here)
    assert parts.state(here, wish) is DecisionState.ORDERED


def test_a_paused_rule_keeps_what_comes_and_goes_on_when_it_is_resumed(here: Service, tmp_path: pathlib.Path) -> None:
    rule = parts.rule()
    parts.ruled(here, tmp_path, rule)
    before = parts.bring(here, parts.facts(1))
    deciding.decide_next(here)
    services.pause(here.database, rule, "eve")
    ids = before + parts.bring(here, parts.facts(2, **ZSH))
    parts.work(here)
    assert {parts.decisions(here, each)[0].reason for each in ids} == {"Rule all is paused by eve."}
    services.resume(here.database, rule)
    parts.work(here)
    assert states(here, ids) == ["ordered", "ordered"]


def test_a_rule_that_is_resumed_while_a_decision_is_judged_goes_on(here: Service, tmp_path: pathlib.Path) -> None:
    rule = parts.rule()
    parts.ruled(here, tmp_path, rule)
    (wish,) = parts.bring(here, parts.facts())
    deciding.decide_next(here)
    with here.database.reading() as session:
        seen = session.get_one(Decision, 1)
    services.resume(here.database, rule)
    ordering._settle(here, seen, judging.first(parts.item(parts.facts()), rule, "eve"))
    parts.work(here)
    assert parts.state(here, wish) is DecisionState.ORDERED


@pytest.mark.parametrize("first", ["offered", "signed"])
def test_what_waits_for_a_signature_goes_on_when_all_builds_are_signed(
    here: Service, tmp_path: pathlib.Path, first: str
) -> None:
    parts.ruled(here, tmp_path, parts.rule(require_signed=True))
    offered, signed = parts.facts(1, builds=(parts.BASH, "zsh-1-1")), parts.facts(2, **{**SIGNED, "builds": ()})
    ids = parts.bring(here, *((offered, signed) if first == "offered" else (signed, offered)))
    wish = ids[0 if first == "offered" else 1]
    parts.work(here)
    assert parts.decisions(here, wish)[0].reason == "It waits until a message says that zsh-1-1 is signed."
    parts.bring(here, parts.facts(3, **{**SIGNED, "subject": "zsh-1-1", "builds": ("zsh-1-1",)}))
    parts.work(here)
    assert parts.state(here, wish) is DecisionState.ORDERED


def test_what_is_withdrawn_is_canceled_with_the_builds_that_have_not_begun(
    here: Service, tmp_path: pathlib.Path
) -> None:
    parts.ruled(here, tmp_path, parts.rule(), parts.rule(name="slow", lull=600))
    (wish,) = parts.bring(here, parts.facts(1))
    parts.work(here)
    (gone,) = parts.bring(here, parts.facts(2, 60, **WITHDRAWN))
    parts.work(here)
    assert {each.state for each in parts.decisions(here, wish)} == {DecisionState.CANCELED}
    assert [build.state for build in made(here)] == [State.CANCELED]
    with here.database.reading() as session:
        assert services.get(session, gone).note == "Decisions canceled: 2; builds canceled: 1."


def test_what_is_due_is_read_off_an_index_up_to_the_present_time(here: Service) -> None:
    with here.database.reading() as session:
        plan = master_parts.plan(session, ordering._DUE)
    assert re.search(r"decision_due.*(next_try<\?|Index Cond.*next_try <= )", plan), plan


def test_a_build_that_has_begun_or_that_another_update_wants_goes_on(here: Service, tmp_path: pathlib.Path) -> None:
    parts.ruled(here, tmp_path)
    ids = parts.bring(here, parts.facts(1), parts.facts(2, 5, subject=OTHER))
    parts.work(here)
    parts.bring(here, parts.facts(3, 60, **WITHDRAWN))
    parts.work(here)
    assert sorted(states(here, ids)) == ["joined", "ordered"] and made(here)[0].state == State.RECEIVED
    parts.bring(here, parts.facts(4, 70, **{**WITHDRAWN, "subject": OTHER}))
    with here.database.writing() as session:
        for old, new in itertools.pairwise((State.RECEIVED, State.QUEUED, State.BUILDING)):
            assert builds.move(session, made(here)[0].id, old=old, new=new) is not None
    parts.work(here)
    assert made(here)[0].state == State.BUILDING


def test_what_was_withdrawn_and_is_offered_again_is_made_again(here: Service, tmp_path: pathlib.Path) -> None:
    parts.ruled(here, tmp_path)
    parts.bring(here, parts.facts(1))
    parts.work(here)
    parts.bring(here, parts.facts(2, 60, **WITHDRAWN))
    ids = parts.bring(here, parts.facts(3, 120))
    parts.work(here)
    assert states(here, ids) == ["ordered"]
    assert [build.state for build in made(here)] == [State.CANCELED, State.RECEIVED]


def test_what_comes_after_the_message_that_withdrew_it_is_canceled(here: Service, tmp_path: pathlib.Path) -> None:
    parts.ruled(here, tmp_path)
    ids = parts.bring(here, parts.facts(2, 60, **WITHDRAWN), parts.facts(1))
    parts.work(here)
    assert states(here, ids[1:]) == ["canceled"] and made(here) == []


def test_what_is_withdrawn_at_the_very_moment_of_the_order_is_not_ordered(here: Service, tmp_path: pathlib.Path) -> None:
    parts.ruled(here, tmp_path)
    (wish,) = parts.bring(here, parts.facts())
    deciding.decide_next(here)
    decision, item, wanted = ready(here)
    with here.database.writing() as session:
        services.move(session, 1, DecisionState.WAITING, judging.canceled("withdrawn"))
    ordering._order(here, decision, parts.rule(), item, wanted)
    assert made(here) == [] and parts.state(here, wish) is DecisionState.CANCELED


def test_dispatchers_that_judge_at_once_keep_the_cap_together(here: Service, tmp_path: pathlib.Path) -> None:
    rule = parts.rule(hourly_cap=2)
    parts.ruled(here, tmp_path, rule)
    parts.bring(here, *(parts.facts(n, n, subject=f"FEDORA-2026-{n:010x}", builds=(f"p{n}-1-1",)) for n in range(8)))
    while deciding.decide_next(here):
        pass
    with here.database.reading() as session:
        judged = list(session.execute(sa.select(Decision)).scalars())
    _, _, wanted = ready(here)
    items = [deciding.item_of(each, parts.facts()) for each in judged]
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda each, item: ordering._order(here, each, rule, item, wanted), judged, items))
    assert len(made(here)) == 2


ENDS: list[tuple[str, int, str]] = [
    ("builder", 2, "Build 2 was ordered"),
    ("service", 2, "Build 2 was ordered"),
    ("content", 1, "Build 1 has the same content. It failed: It broke."),
]


@pytest.mark.parametrize(("kind", "count", "reason"), ENDS)
def test_the_same_content_is_made_anew_only_when_it_was_not_what_failed(
    here: Service, tmp_path: pathlib.Path, kind: str, count: int, reason: str
) -> None:
    parts.ruled(here, tmp_path)
    parts.bring(here, parts.facts())
    parts.work(here)
    with here.database.writing() as session:
        build = session.get_one(Build, 1)
        build.state, build.error = State.FAILED, {"class": kind, "sentence": "It broke."}
    (again,) = parts.bring(here, parts.facts(2))
    parts.work(here)
    assert len(made(here)) == count and parts.decisions(here, again)[0].reason.startswith(reason)


def test_a_composed_release_is_read_anew_and_may_be_ordered(here: Service, tmp_path: pathlib.Path) -> None:
    parts.ruled(here, tmp_path, parts.rule(happenings=("composed",), only_if_in_image=True))
    given: dict[str, Any] = {"happened": "composed", "reference": None, "builds": (), "release": "44"}
    ids = parts.bring(here, parts.facts(1, subject="Fedora-44-1", **given), parts.facts(2, 9, subject="Fedora-44-2", **given))
    parts.work(here)
    with here.database.reading() as session:
        assert [row.release for row in session.execute(sa.select(ReleaseToRead)).scalars()] == ["f44"]
    assert states(here, ids) == ["superseded", "ordered"] and made(here)[0].request["builds"] == []


@pytest.mark.parametrize(
    ("rule", "given", "why"),
    [
        ({"image_types": ("boot",)}, {}, "offers no image of type «boot»"),
        ({}, {"reference": "task:123"}, "may not bring code of his own"),
        ({}, {"reference": None, "builds": tuple(f"p{n}-1-1" for n in range(101))}, "100 at most"),
    ],
)
def test_what_no_request_can_be_made_of_is_refused_with_the_reason(
    here: Service, tmp_path: pathlib.Path, rule: dict[str, Any], given: dict[str, Any], why: str
) -> None:
    parts.ruled(here, tmp_path, parts.rule(**rule))
    (wish,) = parts.bring(here, parts.facts(**given))
    parts.work(here)
    (decision,) = parts.decisions(here, wish)
    assert decision.state is DecisionState.REFUSED and why in decision.reason and made(here) == []


def test_while_a_repository_is_not_read_it_waits_and_is_tried_again(here: Service, tmp_path: pathlib.Path) -> None:
    parts.ruled(here, tmp_path, parts.rule(only_if_in_image=True))
    (wish,) = parts.bring(here, parts.facts())
    parts.work(here)
    (decision,) = parts.decisions(here, wish)
    assert decision.state is DecisionState.WAITING and decision.reason.endswith("It is tried again in 5 s.")


def test_a_message_that_breaks_the_rules_code_holds_up_no_other(
    here: Service, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts.ruled(here, tmp_path)
    (broken,) = parts.bring(here, parts.facts(1, **ZSH))
    monkeypatch.setattr(matching, "match", lambda *_: 1 / 0)
    deciding.decide_next(here)
    monkeypatch.undo()
    (other,) = parts.bring(here, parts.facts(2))
    parts.work(here)
    with here.database.reading() as session:
        assert "an error of its own" in str(services.get(session, broken).note)
    assert parts.state(here, other) is DecisionState.ORDERED


def test_a_decision_that_can_not_be_read_holds_up_no_other(here: Service, tmp_path: pathlib.Path) -> None:
    parts.ruled(here, tmp_path, parts.rule(lull=60))
    other, broken = parts.bring(here, parts.facts(1), parts.facts(2, 10, **ZSH))
    parts.work(here)
    with here.database.writing() as session:
        session.execute(sa.update(Wish).where(Wish.id == broken).values(facts={"of": "another version"}))
    parts.let_pass(here, 61)
    parts.work(here)
    with here.database.reading() as session:
        decision = session.execute(sa.select(Decision).where(Decision.wish_id == broken)).scalar_one()
        assert decision.reason.startswith("It could not be judged") and decision.reason.endswith("It is tried again in 5 s.")
    assert parts.state(here, other) is DecisionState.ORDERED


def test_what_waits_for_a_rule_that_is_gone_is_canceled(here: Service, tmp_path: pathlib.Path) -> None:
    parts.ruled(here, tmp_path, parts.rule(name="old", lull=60))
    (wish,) = parts.bring(here, parts.facts())
    parts.work(here)
    parts.ruled(here, tmp_path, parts.rule(name="new"))
    parts.let_pass(here, 61)
    parts.work(here)
    assert parts.decisions(here, wish)[0].reason == "Rule old is switched off or no longer there."


def test_old_wishes_are_swept_and_what_still_waited_is_canceled_first(here: Service, tmp_path: pathlib.Path) -> None:
    parts.ruled(here, tmp_path, parts.rule(require_signed=True))
    (wish,) = parts.bring(here, parts.facts())
    parts.work(here)
    assert not services.sweep(here.database, 30)
    parts.let_pass(here, 31 * 86_400)
    assert services.sweep(here.database, 30)
    assert parts.decisions(here, wish)[0].reason == "It waited for more than 30 days."
    assert services.sweep(here.database, 30) and not services.sweep(here.database, 30)
    with here.database.reading() as session:
        for table in (Wish, WishedBuild, Decision):
            assert session.execute(sa.select(sa.func.count()).select_from(table)).scalar() == 0


def test_the_dispatcher_has_the_duties_of_wishes(here: Service, tmp_path: pathlib.Path) -> None:
    parts.ruled(here, tmp_path)
    tasks = {task.name: task.work for task in dispatcher.tasks(here)}
    (wish,) = parts.bring(here, parts.facts())
    assert [tasks["wishes"]() for _ in range(3)] == [True, True, False]
    assert parts.state(here, wish) is DecisionState.ORDERED
    assert not tasks["sweep-wishes"]() and not tasks["read-composed"]()


def test_the_first_message_of_a_build_names_the_packages_of_its_update(
    here: Service, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts.ruled(here, tmp_path)
    parts.bring(here, parts.facts())
    parts.work(here)
    told: list[Any] = []
    monkeypatch.setattr(api, "publish", lambda sent, **_: told.append(sent))
    while relay.relay_next(here, "bus", relay.Bus(here)):
        pass
    assert [sent.packages for sent in told if isinstance(sent, messages.BuildStateChangedV1)] == [["bash"]]


def test_a_restarted_service_goes_on_with_what_waited(here: Service, tmp_path: pathlib.Path) -> None:
    """What waits is in the database alone: nothing of it is kept by the process."""
    parts.ruled(here, tmp_path, parts.rule(hourly_cap=1))
    ids = parts.bring(here, parts.facts(1), parts.facts(2, **ZSH))
    parts.work(here)
    again = parts.ruled(service.make(here.settings), tmp_path, parts.rule(hourly_cap=1))
    parts.let_pass(again, 3601)
    parts.work(again)
    assert states(again, ids) == ["ordered", "ordered"]
    again.database.close()


def test_two_processes_that_hold_the_duty_at_once_make_no_build_twice(here: Service, tmp_path: pathlib.Path) -> None:
    parts.ruled(here, tmp_path, parts.rule(hourly_cap=1000))
    given = [parts.facts(n, n, subject=f"FEDORA-2026-{n % 6:010x}", builds=(f"p{n % 6}-1-1",)) for n in range(18)]
    ids = parts.bring(here, *given)
    while deciding.decide_next(here):
        pass
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda _: parts.work(here), range(2)))
    assert len(made(here)) == 6 and set(states(here, ids)) <= {"ordered", "joined", "waiting"}
    parts.let_pass(here, 301)
    parts.work(here)
    assert len(made(here)) == 6 and set(states(here, ids)) == {"ordered", "joined"}


def test_a_replay_tells_what_the_duty_does(here: Service, tmp_path: pathlib.Path) -> None:
    rules = (parts.rule(lull=60), parts.rule(name="signed", require_signed=True, lull=60), parts.rule(name="p", packages=("z*",)))
    parts.ruled(here, tmp_path, *rules)
    given = [
        parts.facts(1),
        parts.facts(2, 5, builds=("bash-6-1.fc44",)),
        parts.facts(3, 8, **ZSH),
        parts.facts(4, 9, **{**SIGNED, "subject": "bash-6-1.fc44"}),
        parts.facts(5, 12, subject="FEDORA-2026-bbbbbbbbbb", builds=("vim-1-1",)),
        parts.facts(6, 15, **{**WITHDRAWN, "subject": "FEDORA-2026-bbbbbbbbbb"}),
        parts.facts(7, 16, subject="x", content="container"),
        parts.facts(8, 17, release="EPEL-9"),
    ]
    told = replaying.Replay(rules, here.releases.known_as, {}, lambda *_: None).run(given)
    ids = parts.bring(here, *given)
    parts.work(here)
    parts.let_pass(here, 61)
    parts.work(here)
    done = [[(each.rule, each.state) for each in parts.decisions(here, wish_id)] for wish_id in ids]
    assert [[(each.rule, each.state) for each in wish.decisions] for wish in told] == done


def test_the_bus_is_told_of_each_decision_that_a_rule_makes(here: Service, tmp_path: pathlib.Path) -> None:
    made = parts.ruled(here, tmp_path)
    parts.bring(made, parts.facts(1), parts.facts(2, 1, content="flatpak", subject="FEDORA-2026-1"), parts.facts(3, release="F9"))
    parts.work(made)
    with here.database.reading() as session:
        told = session.execute(sa.select(Event).where(Event.kind == "wish.decided").order_by(Event.id)).scalars()
        sent = [composing.message_of(event, None, "http://master.example/") for event in told]
    for message in sent:
        message.validate()
    assert sorted((message.body["decision"], message.url) for message in sent) == [
        ("ordered", "http://master.example/wishes/1"),
        ("skipped", "http://master.example/wishes/2"),
    ]
