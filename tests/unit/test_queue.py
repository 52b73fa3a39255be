# SPDX-License-Identifier: MIT
"""The queue: one attempt at a time, fenced, never lost."""

from __future__ import annotations

import concurrent.futures
import functools
import re
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
import sqlalchemy.exc
from sqlalchemy import orm
from sqlalchemy.dialects import postgresql

from ondemand import errors
from ondemand.builds import Capabilities, FinishReport
from ondemand.proofs import Artifact
from ondemand.states import State, Step, StepState
from ondemand_web.builds import services as builds
from ondemand_web.builds.models import Build
from ondemand_web.database import clock
from ondemand_web.events import services as events
from ondemand_web.queue import duties, endings
from ondemand_web.queue import services as queue
from ondemand_web.queue.models import AttemptStep
from ondemand_web.service import Service
from tests import master_parts as parts

FAILED = FinishReport(error=errors.ToolFailed("kiwi failed").as_dict())
NOTES = Artifact(name="notes.log", role="log", size=1, sha256="c" * 64)
BROKEN = FinishReport(error=errors.TooLittleDisk("no room").as_dict())


def test_a_claim_gives_the_build_whose_turn_it_is(here: Service) -> None:
    name, first = parts.builder(here), parts.queued(here)
    parts.queued(here)
    attempt = parts.claim(here, name)
    assert attempt is not None
    assert (attempt.build_id, attempt.number) == (first, 1)
    assert parts.state(here, first) is State.BUILDING


def test_whose_turn_it_is_is_read_off_an_index_and_not_sorted_out(here: Service) -> None:
    with here.database.reading() as session:
        now = clock(session)
        given = {"builder": "one", "now": now, "seen": now, "free_disk": parts.CAN.disk, "free_memory": parts.CAN.memory}
        turn = queue._next(parts.CAN.arches, tuple(parts.CAN.backends.items())).element
        plan = parts.plan(session, turn.params(given))
    assert "build_queue" in plan and "Sort" not in plan and "ORDER BY" not in plan


def test_an_error_of_the_database_at_a_claim_is_not_taken_for_no_work(here: Service) -> None:
    name, build_id = parts.builder(here), parts.queued(here)
    with here.database.writing() as session:
        session.execute(sa.update(Build).where(Build.id == build_id).values(attempts=1))
    parts.claim(here, name)
    with here.database.writing() as session:
        # Its next attempt has the number of one that there is.
        session.execute(sa.update(Build).where(Build.id == build_id).values(attempts=1, state=State.QUEUED))
    with pytest.raises(sqlalchemy.exc.IntegrityError):
        parts.claim(here, name)
    assert parts.state(here, build_id) is State.QUEUED


def test_one_owner_s_hundred_do_not_stand_before_another_s_one(here: Service) -> None:
    name = parts.builder(here)
    for _ in range(3):
        parts.queued(here, "alice")
    late = parts.queued(here, "bob")
    parts.claim(here, name)
    second = parts.claim(here, name)
    assert second is not None
    assert second.build_id == late


def test_many_claims_at_once_give_each_build_once(here: Service) -> None:
    names = [parts.builder(here, f"b{number}") for number in range(6)]
    wanted = {parts.queued(here) for _ in range(4)}
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        won = [attempt.build_id for attempt in pool.map(lambda name: parts.claim(here, name), names) if attempt]
    assert sorted(won) == sorted(wanted)


def test_the_same_claim_id_gives_the_same_attempt(here: Service) -> None:
    name, _, _ = parts.builder(here), parts.queued(here), parts.queued(here)
    one, two = parts.claim(here, name, "claim-0001"), parts.claim(here, name, "claim-0001")
    assert one is not None
    assert two is not None
    assert (one.build_id, one.number) == (two.build_id, two.number)


def test_a_claim_id_of_another_builder_is_refused(here: Service) -> None:
    one, two, _, build_id = parts.builder(here, "one"), parts.builder(here, "two"), parts.queued(here), parts.queued(here)
    assert parts.claim(here, one, "claim-0001") is not None
    with pytest.raises(errors.StateConflict, match="is another builder's"):
        parts.claim(here, two, "claim-0001")
    assert parts.state(here, build_id) is State.QUEUED


