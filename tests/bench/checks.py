# SPDX-License-Identifier: MIT
"""How long a check takes: over HTTP in the running service beside dnf, in this process beside bare libsolv, and cold."""

from __future__ import annotations

import dataclasses
import pathlib
import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import requests

from ondemand import build_requests, deadlines, errors, locks, releases
from ondemand_web.packages import checking, places
from ondemand_web.packages.pools import Pools
from tests import service_parts
from tests.bench import dnf_runs, figures, installable, repositories

Names = Sequence[str]
Found = TypeVar("Found")
WARM = 200
BESIDE = 50
COMPARED = 200
COLD = 5
_READY = 180.0
_TEXT = "lang C.UTF-8\n%packages --nocore --exclude-weakdeps\n%end\n"
_WEAK_TEXT = "lang C.UTF-8\n%packages --nocore\n%end\n"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Subject:
    """A repository on which is measured, with the folder of the service's snapshots and this process's pools."""

    repository: repositories.Repository
    release: releases.Release
    snapshots: pathlib.Path
    pools: Pools

    def request(self, names: Names) -> build_requests.BuildRequest:
        """A request for exactly these packages."""
        return build_requests.BuildRequest(release=self.release.name, add_packages=tuple(names))

    def lock(self, names: Names, *, weak: bool = False) -> locks.Lock:
        """What the service's own check finds, called in this process with its metadata."""
        text = _WEAK_TEXT if weak else _TEXT
        found, _ = checking.check(
            self.request(names), self.release, text, {}, self.snapshots, pools=self.pools, kept=True
        )
        return found

    def drawn(self, count: int) -> list[tuple[str, ...]]:
        """Random requests that can be installed."""
        return self._on_pool(lambda pool: installable.drawn(pool, count))

    def bare(self, names: Names) -> float:
        """Seconds of the bare solve on the pool that the check uses."""
        return self._on_pool(lambda pool: installable.solve(pool, names)[0])

    def obsoleting(self, names: Names, among: frozenset[str]) -> list[str]:
        """The names, each replaced by that of a package `among` these which obsoletes it."""
        return self._on_pool(lambda pool: [installable.obsoleting(pool, name, among) or name for name in names])

    def _on_pool(self, work: Callable[[Any], Found]) -> Found:
        with deadlines.session() as session:
            held = places.stable_places(self.release, "x86_64", self.snapshots, session, kept=True)
            with self.pools.borrow(held, "x86_64", filelists=False) as universe:
                return work(universe.pool)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Difference:
    """A request to which dnf and our check give different packages; `explained` by a known rule or not."""

    text: str
    explained: bool


def subject(service: service_parts.Running, repository: repositories.Repository) -> Subject:
    """The repository as the running service has read it."""
    release = releases.load(service.folder / "config" / "releases" / f"{repository.name}.toml")
    data = service.folder / "master" / "snapshots"
    made = Subject(repository=repository, release=release, snapshots=data, pools=Pools())
    body = made.request(["surely-no-such-package"]).model_dump(mode="json")

    def read() -> bool:
        # 422: it was read, and has no such package.
        return requests.post(f"{service.site.url}/api/v1/check", json=body, timeout=60).status_code == 422

    assert service_parts.soon(read, _READY, 0.5), service.dispatcher.output
    return made


def posted(service: service_parts.Running, session: requests.Session, request: build_requests.BuildRequest) -> float:
    """Seconds from request to answer of one check."""
    body = request.model_dump(mode="json")
    began = time.perf_counter()
    answer = session.post(f"{service.site.url}/api/v1/check", json=body, timeout=60)
    taken = time.perf_counter() - began
    assert answer.status_code == 200, answer.text
    return taken


def warm(service: service_parts.Running, on: Subject) -> dict[str, float]:
    """`check_warm_p95_ms` over WARM requests of one client; then the web process's greatest memory."""
    figures.announce(f"{WARM} checks on {on.repository.name}")
    with requests.Session() as session:
        seconds = [posted(service, session, on.request(names)) for names in on.drawn(WARM)]
    print(figures.spread("check", [value * 1000 for value in seconds], "ms"))
    memory = peak(service.web.pid)
    print(f"   the web process took at most {memory:.0f} MB, with this pool alone", flush=True)
    return {"check_warm_p95_ms": figures.percentile(seconds, 95) * 1000, "check_memory_mb": memory}


def peak(pid: int) -> float:
    """The most memory in MB that the process ever had resident."""
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM")) / 1000


