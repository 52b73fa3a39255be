# SPDX-License-Identifier: MIT
"""Group packages: the check beside dnf and bare libsolv, warm and cold, its memory, the fetch, the command line."""

from __future__ import annotations

import pathlib
import subprocess
import time
from collections.abc import Iterator, Mapping

from demo import distribution
from tests import service_parts
from tests.bench import checks, core, dnf_runs, fetches, figures, repositories

TARGETS: Mapping[str, float] = {
    "check_over_dnf": 0.5,
    "solve_over_libsolv": 1.5,
    "dnf_disagreements": 0,
    "check_warm_p95_ms": 300,
    "check_cold_s": 3,
    "check_memory_mb": 400,
    "fetch_parallel_ratio": 0.2,
    "cli_check_p95_ms": 800,
}
CALLS = 40
_QUIET: dict[str, dict[str, object]] = {"master": {"read_every": 3600.0}}
"""Repositories are read once, at the start: a later reading would take a processor from what is measured."""


def measure(folder: pathlib.Path) -> Iterator[dict[str, float]]:
    """All figures of the group; those whose data or tools are not here are left out with a sentence."""
    yield fetches.measure(folder)
    made = distribution.make(core.DEMO)
    with repositories.served(folder) as found:
        if not found:
            return
        home = folder / "service"
        for repository in found:
            repository.offer(home / "config")
        with service_parts.Running(home, made, _QUIET) as service:
            yield from _checks(service, found, folder)


def _checks(
    service: service_parts.Running, found: list[repositories.Repository], folder: pathlib.Path
) -> Iterator[dict[str, float]]:
    first = checks.subject(service, found[0])
    if first.repository.name == "debian":
        yield checks.warm(service, first)
        yield checks.cold(folder, first)
    yield command_line(service, first)
    yield checks.over_libsolv(first)
    if not dnf_runs.installed():
        print("   no figures beside dnf: it is not installed", flush=True)
        return
    ratios = []
    for repository in found:
        real = repository.name == "appstream"
        ratio, differences = checks.over_dnf(service, checks.subject(service, repository), folder, compared=real)
        ratios.append(ratio)
        print(f"   over dnf on {repository.name}: {ratio:.3f}", flush=True)
        if real:
            differences += checks.weak_differences(checks.subject(service, repository), folder)
            for item in differences:
                print(f"   {'obsoleted' if item.explained else 'differs'}: {item.text}", flush=True)
            yield {"dnf_disagreements": sum(not item.explained for item in differences)}
    yield {"check_over_dnf": max(ratios)}


def command_line(service: service_parts.Running, on: checks.Subject) -> dict[str, float]:
    """`cli_check_p95_ms`: `ondemand check --release …` as a new process, to its end, CALLS times."""
    figures.announce(f"{CALLS} times `ondemand check`")
    milliseconds = []
    for names in on.drawn(CALLS):
        words = [word for name in names for word in ("--add", name)]
        argv = [*service_parts.ONDEMAND, "check", "--release", on.release.name, *words]
        began = time.perf_counter()
        done = subprocess.run(argv, env=service.site.environment, capture_output=True, text=True, timeout=60, check=False)
        milliseconds.append((time.perf_counter() - began) * 1000)
        assert done.returncode == 0 and "It can be made" in done.stdout, done.stderr
    print(figures.spread("ondemand check", milliseconds, "ms"), flush=True)
    return {"cli_check_p95_ms": figures.percentile(milliseconds, 95)}
