# SPDX-License-Identifier: MIT
"""Random requests that can be installed, found with bare libsolv, and the bare solve that the check is held against."""

from __future__ import annotations

import functools
import random
import time
from collections.abc import Sequence
from typing import Any

import solv

MOST = 8
"""Packages that a request names at most."""
_POOL = 400
"""Names to draw from, each of which can be installed alone."""


def drawn(pool: Any, count: int, seed: int = 4) -> list[tuple[str, ...]]:
    """`count` requests of 1 to MOST names; each can be installed. Same repository and seed: same requests."""
    dice = random.Random(seed)
    names = sorted({item.name for item in pool.solvables_iter() if item.arch in ("x86_64", "noarch")})
    dice.shuffle(names)
    alone: list[str] = []
    for name in names:
        if len(alone) >= _POOL:
            break
        if solve(pool, [name])[1]:
            alone.append(name)
    found: list[tuple[str, ...]] = []
    while len(found) < count:
        request = tuple(dice.sample(alone, dice.randint(1, MOST)))
        if solve(pool, request)[1]:
            found.append(request)
    return found


def solve(pool: Any, names: Sequence[str]) -> tuple[float, frozenset[str]]:
    """Seconds of a bare solve and its packages, none where there is a problem.

    Timed: names to jobs, the solve without weak dependencies, the transaction and each package's name read from it.
    """
    began = time.perf_counter()
    jobs: list[Any] = []
    for name in names:
        jobs += pool.select(name, solv.Selection.SELECTION_NAME).jobs(solv.Job.SOLVER_INSTALL)
    solver = pool.Solver()
    solver.set_flag(solv.Solver.SOLVER_FLAG_IGNORE_RECOMMENDED, 1)
    if solver.solve(jobs):
        return time.perf_counter() - began, frozenset()
    found = frozenset(f"{s.name}-{s.evr}.{s.arch}" for s in solver.transaction().newsolvables())
    return time.perf_counter() - began, found


def obsoleting(pool: Any, name: str, among: frozenset[str]) -> str | None:
    """The name of one `among` these packages that obsoletes the newest package called `name`."""
    named = pool.select(name, solv.Selection.SELECTION_NAME).solvables()
    newest = max(named, key=functools.cmp_to_key(_order), default=None)
    if newest is None:
        return None
    others = pool.whatmatchessolvable(solv.SOLVABLE_OBSOLETES, newest)
    found: list[str] = [s.name for s in others if f"{s.name}-{s.evr}.{s.arch}" in among and s.name != name]
    return min(found, default=None)


def _order(one: Any, other: Any) -> int:
    return int(one.evrcmp(other))
