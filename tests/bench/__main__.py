# SPDX-License-Identifier: MIT
"""`make bench`: runs the groups of benchmarks and writes build/bench.json. A missed target is shown, never an error."""

from __future__ import annotations

import argparse
import contextlib
import pathlib
import signal
import sys
from collections.abc import Iterator, Mapping
from typing import Protocol

from demo import processes
from ondemand import errors
from ondemand_consumer import sweeper
from tests.bench import bus, core, figures, packages, toolchains

BUILD = pathlib.Path(__file__).resolve().parents[2] / "build"


class Group(Protocol):
    """A module of benchmarks; `TARGETS` says what a figure may be at most."""

    TARGETS: Mapping[str, float]

    def measure(self, folder: pathlib.Path) -> Iterator[dict[str, float]]:
        """Gives figures as soon as they are known; `folder` is empty and the group's own."""


EARLY = (AssertionError, processes.DemoError, errors.OndemandError, OSError, TimeoutError)
"""What ends a group without being an error of the benchmarks: a part of the service that does not start says the first."""
GROUPS: dict[str, Group] = {"bus": bus, "core": core, "packages": packages, "toolchains": toolchains}


def main() -> int:
    """Runs what was asked for; the exit status says only whether everything could be measured."""
    parser = argparse.ArgumentParser(prog="bench", description="Measure the service on this machine.")
    parser.add_argument("--only", choices=sorted(GROUPS), help="run one group")
    only = parser.parse_args().only
    # Else a TERM would leave the service behind.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    found: dict[str, float] = {}
    targets: dict[str, float] = {}
    good = True
    for name in [only] if only else sorted(GROUPS):
        print(f"== {name}", flush=True)
        targets.update(GROUPS[name].TARGETS)
        mine: dict[str, float] = {}
        try:
            with own_folder(BUILD / "bench" / name) as folder:
                for some in GROUPS[name].measure(folder):
                    mine.update(some)
            # Not before: figures of two runs of a group must not stand side by side.
            figures.merge(BUILD / "bench.json", mine)
        except EARLY as error:
            print(f"bench: group {name} ended early: {figures.sentence(error)}", file=sys.stderr)
            good = False
        found.update(mine)
    print("\n" + "\n".join(figures.table(found, targets)), flush=True)
    return 0 if good else 1


@contextlib.contextmanager
def own_folder(folder: pathlib.Path) -> Iterator[pathlib.Path]:
    """An empty folder, removed when all went well; what failed stays to be looked at."""
    # Never plain rmtree: a run that was killed may have left /dev mounted in there.
    sweeper.sweep(folder)
    folder.mkdir(parents=True, exist_ok=True)
    yield folder
    sweeper.sweep(folder)


if __name__ == "__main__":
    sys.exit(main())
