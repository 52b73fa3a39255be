# SPDX-License-Identifier: MIT
"""Jobs that are asked for by many and run once."""

from __future__ import annotations

import itertools
import threading

import pytest

from ondemand_web.packages.jobs import Jobs


def test_a_job_runs_once_however_many_ask() -> None:
    jobs: Jobs[int] = Jobs(lambda _: 60.0)
    count = itertools.count()
    futures = [jobs.ask("key", lambda: next(count)) for _ in range(20)]
    assert {future.result(5) for future in futures if future} == {0} and next(count) == 1


def test_an_answer_is_kept_no_longer_than_it_says() -> None:
    jobs: Jobs[int] = Jobs(lambda answer: float(answer))
    for answer, kept in ((0, False), (60, True)):
        first = jobs.ask(answer, lambda answer=answer: answer)  # type: ignore[misc]
        assert first is not None and first.result(5) == answer
        assert (jobs.ask(answer, lambda: 60) is first) is kept


def test_a_failure_is_told_and_not_kept() -> None:
    jobs: Jobs[float] = Jobs(lambda _: 60.0)
    failed = jobs.ask("key", lambda: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        assert failed and failed.result(5)
    again = jobs.ask("key", lambda: 2.0)
    assert again and again.result(5) == 2.0


def test_more_jobs_than_can_wait_are_not_taken() -> None:
    jobs: Jobs[bool] = Jobs(lambda _: 60.0, threads=1, most=2)
    go = threading.Event()
    taken = [jobs.ask(key, lambda: go.wait(5)) for key in range(3)]
    assert taken[0] and taken[1] and taken[2] is None
    go.set()
    assert taken[1].result(5)
