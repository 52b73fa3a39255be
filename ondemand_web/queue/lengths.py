# SPDX-License-Identifier: MIT
"""How long builds of a kind take, and each of their steps: the mean of the winning attempts of late. Only reads."""

from __future__ import annotations

import collections
import statistics
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy import orm

from ondemand.states import State, Step
from ondemand_web.builds.models import Build
from ondemand_web.queue.models import Attempt, AttemptStep

RECENT = 500
"""Succeeded builds, the last in the queue's order, that are looked at."""


class Kind(NamedTuple):
    """Builds that take about as long as each other."""

    release: str
    arch: str
    image_type: str
    backend: str | None
    profile: str


def of(build: Build) -> Kind:
    """The build's kind."""
    return Kind(build.release, build.arch, build.image_type, build.backend, build.request.get("profile") or "test")


def columns() -> tuple[sa.ColumnElement[Any], ...]:
    """A build's kind, as columns in the order of its fields."""
    profile = sa.func.coalesce(Build.request["profile"].as_string(), "test").label("profile")
    return (Build.release.expression, Build.arch.expression, Build.image_type.expression, Build.backend.expression, profile)


def of_steps(session: orm.Session, kind: Kind) -> dict[Step, float]:
    """Seconds that each step of builds of that kind took; empty where none succeeded lately."""
    recent = _recent()
    alike = [recent.c[name] == value for name, value in kind._asdict().items()]
    rows = session.execute(
        sa.select(AttemptStep.step, AttemptStep.started_at, AttemptStep.ended_at)
        .join_from(recent, AttemptStep, sa.and_(AttemptStep.build_id == recent.c.id, AttemptStep.attempt == recent.c.winner))
        .where(*alike)
    )
    found: dict[Step, list[float]] = collections.defaultdict(list)
    for step, began, ended in rows:
        if ended is not None:
            found[Step(step)].append((ended - began).total_seconds())
    return {step: statistics.fmean(seconds) for step, seconds in found.items()}


def means(session: orm.Session) -> dict[Kind, float]:
    """Seconds for each kind of which a build succeeded lately."""
    recent = _recent()
    kind = (recent.c.release, recent.c.arch, recent.c.image_type, recent.c.backend, recent.c.profile)
    rows = session.execute(
        sa.select(Attempt.started_at, Attempt.ended_at, *kind).join_from(
            recent, Attempt, sa.and_(Attempt.build_id == recent.c.id, Attempt.number == recent.c.winner)
        )
    )
    found: dict[Kind, list[float]] = collections.defaultdict(list)
    for began, ended, *of in rows:
        if ended is not None:
            found[Kind(*of)].append((ended - began).total_seconds())
    return {of: statistics.fmean(seconds) for of, seconds in found.items()}


def _recent() -> sa.Subquery:
    """By the index of the queue, which is there anyhow and bounds what is read."""
    return (
        sa.select(Build.id, Build.winner, *columns())
        .where(Build.state == State.SUCCEEDED, Build.turn.is_not(None))
        .order_by(Build.turn.desc())
        .limit(RECENT)
        .subquery()
    )
