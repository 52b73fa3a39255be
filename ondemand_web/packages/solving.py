# SPDX-License-Identifier: MIT
"""The solve: requested names plus wanted builds become the exact set of packages, or every reason why not.

Pure over a universe: no network, no database.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterable, Iterator, Sequence, Set
from typing import Any

import solv

from ondemand import errors, locks
from ondemand_web.packages import explaining
from ondemand_web.packages.universe import Found, Nevra, Universe

_EXACT = (
    solv.Selection.SELECTION_NAME
    | solv.Selection.SELECTION_DOTARCH
    | solv.Selection.SELECTION_CANON
    | solv.Selection.SELECTION_GLOB
)
_RELATION = solv.Selection.SELECTION_NAME | solv.Selection.SELECTION_REL
_LOOSE = solv.Selection.SELECTION_PROVIDES | solv.Selection.SELECTION_FILELIST | solv.Selection.SELECTION_GLOB

GUESSED = 300
"""Names up to which what was meant by an unknown one is guessed."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class WantedBuild:
    """A build that the request names, with the packages it has for the architecture; one must be in if `required`."""

    reference: str
    nvr: str
    packages: tuple[Nevra, ...]
    required: bool = True


@dataclasses.dataclass(frozen=True, kw_only=True)
class Question:
    """What to solve. `packages` must be found; `members` of groups are left out where nobody has them.

    `recommends`: with weak dependencies. `multilib`: each name for every architecture of its newest version.
    """

    packages: tuple[str, ...]
    members: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()
    wanted: tuple[WantedBuild, ...] = ()
    recommends: bool = False
    multilib: bool = False


@dataclasses.dataclass(frozen=True, kw_only=True)
class Answer:
    """The exact set, sorted by name. `missing` are group members that no repository has."""

    packages: tuple[Found, ...]
    missing: tuple[str, ...]
    warnings: tuple[str, ...]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Asked:
    """A question in libsolv's words: install jobs, a sentence for each unknown name, and the members that nobody has."""

    jobs: tuple[Any, ...]
    unknown: tuple[str, ...]
    missing: tuple[str, ...]


class NeedsFilelists(Exception):
    """A package needs a file that only the repositories' filelists can name."""


def solve(universe: Universe, question: Question) -> Answer:
    """The packages; raises errors.Unsolvable, errors.UnknownReference (every reason) or NeedsFilelists."""
    asked = ask(universe, question)
    run = solver(universe, question)
    problems = run.solve(list(asked.jobs))
    look_for_files(universe, problems)
    reasons = [*asked.unknown, *explaining.reasons(problems, question.wanted)]
    if reasons:
        raise refusal(reasons, only_unknown=not problems)
    chosen = universe.chosen(run)
    return Answer(
        packages=tuple(chosen), missing=asked.missing, warnings=tuple(downgrades(universe.pool, chosen, question))
    )


def ask(universe: Universe, question: Question) -> Asked:
    """The question as jobs, with the universe left as the question allows; raises NeedsFilelists."""
    pool = universe.pool
    _restrict(universe, question)
    jobs, unknown = _jobs(pool, question.packages, multilib=question.multilib)
    members = [name for name in question.members if name not in question.excluded]
    more, missing = _jobs(pool, members, multilib=question.multilib)
    if unknown and not universe.complete and any(name.startswith("/") for name in unknown):
        raise NeedsFilelists
    reasons = tuple(_unknown(pool, name, question) for name in unknown)
    return Asked(jobs=(*jobs, *more), unknown=reasons, missing=tuple(missing))


def solver(universe: Universe, question: Question) -> Any:
    """A solver that treats weak dependencies as the question says."""
    made = universe.pool.Solver()
    made.set_flag(solv.Solver.SOLVER_FLAG_IGNORE_RECOMMENDED, int(not question.recommends))
    return made


def look_for_files(universe: Universe, problems: Sequence[Any]) -> None:
    """Raises NeedsFilelists when the problems are about a file that filelists may still name."""
    if problems and not universe.complete and explaining.wants_file(problems):
        raise NeedsFilelists


def _restrict(universe: Universe, question: Question) -> None:
    """Leaves what the request allows: a wanted name at its wanted version only, nothing excluded."""
    if not question.wanted and not question.excluded:
        universe.allow_all()
        return
    wanted: dict[str, set[Nevra]] = {}
    for build in question.wanted:
        for nevra in build.packages:
            wanted.setdefault(nevra[0], set()).add(nevra)
    ruled_out = {item.id for item in _named(universe.pool, question.excluded).solvables()}
    for item in _named(universe.pool, wanted).solvables():
        nevra = (item.name, item.evr, item.arch)
        # A request's own repository may hold other bytes under the name of a wanted build.
        own = str(item.repo.name).startswith(locks.EXTRA)
        if item.name in wanted and (own or nevra not in wanted[item.name]):
            ruled_out.add(item.id)
    universe.rule_out(ruled_out)


