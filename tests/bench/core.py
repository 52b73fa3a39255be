# SPDX-License-Identifier: MIT
"""Group core: answering a request, waking a builder, one whole build, and what the service costs beside bare kiwi."""

from __future__ import annotations

import contextlib
import pathlib
from collections.abc import Iterator, Mapping

from demo import distribution
from ondemand_web.database import Database
from tests import service_parts
from tests.bench import figures, images, submissions, wakes

TARGETS: Mapping[str, float] = {"submit_p95_ms": 100, "wake_p95_ms": 500, "pipeline_ratio": 1.15}
DEMO = pathlib.Path(__file__).resolve().parents[2] / "build" / "demo-distribution"


def measure(folder: pathlib.Path) -> Iterator[dict[str, float]]:
    """All figures of the group: first beside no service at all, then on a running one."""
    made = distribution.make(DEMO)
    yield images.compare(folder / "images", made)
    (folder / "service").mkdir()
    with service_parts.Running(folder / "service", made, {}) as service:
        yield submissions.measure(service)
        with contextlib.closing(Database(f"sqlite:///{service.folder / 'master' / 'ondemand.sqlite'}")) as database:
            yield wakes.measure(service, database)
        yield whole_build(service)


def whole_build(service: service_parts.Running) -> dict[str, float]:
    """Seconds for each step of one real build with two wanted builds, as its record tells them."""
    figures.announce("one build through the whole service")
    service.add_node("bench")
    record = service.succeeded(service.submit(**service_parts.wanted(title="Benchmark")))
    steps = record.attempt.steps if record.attempt else ()
    return {
        f"build_{item.step.value}_s": (item.ended_at - item.started_at).total_seconds()
        for item in steps
        if item.ended_at is not None
    }
