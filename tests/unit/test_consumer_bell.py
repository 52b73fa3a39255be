# SPDX-License-Identifier: MIT
"""Builders that one message wakes do not claim at once, and the first of them does not wait for it."""

from __future__ import annotations

import concurrent.futures
import pathlib
import time
import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from ondemand_consumer import master, worker
from tests import fake_master, master_parts

COUNT = 40


@pytest.fixture
def bells(tmp_path: pathlib.Path) -> Iterator[list[worker.Bell]]:
    made = [worker.Bell(tmp_path / f"{number}") for number in range(COUNT)]
    yield made
    for bell in made:
        bell.close()


def wake(bell: worker.Bell, spread: float) -> float:
    """When it woke."""
    bell.wait(30, spread)
    return time.monotonic()


def woken(bells: list[worker.Bell], spread: float) -> list[float]:
    """Seconds after the ringing at which each of them wakes, in order."""
    with concurrent.futures.ThreadPoolExecutor(COUNT) as pool:
        waits = [pool.submit(wake, bell, spread) for bell in bells]
        time.sleep(0.2)
        began = time.monotonic()
        for bell in bells:
            bell.ring()
        return sorted(wait.result() - began for wait in waits)


def test_builders_woken_at_once_spread_their_claims(bells: list[worker.Bell]) -> None:
    spread = worker.spread(COUNT)
    seconds = woken(bells, spread)
    fullest = max(sum(begin <= each < begin + spread / 4 for each in seconds) for begin in seconds)
    assert fullest < COUNT * 0.75
    assert seconds[0] < spread / 2 and spread / 2 < seconds[-1] < spread + 1


def test_a_builder_alone_wakes_at_once(bells: list[worker.Bell]) -> None:
    assert woken(bells[:1], worker.spread(1))[0] < 0.2


def test_ringing_meanwhile_is_answered_by_the_same_claim(bells: list[worker.Bell]) -> None:
    bell = bells[0]
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        bell.ring()
        wait = pool.submit(bell.wait, 30, 0.0)
        wait.result()
        for _ in range(5):
            bell.ring()
        bell.wait(30, 0.3)
    began = time.monotonic()
    bell.wait(0.1)
    assert time.monotonic() - began >= 0.09


def test_thirty_claims_come_in_a_second_and_the_spread_has_an_end() -> None:
    assert [worker.spread(number) for number in (1, 20, 100, 10_000)] == pytest.approx([0.03, 0.6, 3.0, worker.SPREAD_AT_MOST])


@pytest.mark.parametrize(("said", "known"), [(20, 20), ("many", 1), (-3, 1)])
def test_a_claim_that_gets_nothing_learns_how_many_can_do_the_same(said: Any, known: int) -> None:
    with fake_master.serving() as server:
        server.builders = said
        speaker = master.Master(server.url, "token")
        assert speaker.claim(str(uuid.uuid4()), "instance-1", master_parts.CAN) is None
    assert speaker.builders == known