def _named(pool: Any, names: Iterable[str]) -> Any:
    selection = pool.Selection()
    for name in names:
        selection.add(pool.select(name, _EXACT))
    return selection


def _jobs(pool: Any, names: Iterable[str], *, multilib: bool) -> tuple[list[Any], list[str]]:
    """Install jobs, and the names that match nothing. A glob asks for every name that it matches."""
    jobs: list[Any] = []
    unknown = []
    for name in sorted(set(names)):
        selection = pool.select(name, _EXACT)
        exact = not selection.isempty()
        if not exact:
            # `name >= version` comes from an installer's template; no name holds a space.
            selection = pool.select(name, _RELATION if " " in name else _LOOSE)
        if selection.isempty():
            unknown.append(name)
        elif multilib and exact:
            jobs += _each_architecture(pool, selection.solvables())
        elif "*" in name or "?" in name:
            for each in sorted({item.name for item in selection.solvables()}):
                jobs += pool.select(each, solv.Selection.SELECTION_NAME).jobs(solv.Job.SOLVER_INSTALL)
        else:
            jobs += selection.jobs(solv.Job.SOLVER_INSTALL)
    return jobs, unknown


def _each_architecture(pool: Any, solvables: Iterable[Any]) -> Iterator[Any]:
    """Jobs for each of the names, for every architecture for which its newest version can be had."""
    named: dict[str, list[Any]] = {}
    for item in solvables:
        named.setdefault(item.name, []).append(item)
    for name, items in sorted(named.items()):
        newest = max(items, key=functools.cmp_to_key(_compare))
        for arch in sorted({item.arch for item in items if item.evrcmp(newest) == 0}):
            kind = solv.Selection.SELECTION_NAME | solv.Selection.SELECTION_DOTARCH
            yield from pool.select(f"{name}.{arch}", kind).jobs(solv.Job.SOLVER_INSTALL)


def _unknown(pool: Any, name: str, question: Question) -> str:
    flags = _EXACT | solv.Selection.SELECTION_WITH_DISABLED | solv.Selection.SELECTION_WITH_BADARCH
    hidden = sorted({explaining.nevra(item) for item in pool.select(name, flags).solvables()})
    if hidden and name in question.excluded:
        return f"«{name}» is asked for and excluded at once; leave one of the two out"
    if hidden:
        only = ", ".join(hidden[:4])
        return f"«{name}» can't be had: this request or architecture rules out the only one, {only}"
    # To compare thousands of names with tens of thousands would take hours.
    near = explaining.near(name, explaining.alike(pool, name)) if len(question.packages) <= GUESSED else []
    offer = f"; near it: {', '.join(near)}" if near else ""
    return f"There is no package «{name}» in the release's repositories or the wanted builds{offer}"


def refusal(reasons: list[str], *, only_unknown: bool) -> errors.RequestError:
    """One error with all the reasons."""
    kind = errors.UnknownReference if only_unknown else errors.Unsolvable
    return kind(_first(reasons), remedy="change the request as the reasons say and send it again", details=tuple(reasons))


def _first(reasons: Sequence[str]) -> str:
    return reasons[0] + (f" (and {len(reasons) - 1} more)" if len(reasons) > 1 else "")


def absent(present: Set[Nevra], wanted: Sequence[WantedBuild]) -> errors.Unsolvable | None:
    """A refusal with a sentence for every wanted build of which nothing is present; None without one."""
    if not wanted:
        return None
    reasons, missing = [], []
    for build in wanted:
        if build.required and present.isdisjoint(build.packages):
            missing.append(build.nvr)
            names = sorted({name for name, _, _ in build.packages})
            which = names[0] if len(names) == 1 else "one of " + ", ".join(names[:8])
            reasons.append(
                f"{build.nvr} is not in this image: nothing depends on it; add {which} to add_packages to install it"
            )
    if not reasons:
        return None
    refusal = errors.Unsolvable(_first(reasons), details=tuple(reasons))
    refusal.absent = tuple(missing)
    return refusal


def downgrades(pool: Any, chosen: list[Found], question: Question) -> Iterable[str]:
    """A sentence for every chosen package that is older than what the release has."""
    names = {nevra[0] for build in question.wanted for nevra in build.packages}
    if not names:
        return
    flags = solv.Selection.SELECTION_NAME | solv.Selection.SELECTION_WITH_DISABLED
    for item in chosen:
        if item.name not in names:
            continue
        stable = [s for s in pool.select(item.name, flags).solvables() if s.repo.name != locks.SIDE_REPOSITORY]
        mine = next(s for s in pool.select(item.name, flags).solvables() if (s.name, s.evr, s.arch) == item.nevra)
        newest = max(stable, key=functools.cmp_to_key(_compare), default=None)
        if newest is not None and newest.evrcmp(mine) > 0:
            yield f"{item.name} goes down to {item.nevra[1]} as wanted; the release has {newest.evr}"


def _compare(one: Any, other: Any) -> int:
    return int(one.evrcmp(other))
