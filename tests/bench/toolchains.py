# SPDX-License-Identifier: MIT
"""Group toolchains: a build by the service beside bare kiwi-ng, from nothing and from what an earlier build left.

Four ways take turns, as tests/bench/images.py describes two of them: bare kiwi with the flags of profile `test`, bare
kiwi with its own, ours from nothing, ours after a build without one of the wanted builds (its packages are renewed).
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import os
import pathlib
import shutil
import statistics
from collections.abc import Iterator, Mapping

from demo import distribution
from ondemand_consumer import roots
from tests import service_parts
from tests.bench import core, figures, images

TARGETS: Mapping[str, float] = {
    "pipeline_ratio": 1.15,
    "build_test_ratio": 0.4,
    "build_warm_ratio": 0.5,
    "build_warm_test_ratio": 0.2,
    "remaster_ratio": 4,
    "builder_memory_mb": 150,
}
_REMASTER = "tests.bench.toolchains_remaster"
"""Gives `remaster_ratio` where there is a backend for it."""


def measure(folder: pathlib.Path) -> Iterator[dict[str, float]]:
    """All figures of the group."""
    made = distribution.make(core.DEMO)
    yield _kiwi(folder / "images", made)
    if importlib.util.find_spec(_REMASTER):
        (folder / "remaster").mkdir()
        found = importlib.import_module(_REMASTER).measure(folder / "remaster")
        yield dict(found) if isinstance(found, Mapping) else {name: value for some in found for name, value in some.items()}
    (folder / "service").mkdir()
    with service_parts.Running(folder / "service", made, {}) as service:
        yield {"builder_memory_mb": _memory(service)}


def _kiwi(folder: pathlib.Path, made: pathlib.Path) -> dict[str, float]:
    figures.announce(f"{images.ROUNDS} builds each: bare kiwi-ng with our flags and with its own, ours from nothing and renewed")
    folder.mkdir()
    site = folder / "site"
    shutil.copytree(made, site, copy_function=os.link)
    taken: dict[str, list[float]] = {"bare": [], "default": [], "cold": [], "warm": []}
    with contextlib.ExitStack() as stack:
        url = images.served(folder, site, stack)
        cache = folder / "cache"
        images.pipeline(images.make_task(folder, site, url, ("update",)), **_warm(cache))
        earlier = _stored(cache)
        task = images.make_task(folder, site, url)
        images.publish(task)
        for _ in range(images.ROUNDS):
            os.sync()
            taken["bare"].append(images.bare(task))
            os.sync()
            taken["default"].append(images.bare(task, default=True))
            os.sync()
            taken["cold"].append(sum(images.pipeline(task).values()))
            os.sync()
            taken["warm"].append(sum(images.pipeline(task, **_warm(cache)).values()))
            # Else the next one finds this one's root, with nothing to renew.
            for path in _stored(cache) - earlier:
                shutil.rmtree(path)
    for name, seconds in taken.items():
        print(figures.spread(name, seconds, "s"), flush=True)
    return _ratios({name: statistics.median(seconds) for name, seconds in taken.items()})


def _ratios(middle: Mapping[str, float]) -> dict[str, float]:
    """Both of ours beside bare kiwi-ng with the same flags and beside bare kiwi-ng as it is."""
    return {
        "raw_kiwi_s": middle["bare"],
        "raw_kiwi_default_s": middle["default"],
        "pipeline_ratio": middle["cold"] / middle["bare"],
        "build_test_ratio": middle["cold"] / middle["default"],
        "build_warm_ratio": middle["warm"] / middle["bare"],
        "build_warm_test_ratio": middle["warm"] / middle["default"],
    }


def _warm(cache: pathlib.Path) -> dict[str, object]:
    return {"cache": cache, "roots_limit": 20 * 1024**3}


def _stored(cache: pathlib.Path) -> set[pathlib.Path]:
    return {path.parent for path in (cache / roots.FOLDER).glob("*/*/about.json")}


def _memory(service: service_parts.Running) -> float:
    """The most that a builder's own process had in memory after two builds, of which the second takes over from the first."""
    figures.announce("the builder's memory over two builds")
    node = service.add_node("memory")
    for _ in range(2):
        service.succeeded(service.submit(**service_parts.wanted(title="Memory")))
    status = pathlib.Path(f"/proc/{node.builder.pid}/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM:")) / 1024
