# SPDX-License-Identifier: MIT
"""Logs reach a master that speaks the worker API, whatever becomes of pieces on their way."""

import pathlib
from collections.abc import Iterator
from typing import Any

import pytest

from ondemand import builds, states
from ondemand_consumer import attempts, logs, master
from tests import builder_parts, fake_master


@pytest.fixture
def server() -> Iterator[Any]:
    with fake_master.serving() as server:
        yield server


@pytest.fixture
def attempt(tmp_path: pathlib.Path) -> attempts.Attempt:
    return builder_parts.make_attempt(tmp_path)


def _client(server: Any, attempt: attempts.Attempt) -> master.AttemptClient:
    return master.Master(server.url, "token").attempt(attempt.assignment)


def test_what_was_written_has_arrived_at_the_end(server: Any, attempt: attempts.Attempt) -> None:
    with logs.Shipper(attempt, _client(server, attempt)):
        attempt.say(states.Step.FETCH, "one")
        attempt.say(states.Step.BUILD, "two")
    assert server.logs["fetch"].endswith(b"one\n") and server.logs["build"].endswith(b"two\n")


def test_a_piece_that_arrived_unseen_is_not_sent_twice(server: Any, attempt: attempts.Attempt) -> None:
    shipper = logs.Shipper(attempt, _client(server, attempt))
    attempt.say(states.Step.FETCH, "one")
    server.logs["fetch"] = bytearray(attempt.log(states.Step.FETCH).read_bytes()[:5])
    shipper.send()
    assert server.logs["fetch"] == attempt.log(states.Step.FETCH).read_bytes()


def test_a_piece_that_the_master_lost_is_sent_again(server: Any, attempt: attempts.Attempt) -> None:
    shipper = logs.Shipper(attempt, _client(server, attempt))
    attempt.say(states.Step.FETCH, "one")
    shipper.send()
    del server.logs["fetch"][4:]
    attempt.say(states.Step.FETCH, "two")
    shipper.send()
    assert server.logs["fetch"] == attempt.log(states.Step.FETCH).read_bytes()


def test_a_long_log_goes_in_pieces(server: Any, attempt: attempts.Attempt) -> None:
    attempt.log(states.Step.BUILD).write_bytes(b"x" * 2_500_000)
    assert logs.Shipper(attempt, _client(server, attempt)).send()
    assert len(server.logs["build"]) == 2_500_000


def test_an_absent_master_is_waited_for_at_the_end(server: Any, attempt: attempts.Attempt) -> None:
    with logs.Shipper(attempt, _client(server, attempt)):
        attempt.say(states.Step.FETCH, "one")
        server.away = 2
    assert server.logs["fetch"].endswith(b"one\n")


def test_a_lost_lease_ends_it_without_a_fuss(server: Any, attempt: attempts.Attempt) -> None:
    server.lost = True
    with logs.Shipper(attempt, _client(server, attempt)):
        attempt.say(states.Step.FETCH, "one")


def test_a_log_that_is_too_long_ends_with_one_line_that_says_so(
    server: Any, attempt: attempts.Attempt, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(builds, "LOG_LIMIT", 1000)
    shipper = logs.Shipper(attempt, _client(server, attempt))
    attempt.log(states.Step.BUILD).write_bytes(b"x" * 5000)
    attempt.say(states.Step.VERIFY, "one")
    assert shipper.send() and shipper.send()
    assert len(server.logs["build"]) == 1000 and server.logs["build"].endswith(b"; the builder goes on.]\n")
    assert server.logs["verify"].endswith(b"one\n") and server.refused == 0


@pytest.mark.parametrize(("limit", "ends"), [(1500, b"x\n[The log was cut here, "), (1010, b"x" * 1000)])
def test_a_master_that_takes_less_is_not_asked_again_and_again(
    server: Any, attempt: attempts.Attempt, limit: int, ends: bytes
) -> None:
    shipper = logs.Shipper(attempt, _client(server, attempt))
    server.log_limit = limit
    with attempt.log(states.Step.BUILD).open("ab", buffering=0) as file:
        for _ in range(5):
            file.write(b"x" * 1000)
            assert shipper.send()
    assert ends in server.logs["build"] and len(server.logs["build"]) < limit and server.refused <= 2
