# SPDX-License-Identifier: MIT
"""The dispatcher's loops: a duty is held while its work lasts, and given up when it was lost."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator

from ondemand_web import dispatcher
from ondemand_web.queue import duties
from ondemand_web.service import Service

SHORT = 0.5
"""Seconds of a hold, for tests."""


@contextlib.contextmanager
def running(*targets: Callable[[threading.Event], None]) -> Iterator[threading.Event]:
    """Runs each in a thread until the end."""
    stop = threading.Event()
    threads = [threading.Thread(target=target, args=(stop,)) for target in targets]
    for thread in threads:
        thread.start()
    try:
        yield stop
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def test_a_duty_is_held_while_one_piece_of_its_work_lasts(here: Service) -> None:
    hold, began, end = duties.Hold(here.database, "store", "one", SHORT), threading.Event(), threading.Event()

    def work() -> bool:
        began.set()
        return end.wait(10)

    task = dispatcher.Task(name="store", work=work, pause=0.1)
    with running(
        lambda stop: dispatcher._renew([hold], stop, SHORT / 5), lambda stop: dispatcher._perform(task, hold, stop)
    ):
        assert began.wait(10)
        time.sleep(2 * SHORT)
        taken = duties.hold(here.database, "store", "two")
        end.set()
    assert not taken


def test_a_process_that_lost_a_duty_begins_no_further_piece(here: Service) -> None:
    pieces: list[bool] = []
    hold = duties.Hold(here.database, "store", "one", SHORT)
    hold.renew()

    def lose() -> bool:
        duties.release(here.database, "one")
        pieces.append(duties.hold(here.database, "store", "two"))
        hold.renew()
        return True

    task = dispatcher.Task(name="store", work=lose, pause=0.1)
    with running(lambda stop: dispatcher._perform(task, hold, stop)):
        time.sleep(SHORT)
    assert pieces == [True] and not hold.mine


def test_a_duty_is_no_longer_ours_when_it_could_not_be_renewed_in_time(here: Service) -> None:
    hold = duties.Hold(here.database, "store", "one", 0.05)
    hold.renew()
    time.sleep(0.1)
    assert not hold.mine and duties.hold(here.database, "store", "two")
