# SPDX-License-Identifier: MIT
"""Builders die, freeze and are cut off; whoever comes late is refused, and nothing that he brought can be seen."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator

import pytest

from ondemand.states import Outcome
from tests import cut_proxy, simulated_builder
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