@pytest.mark.parametrize(
    "can",
    [
        Capabilities(arches=("aarch64",), backends={"kiwi": ("live",)}, disk=10**12, memory=10**12),
        Capabilities(arches=("x86_64",), backends={"lorax": ("boot",)}, disk=10**12, memory=10**12),
        Capabilities(arches=("x86_64",), backends={}, disk=10**12, memory=10**12),
        Capabilities(arches=("x86_64",), backends={"kiwi": ("live",)}, disk=10, memory=10**12),
    ],
)
def test_a_builder_gets_only_what_it_can_build(here: Service, can: Capabilities) -> None:
    name, _ = parts.builder(here), parts.queued(here)
    assert parts.claim(here, name, can=can) is None


def test_a_passed_lease_is_lost_and_the_build_queued_again(here: Service) -> None:
    name, build_id = parts.builder(here), parts.queued(here)
    attempt = parts.claim(here, name)
    assert attempt is not None
    assert endings.reap(here.database, here.settings.queue) == 0
    parts.let_pass(here, attempt)
    assert endings.reap(here.database, here.settings.queue) == 1
    assert parts.state(here, build_id) is State.QUEUED
    with pytest.raises(errors.LeaseLost):
        queue.beat(here.database, name, build_id, 1, here.settings.queue)


def test_a_late_beat_before_the_reaper_is_taken(here: Service) -> None:
    name, build_id = parts.builder(here), parts.queued(here)
    attempt = parts.claim(here, name)
    assert attempt is not None
    parts.let_pass(here, attempt)
    assert queue.beat(here.database, name, build_id, 1, here.settings.queue) is False
    assert endings.reap(here.database, here.settings.queue) == 0


def test_a_retry_prefers_another_builder(here: Service) -> None:
    one, two, build_id = parts.builder(here, "one"), parts.builder(here, "two"), parts.queued(here)
    parts.claim(here, one)
    endings.finish(here.database, one, build_id, 1, BROKEN, here.settings.queue)
    assert parts.claim(here, one) is None
    again = parts.claim(here, two)
    assert again is not None
    assert again.number == 2


def test_a_retry_takes_the_same_builder_when_it_is_alone(here: Service) -> None:
    one, build_id = parts.builder(here, "one"), parts.queued(here)
    parts.claim(here, one)
    endings.finish(here.database, one, build_id, 1, BROKEN, here.settings.queue)
    assert parts.claim(here, one) is not None


def test_a_builder_that_starts_anew_ends_its_older_attempts(here: Service) -> None:
    one, build_id = parts.builder(here, "one"), parts.queued(here)
    parts.claim(here, one)
    assert queue.register(here.database, one, "another-instance", here.settings.queue) == 1
    assert parts.state(here, build_id) is State.QUEUED


def test_an_older_process_of_a_builder_claims_nothing_more(here: Service) -> None:
    one, build_id = parts.builder(here, "one"), parts.queued(here)
    queue.register(here.database, one, "another-instance", here.settings.queue)
    with pytest.raises(errors.StateConflict, match="Another process is builder one now"):
        parts.claim(here, one)
    assert parts.state(here, build_id) is State.QUEUED


def test_three_attempts_are_enough(here: Service) -> None:
    one, build_id = parts.builder(here, "one"), parts.queued(here)
    for number in (1, 2, 3):
        parts.claim(here, one)
        endings.finish(here.database, one, build_id, number, BROKEN, here.settings.queue)
    assert parts.state(here, build_id) is State.FAILED


def test_a_drain_does_not_count_as_an_attempt(here: Service) -> None:
    one, build_id = parts.builder(here, "one"), parts.queued(here)
    for number in (1, 2, 3, 4):
        parts.claim(here, one)
        endings.finish(here.database, one, build_id, number, FinishReport(canceled=True), here.settings.queue)
    assert parts.state(here, build_id) is State.QUEUED


def test_a_failure_of_the_content_is_final(here: Service) -> None:
    one, build_id = parts.builder(here, "one"), parts.queued(here)
    parts.claim(here, one)
    assert endings.finish(here.database, one, build_id, 1, FAILED, here.settings.queue) is State.FAILED
    assert parts.state(here, build_id) is State.FAILED


