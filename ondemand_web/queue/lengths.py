# SPDX-License-Identifier: MIT
"""How long builds of a kind take: the mean of the winning attempts of those that succeeded lately. Only reads."""

from __future__ import annotations

import collections
import statistics
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy import orm

from ondemand.states import State
from ondemand_web.builds.models import Build
from ondemand_web.queue.models import Attempt

RECENT = 500
"""Succeeded builds, the last in the queue's order, that are looked at."""


class Kind(NamedTuple):
    """Builds that take about as long as each other."""

    release: str
    arch: str
    image_type: str
    backend: str | None
    profile: str


def columns() -> tuple[sa.ColumnElement[Any], ...]:
    """A build's kind, as columns in the order of its fields."""
    profile = sa.func.coalesce(Build.request["profile"].as_string(), "test").label("profile")
    return (Build.release.expression, Build.arch.expression, Build.image_type.expression, Build.backend.expression, profile)


def means(session: orm.Session) -> dict[Kind, float]:
    """Seconds for each kind of which a build succeeded lately."""
    # By the index of the queue, which is there anyhow and bounds what is read.
    recent = (
        sa.select(Build.id, Build.winner, *columns())
        .where(Build.state == State.SUCCEEDED, Build.turn.is_not(None))
        .order_by(Build.turn.desc())
        .limit(RECENT)
        .subquery()
    )
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
