# SPDX-License-Identifier: MIT
"""A DVD's package tree: everything that can be chosen from it, closed over what that needs.

The packages of a tree need not fit into one system: a set that can't be is solved in parts. Pure over a universe.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import solv

from ondemand_web.packages import explaining, solving
from ondemand_web.packages.universe import Universe

ROUNDS = 50
"""Solves that one tree may take; each takes in all that fits together."""


def close(universe: Universe, question: solving.Question) -> solving.Answer:
    """The question's packages and members, each with all that it needs beside it.

    Raises errors.Unsolvable or errors.UnknownReference with every reason, and solving.NeedsFilelists.
    """
    asked = solving.ask(universe, question)
    rest, why = list(asked.jobs), []
    taken: dict[int, Any] = {}
    for _ in range(ROUNDS):
        if not rest:
            break
        chosen = {item.id: item for item in _fitting(universe, rest, question)}
        left = [job for job in rest if not any(item.id in chosen for item in job.solvables())]
        if len(left) == len(rest):
            why = _why_not(universe, left, question)
            break
        taken |= chosen
        rest = left
    if reasons := [*asked.unknown, *why]:
        raise solving.refusal(reasons, only_unknown=not why)
    found = sorted((universe.found(item) for item in taken.values()), key=lambda each: each.nevra)
    return solving.Answer(
        packages=tuple(found),
        missing=asked.missing,
        warnings=tuple(solving.downgrades(universe.pool, found, question)),
    )


def _fitting(universe: Universe, jobs: Sequence[Any], question: solving.Question) -> list[Any]:
    """The largest set that libsolv finds with as many of the jobs as fit together."""
    weak = [universe.pool.Job(job.how | solv.Job.SOLVER_WEAK, job.what) for job in jobs]
    solver = solving.solver(universe, question)
    return [] if solver.solve(weak) else list(solver.transaction().newsolvables())


def _why_not(universe: Universe, jobs: Sequence[Any], question: solving.Question) -> list[str]:
    """The reasons against each job by itself; raises solving.NeedsFilelists."""
    reasons: list[str] = []
    for job in jobs:
        # The problems live in their solver: without a name of its own it would be gone.
        solver = solving.solver(universe, question)
        problems = solver.solve([job])
        solving.look_for_files(universe, problems)
        reasons += explaining.reasons(problems, question.wanted)
    return list(dict.fromkeys(reasons))[: explaining.LIMIT]
