# SPDX-License-Identifier: MIT
"""Builders die, freeze and are cut off; whoever comes late is refused, and nothing that he brought can be seen."""

from __future__ import annotations

import contextlib
import hashlib
import time
import uuid
from collections.abc import Callable, Iterator

import pytest

from ondemand import build_requests, errors
from ondemand.builds import Assignment
from ondemand.proofs import Artifact
from ondemand.states import Outcome, Step, StepState
from ondemand_consumer import master
from tests import cut_proxy, master_parts, simulated_builder
from tests import outage_parts as parts
from tests import truth_parts as truth
from tests.service_parts import Process, soon

pytestmark = pytest.mark.slow
PAST = parts.LEASE + 3


def outcomes(service: parts.Service, build_id: int) -> list[Outcome | None]:
    """How the attempts of a build ended."""
    return [attempt.outcome for attempt in service.client.build(build_id).attempts]


@contextlib.contextmanager
def far_builder(service: parts.Service, name: str) -> Iterator[tuple[cut_proxy.CutProxy, Process]]:
    """A builder with longer builds, and the line by which it reaches the master."""
    with cut_proxy.before(int(service.site.url.rpartition(":")[2])) as line:
        far = {"ONDEMAND_MASTER__URL": f"http://127.0.0.1:{line.port}", simulated_builder.SECONDS: "4"}
        builder = service.builder(name, **far)
        try:
            yield line, builder
        finally:
            line.mend()
            builder.stop()


def claimed(service: parts.Service, stranger: master.Master) -> Assignment:
    """A build that the test itself has to make, as everybody else sleeps."""
    instance = str(uuid.uuid4())
    stranger.register(instance)
    with contextlib.ExitStack() as stack:
        for builder in service.builders.values():
            if builder.pid:
                stack.enter_context(parts.frozen(builder))
        time.sleep(0.5)
        service.client.submit(build_requests.validate({"release": "made"}))
        won = soon(lambda: stranger.claim(str(uuid.uuid4()), instance, master_parts.CAN))
    assert won is not None, service.dispatcher.output[-2000:]
    return won


def bring(client: master.AttemptClient, content: bytes = b"a late image") -> tuple[Artifact, ...]:
    """Uploads all that an attempt needs to win, and beats until it is stored, then no more."""
    digest = hashlib.sha256(content).hexdigest()
    named = (("image.iso", "image"), ("manifest.json", "manifest"))
    made = tuple(Artifact(name=name, role=role, size=len(content), sha256=digest) for name, role in named)
    for each in made:
        client.append_artifact(each.name, 0, content)
        client.complete(each)
    assert soon(lambda: not client.beat() and {item["state"] for item in client.artifacts().values()} == {"stored"}, pause=0.3)
    return made


def test_the_build_of_a_builder_that_is_killed_is_made_by_another_one(hurt: parts.Service) -> None:
    with parts.Asking(hurt, 8, 0.05) as asking:
        lost = parts.building(hurt, asking.ids(), "node-2").id
        hurt.builders["node-2"].kill()
        truth.succeeded(hurt, asking.ids())
    hurt.builders["node-2"].start()
    assert outcomes(hurt, lost) == [Outcome.LOST, Outcome.SUCCEEDED]
    assert hurt.client.build(lost).attempts[-1].builder != "node-2"


def test_a_builder_that_was_frozen_past_its_lease_throws_its_work_away(hurt: parts.Service) -> None:
    builder = hurt.builders["node-3"]
    with parts.Asking(hurt, 8, 0.05) as asking:
        lost = parts.building(hurt, asking.ids(), "node-3").id
        with parts.frozen(builder):
            time.sleep(PAST)
        assert soon(lambda: f"build {lost}, attempt 1: thrown away" in builder.output), builder.output
        truth.succeeded(hurt, asking.ids())
    assert outcomes(hurt, lost) == [Outcome.LOST, Outcome.SUCCEEDED]


@pytest.mark.parametrize("seconds", [parts.LEASE / 2, 2 * parts.LEASE], ids=["within its lease", "past its lease"])
def test_a_builder_that_was_cut_off_wins_only_within_its_lease(hurt: parts.Service, seconds: float) -> None:
    with far_builder(hurt, f"far-{seconds:.0f}") as (line, builder), parts.Asking(hurt, 12, 0.05) as asking:
        at = parts.building(hurt, asking.ids(), f"far-{seconds:.0f}").id
        line.cut()
        time.sleep(seconds)
        line.mend()
        truth.succeeded(hurt, asking.ids())
        expected = [Outcome.SUCCEEDED] if seconds < parts.LEASE else [Outcome.LOST, Outcome.SUCCEEDED]
        assert outcomes(hurt, at) == expected, builder.output


def test_every_late_word_is_refused_and_what_it_had_brought_is_gone(hurt: parts.Service) -> None:
    stranger = hurt.stranger("late")
    won = claimed(hurt, stranger)
    client = stranger.attempt(won)
    brought = bring(client)
    assert soon(lambda: outcomes(hurt, won.build_id)[:1] == [Outcome.LOST], 2 * PAST)
    late: list[Callable[[], object]] = [
        client.beat,
        client.artifacts,
        lambda: client.step(Step.PUBLISH, StepState.DONE),
        lambda: client.append_log(Step.BUILD, 0, b"late"),
        lambda: client.append_artifact("more.txt", 0, b"late"),
        lambda: client.complete(brought[0]),
        lambda: client.finish(master_parts.success(*brought)),
    ]
    for word in late:
        with pytest.raises(errors.LeaseLost):
            word()
    truth.succeeded(hurt, [won.build_id])
