# SPDX-License-Identifier: MIT
"""What it gains that a builder fetches several RPMs at once: its own fetch step against one request after another."""

from __future__ import annotations

import functools
import pathlib
import shutil
import statistics
import time
from typing import Any

import requests

from ondemand import locks
from ondemand_consumer import fetching
from tests import builder_parts
from tests.bench import figures

COUNT = 60
DELAY = 0.05
ROUNDS = 5
_SPEC = """Name: ball0
Version: 1
Release: 1
Summary: For a measurement
License: MIT
BuildArch: noarch
AutoReqProv: no
%description
For a measurement.
{packages}
"""
_PACKAGE = "%package -n ball{n}\nSummary: Ball {n}\n%description -n ball{n}\nBall {n}.\n%files -n ball{n}\n"


class Slow(builder_parts.Files):
    """Answers DELAY seconds after it was asked, and not 40 ms later for its small last packet."""

    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        time.sleep(DELAY)
        super().do_GET()


def measure(folder: pathlib.Path) -> dict[str, float]:
    """`fetch_parallel_ratio`: medians of ROUNDS runs each, with an empty cache; ours checks digests and signatures."""
    if not shutil.which("rpmbuild"):
        print("   no figure of fetches: it needs rpmbuild", flush=True)
        return {}
    figures.announce(f"{COUNT} files at {DELAY * 1000:.0f} ms each")
    site = folder / "rpms"
    rpms = _make(folder, site)
    ours, raw = [], []
    with builder_parts.serving(functools.partial(Slow, directory=str(site)), asked=[], breaks=0) as server:
        lock = builder_parts.make_lock(*(builder_parts.locked(rpm, server.url) for rpm in rpms))
        for number in range(ROUNDS):
            ours.append(_ours(folder / f"ours-{number}", lock))
            raw.append(_raw(folder / f"raw-{number}", lock))
    print(figures.spread("ours", ours, "s"))
    print(figures.spread("one by one", raw, "s"), flush=True)
    return {"fetch_parallel_ratio": statistics.median(ours) / statistics.median(raw)}


def _make(folder: pathlib.Path, site: pathlib.Path) -> list[pathlib.Path]:
    top, spec = folder / "rpmbuild", folder / "balls.spec"
    spec.write_text(_SPEC.format(packages="".join(_PACKAGE.format(n=number) for number in range(1, COUNT + 1))))
    builder_parts.run("rpmbuild", "-bb", "--define", f"_topdir {top}", str(spec))
    site.mkdir()
    return sorted(path.rename(site / path.name) for path in top.glob("RPMS/noarch/*.rpm"))


def _ours(folder: pathlib.Path, lock: locks.Lock) -> float:
    attempt = builder_parts.make_attempt(folder, lock)
    began = time.perf_counter()
    files = fetching.fetch(attempt)
    taken = time.perf_counter() - began
    assert len(files) == COUNT and not any(file.from_cache for file in files)
    return taken


def _raw(folder: pathlib.Path, lock: locks.Lock) -> float:
    folder.mkdir()
    began = time.perf_counter()
    with requests.Session() as session:
        for package in lock.packages:
            answer: Any = session.get(package.urls[0], timeout=30)
            answer.raise_for_status()
            (folder / package.filename).write_bytes(answer.content)
    return time.perf_counter() - began