def test_success_needs_all_four_proofs(here: Service) -> None:
    one, build_id = parts.builder(here, "one"), parts.queued(here)
    attempt = parts.claim(here, one)
    assert attempt is not None
    parts.store(here, attempt)
    without = parts.success().model_copy(update={"proofs": parts.success().proofs[:3]})
    with pytest.raises(errors.StateConflict, match="four proofs"):
        endings.finish(here.database, one, build_id, 1, without, here.settings.queue)
    assert endings.finish(here.database, one, build_id, 1, parts.success(), here.settings.queue) is State.SUCCEEDED


@pytest.mark.parametrize(
    ("stored", "named", "why"),
    [
        ((), parts.FILES, "are not those that it names"),
        ((*parts.FILES, NOTES), parts.FILES, "are not those that it names"),
        (parts.FILES, (parts.IMAGE, *parts.FILES), "are not those that it names"),
        ((parts.MANIFEST,), (parts.MANIFEST,), "0 artifacts of role image"),
        ((parts.IMAGE,), (parts.IMAGE,), "0 artifacts of role manifest"),
        ((*parts.FILES, NOTES.model_copy(update={"role": "image"})),) * 2 + ("2 artifacts of role image",),
    ],
)
def test_success_needs_exactly_the_files_that_it_names(here: Service, stored: Any, named: Any, why: str) -> None:
    one, build_id = parts.builder(here, "one"), parts.queued(here)
    attempt = parts.claim(here, one)
    assert attempt is not None
    if stored:
        parts.store(here, attempt, *stored)
    with pytest.raises(errors.StateConflict, match=why):
        endings.finish(here.database, one, build_id, 1, parts.success(*named), here.settings.queue)
    assert parts.state(here, build_id) is State.BUILDING


@pytest.mark.parametrize("state", ["uploaded", "failed"])
def test_a_file_that_is_not_stored_is_not_among_a_winner_s(here: Service, state: str) -> None:
    one, build_id = parts.builder(here, "one"), parts.queued(here)
    attempt = parts.claim(here, one)
    assert attempt is not None
    parts.store(here, attempt)
    parts.store(here, attempt, NOTES, state=state)
    for report in (parts.success(), parts.success(*parts.FILES, NOTES)):
        with pytest.raises(errors.StateConflict, match=r"are not stored: notes\.log"):
            endings.finish(here.database, one, build_id, 1, report, here.settings.queue)


def test_a_step_that_ended_stays_as_it_ended(here: Service) -> None:
    one, build_id = parts.builder(here), parts.queued(here)
    parts.claim(here, one)
    seen = set()
    for state in (StepState.DONE, StepState.RUNNING, StepState.FAILED, StepState.DONE):
        queue.report_step(here.database, one, build_id, 1, Step.FETCH, state)
        with here.database.reading() as session:
            row = session.get_one(AttemptStep, (build_id, 1, Step.FETCH))
            seen.add((row.state, row.started_at, row.ended_at))
    ((state, _, ended),) = seen
    assert state == StepState.DONE and ended is not None


def test_a_report_said_twice_is_answered_twice(here: Service) -> None:
    one, build_id = parts.builder(here, "one"), parts.queued(here)
    attempt = parts.claim(here, one)
    assert attempt is not None
    parts.store(here, attempt)
    for _ in range(2):
        assert endings.finish(here.database, one, build_id, 1, parts.success(), here.settings.queue) is State.SUCCEEDED


def test_the_report_of_a_canceled_attempt_may_be_said_twice(here: Service) -> None:
    one, build_id = parts.builder(here, "one"), parts.queued(here)
    parts.claim(here, one)
    builds.cancel(here.database, build_id, "alice")
    for _ in range(2):
        assert endings.finish(here.database, one, build_id, 1, FinishReport(canceled=True), here.settings.queue) is State.CANCELED


def test_a_report_said_twice_counts_once(here: Service) -> None:
    one, build_id = parts.builder(here, "one"), parts.queued(here)
    for number in (1, 2):
        parts.claim(here, one)
        for _ in range(2):
            assert endings.finish(here.database, one, build_id, number, BROKEN, here.settings.queue) is State.QUEUED


