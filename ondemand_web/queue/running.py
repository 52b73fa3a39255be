# SPDX-License-Identifier: MIT
"""How far a running build is, as its builder said last, and about how long it will go on. Only reads."""

from __future__ import annotations

import datetime
from collections.abc import Mapping

import sqlalchemy as sa
from sqlalchemy import orm

from ondemand.builds import Progress, ProgressRecord
from ondemand.states import Step
from ondemand_web.builds.models import Build
from ondemand_web.database import clock
from ondemand_web.queue import lengths
from ondemand_web.queue.models import Attempt, AttemptStep

_OVERDUE = 0.1
"""The part of its mean length that a step which takes longer is thought to go on."""


def progress(session: orm.Session, build: Build, attempt: Attempt) -> ProgressRecord | None:
    """None before the first step. A step that began after the last beat is shown without a word of its own."""
    row = session.execute(
        sa.select(AttemptStep)
        .where(AttemptStep.build_id == build.id, AttemptStep.attempt == attempt.number)
        .order_by(AttemptStep.started_at.desc())
        .limit(1)
    ).scalar_one_or_none()
    if row is None:
        return None
    step = Step(row.step)
    told = Progress.model_validate(attempt.progress) if attempt.progress else Progress(step=step)
    if told.step is not step:
        told = Progress(step=step)
    since = (clock(session) - row.started_at) / datetime.timedelta(seconds=1)
    left = remaining(lengths.of_steps(session, lengths.of(build)), step, since, told.fraction)
    return ProgressRecord(**told.model_dump(), remaining=left)


def remaining(means: Mapping[Step, float], step: Step, since: float, fraction: float | None) -> float | None:
    """Seconds to the end of the last step; None where the lengths are not known."""
    steps = list(Step)
    later = steps[steps.index(step) + 1 :]
    if step not in means:
        return None
    mean = means[step]
    own = mean * (1 - fraction) if fraction else mean - since
    return round(max(own, mean * _OVERDUE) + sum(means.get(each, 0.0) for each in later), 1)
