# SPDX-License-Identifier: MIT
"""What a build by the service costs beside the bare tool: our steps fetch to verify against kiwi-ng called by hand.

Ours: the product's own functions fetch, repo, build and verify, one after the other as the pipeline calls them, each
time with an empty RPM cache; RPMs come over HTTP. Raw: `kiwi-ng system build` with the same description (the same
packages, scripts and compression), whose one repository holds exactly the same RPMs, on the same HTTP server, with
its repodata made beforehand; kiwi's dnf downloads them with no cache before. Raw checks no digest beyond dnf's, no
signature and no result, and runs in no namespaces of ours. Both write to the same disk, which is synchronised before
each run; they take turns, and nothing else runs in this process meanwhile.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import pathlib
import re
import shutil
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from typing import TypeVar

from demo import builds as story
from ondemand import build_requests, errors, locks, plugins, states
from ondemand_consumer import attempts, building, failing, fetching, namespaces, repository, sweeper, verification
from ondemand_plugins.backends import kiwi
from ondemand_plugins.sources import bodhi_updates, koji_builds
from ondemand_web.packages import checking
from tests import builder_parts, service_parts, source_parts
from tests.bench import figures

Result = TypeVar("Result")
ROUNDS = 5
RAW_TIMEOUT = 1800
_PRESET = pathlib.Path(__file__).resolve().parents[2] / "config" / "presets" / "demo-live.ks"
_STEPS = (states.Step.FETCH, states.Step.REPO, states.Step.BUILD, states.Step.VERIFY)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Task:
    """What both build: `attempt` makes it anew; `url` serves the same RPMs to the bare tool."""

    folder: pathlib.Path
    site: pathlib.Path
    url: str
    lock: locks.Lock
    parts: dict[str, object]

    def attempt(self, name: str, **changes: object) -> attempts.Attempt:
        """A new attempt with a cache of its own, which takes nothing over, unless `changes` of the settings say otherwise."""
        plain = builder_parts.make_attempt(self.folder / name, self.lock, **{"roots_limit": 0, **changes})
        return dataclasses.replace(plain, assignment=plain.assignment.model_copy(update=self.parts))

    def remove(self, name: str) -> None:
        """Removes what that attempt left, unless something is still mounted there."""
        assert not sweeper.mounts(self.folder / name)
        shutil.rmtree(self.folder / name)


def compare(folder: pathlib.Path, distribution: pathlib.Path) -> dict[str, float]:
    """`raw_kiwi_s` and `pipeline_ratio`, medians of ROUNDS runs of each."""
    figures.announce(f"{ROUNDS} builds by the pipeline and {ROUNDS} by bare kiwi-ng")
    folder.mkdir()
    site = folder / "site"
    # Links: the server gives out only what lies below its folder, and one folder more is needed.
    shutil.copytree(distribution, site, copy_function=os.link)
    with contextlib.ExitStack() as stack:
        task = make_task(folder, site, served(folder, site, stack))
        publish(task)
        ours: list[dict[states.Step, float]] = []
        raw: list[float] = []
        for _ in range(ROUNDS):
            os.sync()
            ours.append(pipeline(task))
            os.sync()
            raw.append(bare(task))
    return _told(ours, raw)


def _told(ours: list[dict[states.Step, float]], raw: list[float]) -> dict[str, float]:
    whole = [sum(steps.values()) for steps in ours]
    for step in _STEPS:
        print(figures.spread(step.value, [steps[step] for steps in ours], "s"))
    print(figures.spread("ours", whole, "s"))
    print(figures.spread("raw", raw, "s"), flush=True)
    middle = statistics.median(raw)
    return {"raw_kiwi_s": middle, "pipeline_ratio": statistics.median(whole) / middle}


def served(folder: pathlib.Path, site: pathlib.Path, stack: contextlib.ExitStack) -> str:
    """The address of the demo's servers on that folder."""
    ready = folder / "servers.json"
    argv = (sys.executable, "-m", "demo.servers", str(site), "--ready-file", str(ready))
    servers = service_parts.started(stack, service_parts.Process(argv, folder / "servers.log", dict(os.environ)))
    assert service_parts.soon(ready.exists), servers.output
    return str(json.loads(ready.read_text())["url"])