def test_a_lost_attempt_can_not_win(here: Service) -> None:
    one, two, build_id = parts.builder(here, "one"), parts.builder(here, "two"), parts.queued(here)
    first = parts.claim(here, one)
    assert first is not None
    parts.store(here, first)
    parts.let_pass(here, first)
    endings.reap(here.database, here.settings.queue)
    assert parts.claim(here, two) is not None
    with pytest.raises(errors.LeaseLost):
        endings.finish(here.database, one, build_id, 1, parts.success(), here.settings.queue)


def test_cancel_and_finish_whoever_is_first_wins(here: Service) -> None:
    one, build_id = parts.builder(here, "one"), parts.queued(here)
    attempt = parts.claim(here, one)
    assert attempt is not None
    parts.store(here, attempt)
    builds.cancel(here.database, build_id, "alice")
    assert queue.beat(here.database, one, build_id, 1, here.settings.queue) is True
    assert endings.finish(here.database, one, build_id, 1, parts.success(), here.settings.queue) is State.CANCELED
    assert parts.state(here, build_id) is State.CANCELED


def test_event_numbers_have_no_gap(here: Service) -> None:
    one, build_id = parts.builder(here, "one"), parts.queued(here)
    for number in (1, 2, 3):
        parts.claim(here, one)
        endings.finish(here.database, one, build_id, number, BROKEN, here.settings.queue)
    with here.database.reading() as session:
        found = events.of_build(session, build_id, 0, 100)
    assert [event.seq for event in found] == list(range(1, len(found) + 1))
    assert [event.body["new"] for event in found if event.kind == events.STATE_CHANGED] == [
        "received", "queued", "building", "queued", "building", "queued", "building", "failed",
    ]  # fmt: skip


def test_after_a_pause_leases_are_extended_before_anyone_is_reaped(here: Service) -> None:
    one, build_id = parts.builder(here, "one"), parts.queued(here)
    attempt = parts.claim(here, one)
    assert attempt is not None
    parts.let_pass(here, attempt)
    queue.extend_all(here.database, here.settings.queue)
    assert endings.reap(here.database, here.settings.queue) == 0
    assert parts.state(here, build_id) is State.BUILDING


def locked_rows(here: Service, work: Callable[[], object]) -> list[str]:
    """The tables whose rows the work locks first, as PostgreSQL is asked to; SQLite locks the whole file instead."""
    found: list[str] = []

    def note(executed: orm.ORMExecuteState) -> None:
        if not isinstance(executed.statement, sa.Select):
            return
        text = str(executed.statement.compile(dialect=postgresql.dialect()))  # type: ignore[no-untyped-call]
        if " FOR NO KEY UPDATE" in text:
            found.append(re.findall(r"\nFROM (\w+)", text)[0] + (" skipped" if "SKIP LOCKED" in text else ""))

    sa.event.listen(orm.Session, "do_orm_execute", note)
    try:
        work()
    finally:
        sa.event.remove(orm.Session, "do_orm_execute", note)
    return found


def test_who_writes_rows_locks_them_first_and_in_one_order(here: Service) -> None:
    one, build_id, limits = parts.builder(here), parts.queued(here), here.settings.queue
    assert locked_rows(here, lambda: queue.register(here.database, one, "one-instance", limits)) == ["builder", "attempt"]
    attempt = parts.claim(here, one)
    assert attempt is not None
    report = functools.partial(queue.report_step, here.database, one, build_id, 1, Step.FETCH, StepState.DONE)
    assert locked_rows(here, report) == ["attempt"]
    assert locked_rows(here, lambda: queue.beat(here.database, one, build_id, 1, limits)) == ["builder", "attempt"]
    parts.let_pass(here, attempt)
    assert locked_rows(here, lambda: endings.reap(here.database, limits)) == ["attempt skipped", "build"]
    assert parts.claim(here, one) is not None
    finish = functools.partial(endings.finish, here.database, one, build_id, 2, FAILED, limits)
    assert locked_rows(here, finish) == ["attempt", "build"]


def test_a_duty_has_one_holder(here: Service) -> None:
    assert duties.hold(here.database, "reap", "one")
    assert not duties.hold(here.database, "reap", "two")
    assert duties.hold(here.database, "reap", "one")
    duties.release(here.database, "one")
    assert duties.hold(here.database, "reap", "two")