def cold(folder: pathlib.Path, on: Subject) -> dict[str, float]:
    """`check_cold_s`: the slowest of COLD first checks: nothing on disk, metadata fetched from a local server."""
    figures.announce(f"{COLD} first checks on {on.repository.name}")
    (names,) = on.drawn(1)
    seconds = []
    for number in range(COLD):
        began = time.perf_counter()
        checking.check(on.request(names), on.release, _TEXT, {}, folder / f"cold-{number}", pools=Pools())
        seconds.append(time.perf_counter() - began)
    print(figures.spread("cold", seconds, "s"), flush=True)
    return {"check_cold_s": max(seconds)}


def over_libsolv(on: Subject) -> dict[str, float]:
    """`solve_over_libsolv`: median of the whole check over that of the bare solve, same requests, same loaded pool.

    The check runs in this process by the function that the service calls: repomd read, kickstart edited and written,
    solve, lock with URLs and digests of each package; as many other requests came before. Bare: installable.solve.
    """
    figures.announce(f"{BESIDE} checks beside bare solves on {on.repository.name}")
    ours, bare = [], []
    requested = on.drawn(2 * BESIDE)
    for names in requested[BESIDE:]:
        on.lock(names)
        on.bare(names)
    for names in requested[:BESIDE]:
        began = time.perf_counter()
        on.lock(names)
        ours.append(time.perf_counter() - began)
        bare.append(on.bare(names))
    print(figures.spread("ours", [value * 1000 for value in ours], "ms"))
    print(figures.spread("bare", [value * 1000 for value in bare], "ms"), flush=True)
    return {"solve_over_libsolv": statistics.median(ours) / statistics.median(bare)}


def over_dnf(
    service: service_parts.Running, on: Subject, folder: pathlib.Path, *, compared: bool
) -> tuple[float, list[Difference]]:
    """The median of our checks over that of dnf's runs for the same packages, taking turns; and, if `compared`, the
    requests to which the two gave different packages."""
    count = COMPARED if compared else BESIDE
    figures.announce(f"{count} checks beside dnf on {on.repository.name}")
    dnf = dnf_runs.Dnf(on.repository, folder / f"dnf-{on.repository.name}")
    ours, theirs, differences = [], [], []
    with requests.Session() as session:
        for names in on.drawn(count):
            ours.append(posted(service, session, on.request(names)))
            outcome = dnf.install(names)
            theirs.append(outcome.seconds)
            if compared and (difference := disagreement(on, names, outcome)) is not None:
                differences.append(difference)
    print(figures.spread("ours", [value * 1000 for value in ours], "ms"))
    print(figures.spread("dnf", [value * 1000 for value in theirs], "ms"), flush=True)
    return statistics.median(ours) / statistics.median(theirs), differences


def weak_differences(on: Subject, folder: pathlib.Path) -> list[Difference]:
    """The requests to which the two give different packages when both install weak dependencies; BESIDE of them."""
    figures.announce(f"{BESIDE} checks with weak dependencies beside dnf on {on.repository.name}")
    dnf = dnf_runs.Dnf(on.repository, folder / f"weak-dnf-{on.repository.name}", weak=True)
    found = (disagreement(on, names, dnf.install(names), weak=True) for names in on.drawn(BESIDE))
    return [each for each in found if each is not None]


def disagreement(on: Subject, names: Names, outcome: dnf_runs.Outcome, *, weak: bool = False) -> Difference | None:
    """In what our lock and dnf's table differ; None where they do not.

    The one known rule: where another package obsoletes one that is asked for by name, dnf takes the other; ours takes
    what was asked for. It explains a difference only if our check, asked for the others, finds dnf's very set.
    """
    mine, refusal = _locked(on, names, weak=weak)
    if mine == outcome.packages:
        return None
    asked = " ".join(names)
    if outcome.packages is None:
        said = " ".join(outcome.said.split())[-300:]
        return Difference(text=f"{asked}: only ours can install it; dnf says {said}", explained=False)
    others = on.obsoleting(names, outcome.packages)
    explained = others != list(names) and _locked(on, others, weak=weak)[0] == outcome.packages
    if mine is None:
        return Difference(text=f"{asked}: only dnf can install it; {refusal}", explained=explained)
    text = f"{asked}: only ours {sorted(mine - outcome.packages)}, only dnf {sorted(outcome.packages - mine)}"
    return Difference(text=text, explained=explained)


def _locked(on: Subject, names: Names, *, weak: bool) -> tuple[frozenset[str] | None, str]:
    try:
        return frozenset(_nevra(package) for package in on.lock(names, weak=weak).packages), ""
    except errors.OndemandError as error:
        return None, error.sentence


def _nevra(package: locks.LockedPackage) -> str:
    epoch = f"{package.epoch}:" if package.epoch else ""
    return f"{package.name}-{epoch}{package.version}-{package.release}.{package.arch}"
