# SPDX-License-Identifier: MIT
"""libsolv's problems in words: which package needs what, who would provide it, what stands against it."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from typing import Any

import solv

from ondemand import locks

LIMIT = 20
"""Sentences that one refusal holds at most."""


def nevra(solvable: Any) -> str:
    """`name-[epoch:]version-release.arch`."""
    return f"{solvable.name}-{solvable.evr}.{solvable.arch}"


def alike(pool: Any, name: str) -> set[str]:
    """Names that begin as this one does."""
    flags = solv.Selection.SELECTION_NAME | solv.Selection.SELECTION_GLOB
    return {item.name for item in pool.select(f"{name[:2]}*", flags).solvables()}


def near(name: str, known: Iterable[str]) -> list[str]:
    """Which of them may have been meant, the nearest first; takes its time where there are many."""
    return difflib.get_close_matches(name, known, n=3, cutoff=0.7)


def wants_file(problems: Iterable[Any]) -> bool:
    """Whether a problem is about a file that nobody is known to have."""
    return any(
        info.type == solv.Solver.SOLVER_RULE_PKG_NOTHING_PROVIDES_DEP and str(info.dep).startswith("/")
        for info in _infos(problems)
    )


def reasons(problems: Iterable[Any], wanted: Iterable[Any]) -> list[str]:
    """A sentence (without its full stop) for each rule against the set, the most telling first."""
    builds = {package: build.nvr for build in wanted for package in build.packages}
    ranked: dict[str, int] = {}
    for info in _infos(problems):
        if said := _sentence(info, builds):
            ranked.setdefault(said[1], said[0])
    return sorted(ranked, key=lambda text: ranked[text])[:LIMIT]


def _infos(problems: Iterable[Any]) -> Iterator[Any]:
    for problem in problems:
        for rule in problem.findallproblemrules():
            yield from rule.allinfos()


def _sentence(info: Any, builds: dict[Any, str]) -> tuple[int, str] | None:
    """Rank (lower is more telling) and sentence; None for a rule that tells nothing."""
    rules, kind = solv.Solver, info.type
    one, other = info.solvable, info.othersolvable
    if kind == rules.SOLVER_RULE_PKG_NOTHING_PROVIDES_DEP:
        return 0, f"{_name(one, builds)} needs {info.dep}{_providers(info, builds)}"
    if kind in (rules.SOLVER_RULE_PKG_CONFLICTS, rules.SOLVER_RULE_PKG_SELF_CONFLICT) and other is not None:
        return 1, f"{_name(one, builds)} conflicts with {_name(other, builds)} ({info.dep})"
    if kind in (rules.SOLVER_RULE_PKG_OBSOLETES, rules.SOLVER_RULE_PKG_IMPLICIT_OBSOLETES) and other is not None:
        return 1, f"{_name(one, builds)} obsoletes {_name(other, builds)} ({info.dep})"
    if kind == rules.SOLVER_RULE_PKG_SAME_NAME and other is not None:
        return 2, f"{_name(one, builds)} and {_name(other, builds)} can't both be installed"
    if kind == rules.SOLVER_RULE_PKG_REQUIRES:
        return 3, f"{_name(one, builds)} needs {info.dep}{_providers(info, builds)}"
    if kind == rules.SOLVER_RULE_PKG_NOT_INSTALLABLE:
        return 4, f"{_name(one, builds)} is ruled out by this request or is for another architecture"
    if kind in (rules.SOLVER_RULE_JOB, rules.SOLVER_RULE_PKG):
        return None
    return 5, str(info.problemstr())


def _name(solvable: Any, builds: dict[Any, str]) -> str:
    text = nevra(solvable)
    build = builds.get((solvable.name, solvable.evr, solvable.arch))
    if build:
        return f"{text} (of the wanted build {build})"
    return text if solvable.repo.name == locks.SIDE_REPOSITORY else f"{text} (of {solvable.repo.name})"


def _providers(info: Any, builds: dict[Any, str]) -> str:
    """Who provides a dependency, or who would, were it not ruled out."""
    pool = info.solvable.pool
    ruled_out = set(pool.get_disabled_list())
    providers = list(pool.whatprovides(info.dep))
    alive = sorted({nevra(item) for item in providers if item.id not in ruled_out})
    if alive:
        return f" (from {' or '.join(alive[:3])})"
    if not providers:
        return ", which no package provides"
    names = {item.name for item in providers}
    here = sorted({f"{key[0]} of {build}" for key, build in builds.items() if key[0] in names})
    reason = f", since it wants {', '.join(here[:3])}" if here else ""
    hidden = " or ".join(sorted({nevra(item) for item in providers})[:3])
    return f", which only {hidden} would provide, and this request rules that out{reason}"
