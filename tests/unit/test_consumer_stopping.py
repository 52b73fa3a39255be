# SPDX-License-Identifier: MIT
"""The first reason to end is the one that holds."""

import threading
import time

import pytest

from ondemand import errors
from ondemand_consumer import stopping


def test_the_first_reason_holds() -> None:
    stop = stopping.Stop()
    stop.set(errors.BuildCanceled("canceled"))
    stop.set(errors.LeaseLost("lost"))
    with pytest.raises(errors.BuildCanceled):
        stop.check()


def test_a_sleeper_wakes_at_once() -> None:
    stop = stopping.Stop()
    threading.Timer(0.05, stop.set, (errors.LeaseLost("lost"),)).start()
    began = time.monotonic()
    with pytest.raises(errors.LeaseLost):
        stop.sleep(30)
    assert time.monotonic() - began < 10