def make_task(folder: pathlib.Path, site: pathlib.Path, url: str, builds: tuple[str, ...] = ("update", "koji_build")) -> Task:
    """What is to be built, with these wanted builds of the demo's story."""
    release = source_parts.demo_release(folder / "config", site, url)
    names = [story.NAMES[name] for name in builds]
    request = build_requests.validate({"release": "demo", "builds": names, "add_packages": ["ondemand-greeting"]})
    sources: dict[str, plugins.Source] = {"koji": koji_builds.KojiBuilds(), "bodhi": bodhi_updates.BodhiUpdates()}
    lock, kickstart = checking.check(request, release, _PRESET.read_text(), sources, folder / "snapshots")
    parts: dict[str, object] = {"request": request, "release": release, "kickstart": kickstart.text}
    return Task(folder=folder, site=site, url=f"{url}/repositories/locked", lock=lock, parts=parts)


def publish(task: Task) -> None:
    """Puts exactly the locked RPMs, with repodata, on the server for the bare tool."""
    attempt = task.attempt("published")
    fetching.fetch(attempt)
    repository.create(attempt)
    attempt.repository.rename(task.site / "repositories" / "locked")
    task.remove("published")


def pipeline(task: Task, **changes: object) -> dict[states.Step, float]:
    """Seconds of each step; the image must be what was locked. `changes` are settings of the builder."""
    attempt = task.attempt("ours", **changes)
    backend = kiwi.KiwiBackend()
    taken: dict[states.Step, float] = {}

    def timed(step: states.Step, work: Callable[[], Result]) -> Result:
        began = time.perf_counter()
        result = work()
        taken[step] = time.perf_counter() - began
        return result

    files = timed(states.Step.FETCH, lambda: fetching.fetch(attempt))
    assert changes or not any(file.from_cache for file in files)
    timed(states.Step.REPO, lambda: repository.create(attempt))
    image, _ = timed(states.Step.BUILD, lambda: building.build(attempt, backend))
    proof, _ = timed(states.Step.VERIFY, lambda: verification.contains(attempt, image, files, closed=True))
    assert proof.held
    task.remove("ours")
    return taken


def bare(task: Task, *, default: bool = False) -> float:
    """Seconds of one kiwi-ng, called as a person does; with `default` no compression is chosen, neither squashfs' nor dracut's."""
    attempt = task.attempt("raw")
    backend = kiwi.KiwiBackend()
    plan = backend.plan(building.order(attempt, backend))
    building.prepare(attempt.work, plan)
    description = attempt.work / "description" / "config.xml"
    text = description.read_text().replace(f"dir://{attempt.repository}", task.url)
    assert task.url in text
    if default:
        text, count = re.subn(r' squashfscompression="\w+"', "", text)
        assert count == 1
        shutil.rmtree(attempt.work / "description" / "root" / "etc" / "dracut.conf.d")
    description.write_text(text)
    (command,) = plan.commands
    taken = _kiwi(attempt.work, {**os.environ, "PATH": _path(), **command.environment})
    (image,) = attempt.work.glob(plan.image)
    assert image.stat().st_size > 0
    task.remove("raw")
    return taken


def _kiwi(work: pathlib.Path, environment: dict[str, str]) -> float:
    argv = ["kiwi-ng", "--shared-cache-dir", str(work / "cache"), "--type", "iso", "system", "build"]
    argv += ["--description", str(work / "description"), "--target-dir", str(work / "result")]
    log = work / "kiwi.log"
    with log.open("wb") as output:
        began = time.perf_counter()
        process = subprocess.Popen(
            argv, env=environment, cwd=work, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
        )
        try:
            status = process.wait(RAW_TIMEOUT)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            for point in sweeper.mounts(work):
                subprocess.run(["umount", "--lazy", str(point)], timeout=60, check=False)
        taken = time.perf_counter() - began
    if status:
        raise errors.ToolFailed(f"Bare kiwi-ng ended with status {status}: {failing.failing_line(log.read_text('utf-8', 'replace'))}")
    return taken


def _path() -> str:
    return f"{pathlib.Path(sys.executable).parent}:{os.environ.get('PATH', '')}:{namespaces.PATH}"
