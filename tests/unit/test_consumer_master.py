# SPDX-License-Identifier: MIT
"""The worker API's answers become records and errors."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from ondemand import builds, errors, states
from ondemand_consumer import master, progressing, stopping, worker
from tests import builder_parts, fake_master, service_parts

OFFER = builds.Capabilities(arches=("x86_64",), backends={"kiwi": ("live",)}, disk=1, memory=1)


@pytest.fixture
def server() -> Iterator[Any]:
    with fake_master.serving() as server:
        yield server


@pytest.fixture
def client(server: Any) -> master.AttemptClient:
    return master.Master(server.url, "token").attempt(builder_parts.make_assignment(builder_parts.make_lock()))


def test_a_claim_gives_the_whole_assignment(server: Any) -> None:
    assignment = builder_parts.make_assignment(builder_parts.make_lock())
    server.assignments.append(assignment)
    assert master.Master(server.url, "t").claim("c", "i", OFFER) == assignment


def test_nothing_to_do_is_none(server: Any) -> None:
    assert master.Master(server.url, "t").claim("c", "i", OFFER) is None


def test_a_lost_lease_is_its_error(server: Any, client: master.AttemptClient) -> None:
    server.lost = True
    with pytest.raises(errors.LeaseLost, match=r"The lease is lost\."):
        client.step(states.Step.BUILD, states.StepState.RUNNING)


def test_a_wrong_offset_tells_the_true_size(server: Any, client: master.AttemptClient) -> None:
    with pytest.raises(errors.OffsetMismatch) as caught:
        client.append_log(states.Step.BUILD, 10, b"x")
    assert caught.value.size == 0


def test_an_answer_without_a_reason_means_that_the_master_is_away(server: Any, client: master.AttemptClient) -> None:
    server.away = 1
    with pytest.raises(errors.MasterUnavailable, match="503"):
        client.beat()


def test_nobody_at_the_address_means_the_same() -> None:
    with pytest.raises(errors.MasterUnavailable, match="does not answer"):
        master.Master("http://127.0.0.1:9", "t").register("i")


def test_patience_outlasts_an_absence(server: Any, client: master.AttemptClient) -> None:
    server.away = 2
    assert master.patiently(client.beat, stopping.Stop()) is False


def test_patience_ends_with_the_attempt(server: Any, client: master.AttemptClient) -> None:
    server.away = 1000
    stop = stopping.Stop()
    stop.set(errors.BuildCanceled("The build was canceled"))
    with pytest.raises(errors.BuildCanceled):
        master.patiently(client.beat, stop)


CALLS: dict[str, Callable[[master.AttemptClient], Any]] = {
    "beat": lambda client: client.beat(),
    "finish": lambda client: client.finish(builds.FinishReport(canceled=True, error=errors.BuildCanceled("It was").as_dict())),
    "artifacts": lambda client: client.artifacts(),
    "append": lambda client: client.append_log(states.Step.BUILD, 0, b"x"),
}


@pytest.mark.parametrize("page", ["<html>welcome</html>", "[]", "{}", "null", '{"size": null, "artifacts": [1]}'])
@pytest.mark.parametrize("call", CALLS)
def test_a_page_of_something_else_means_that_the_master_is_away(server: Any, client: master.AttemptClient, call: str, page: str) -> None:
    server.pages, server.page = 1, page
    with pytest.raises(errors.MasterUnavailable, match="is not understood"):
        CALLS[call](client)


def test_a_registration_that_a_page_answers_is_none(server: Any) -> None:
    server.pages = 1
    with pytest.raises(errors.MasterUnavailable, match="is not understood"):
        master.Master(server.url, "t").register("i")


def test_beats_go_on_after_a_page_of_something_else(server: Any, client: master.AttemptClient) -> None:
    server.pages = 2
    with worker.Beats(client, 0.02, stopping.Stop(), progressing.Progressing()):
        assert service_parts.soon(lambda: server.beats > 2, 5)
