# SPDX-License-Identifier: MIT
"""Turns rows into the records that the API gives. They hold mail addresses: `seen_by` is what goes out."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

from ondemand import comparisons, differences
from ondemand.build_requests import BuildRequest
from ondemand.builds import ArtifactRecord, AttemptRecord, BuildRecord, CheckRecord, Failure, StepRecord
from ondemand.comparisons import Comparison
from ondemand.states import State, Step
from ondemand_web.builds import services as builds
from ondemand_web.builds import summaries
from ondemand_web.builds.checks import Checked
from ondemand_web.builds.models import Build
from ondemand_web.events import services as events
from ondemand_web.files.models import ArtifactFile
from ondemand_web.files.services import Files
from ondemand_web.queue import running, waiting
from ondemand_web.queue.models import Attempt, AttemptStep
from ondemand_web.service import Service


def full(session: orm.Session, build: Build, here: Service, *, waits: bool = True, tries: bool = True) -> BuildRecord:
    """Everything known of one build; `waits`: what a queued one waits for, too, which changes all the time; `tries`:
    its attempts and what was given up, which no message tells."""
    of_build = sa.select(Attempt).where(Attempt.build_id == build.id).order_by(Attempt.number)
    attempts = list(session.execute(of_build).scalars()) if tries else []
    said = here.summaries.of(session, build.id)
    last = attempts[-1] if attempts else None
    head = _head(build, here.settings.master.url)
    if waits and build.state == State.QUEUED:
        known = waiting.explain(session, build, here.settings.queue)
        head |= {"waiting": known.reason, "position": known.position, "estimated_start": known.estimated_start}
    if waits and last is not None and build.state == State.BUILDING and last.ended_at is None:
        head["progress"] = running.progress(session, build, last)
    return BuildRecord(
        **head,
        **vars(said),
        attempts=tuple(_attempt(session, row, here.files) for row in attempts),
        proofs=tuple((last.proofs or []) if last else []),
        artifacts=tuple(_artifacts(session, build)),
        parked=tuple(events.parked(session, build.id)) if tries else (),
    )


def comparison(session: orm.Session, old: int, new: int, here: Service) -> Comparison:
    """Two builds side by side; raises errors.UnknownBuild where one has no lock."""
    packages = differences.between(builds.locked(session, old), builds.locked(session, new))
    before, after = (full(session, builds.get(session, number), here, waits=False) for number in (old, new))
    return comparisons.between(before, after, packages)


def of_check(found: Checked) -> CheckRecord:
    """What a check found."""
    lock, said = found.lock, summaries.summary(found.lock)
    return CheckRecord(
        backend=found.backend,
        packages=said.packages,
        side=said.side,
        download_size=lock.fetched_size,
        installed_size=lock.installed_size,
        disk=found.disk,
        wanted=said.wanted,
        warnings=said.warnings,
        snapshot=lock.snapshot,
        preset=said.preset,
    )


def brief(build: Build, url: str) -> BuildRecord:
    """What a list shows of a build."""
    return BuildRecord(**_head(build, url))


def seen_by(viewer: str | None, record: BuildRecord) -> BuildRecord:
    """What `viewer` may see of it: mail addresses are shown to the owner alone; None is anybody."""
    return record if viewer == record.owner else record.without_addresses()


def _head(build: Build, url: str) -> dict[str, Any]:
    return {
        "id": build.id,
        "state": build.state,
        "owner": build.owner,
        "request": BuildRequest.model_validate(build.request),
        "page": f"{url.rstrip('/')}/builds/{build.id}",
        "backend": build.backend,
        "created_at": build.created_at,
        "changed_at": build.changed_at,
        "ended_at": build.ended_at,
        "canceled_by": build.canceled_by,
        "rebuild_of": build.rebuild_of,
        "same_lock": build.same_lock,
        "waiting": build.waiting,
        "error": Failure.model_validate(build.error) if build.error else None,
    }


def _attempt(session: orm.Session, row: Attempt, files: Files) -> AttemptRecord:
    steps = {
        step.step: step
        for step in session.execute(
            sa.select(AttemptStep).where(AttemptStep.build_id == row.build_id, AttemptStep.attempt == row.number)
        ).scalars()
    }
    return AttemptRecord(
        number=row.number,
        builder=row.builder,
        started_at=row.started_at,
        ended_at=row.ended_at,
        outcome=row.outcome,
        error=Failure.model_validate(row.error) if row.error else None,
        steps=tuple(_step(steps[step], files) for step in Step if step in steps),
    )


def _step(row: AttemptStep, files: Files) -> StepRecord:
    path = files.log(row.build_id, row.attempt, Step(row.step))
    return StepRecord(
        step=Step(row.step),
        state=row.state,
        started_at=row.started_at,
        ended_at=row.ended_at,
        log_size=path.stat().st_size if path.exists() else 0,
    )


def _artifacts(session: orm.Session, build: Build) -> list[ArtifactRecord]:
    if build.shown is None:
        return []
    rows = session.execute(
        sa.select(ArtifactFile)
        .where(ArtifactFile.build_id == build.id, ArtifactFile.attempt == build.shown)
        .order_by(ArtifactFile.role != "image", ArtifactFile.name)
    ).scalars()
    return [
        ArtifactRecord(name=row.name, role=row.role, size=row.size, sha256=row.sha256, url=row.url or "")
        for row in rows
    ]
