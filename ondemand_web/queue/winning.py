# SPDX-License-Identifier: MIT
"""What an attempt needs to win: its four proofs, and exactly the stored files that it names. Only reads."""

from __future__ import annotations

import collections

import sqlalchemy as sa
from sqlalchemy import orm

from ondemand import errors
from ondemand.builds import FinishReport
from ondemand.proofs import ProofKind
from ondemand_web.files.models import ArtifactFile
from ondemand_web.queue.models import Attempt

ONCE = ("image", "manifest")
"""Roles that exactly one artifact has."""


def demand(session: orm.Session, attempt: Attempt, report: FinishReport) -> None:
    """Raises errors.StateConflict unless the attempt may win with this report."""
    cause, remedy = _lack_of_files(session, attempt, report), "store exactly the files that the report names"
    if not cause:
        cause, remedy = _lack_of_proofs(report), "report the failure instead"
    if cause:
        raise errors.StateConflict(
            f"Attempt {attempt.number} of build {attempt.build_id} can't win", cause=cause, remedy=remedy
        )


def _lack_of_files(session: orm.Session, attempt: Attempt, report: FinishReport) -> str:
    rows = session.execute(
        sa.select(ArtifactFile).where(
            ArtifactFile.build_id == attempt.build_id, ArtifactFile.attempt == attempt.number
        )
    ).scalars().all()
    if missing := sorted(row.name for row in rows if row.state != "stored"):
        return f"these of its artifacts are not stored: {', '.join(missing)}"
    stored = sorted((row.name, row.role, row.size, row.sha256) for row in rows)
    if stored != sorted((file.name, file.role, file.size, file.sha256) for file in report.artifacts):
        return "the files that are stored are not those that it names, with their role, size and digest"
    roles = collections.Counter(row.role for row in rows)
    wrong = [f"{roles[role]} artifacts of role {role}" for role in ONCE if roles[role] != 1]
    return f"it has {' and '.join(wrong)} instead of one" if wrong else ""


def _lack_of_proofs(report: FinishReport) -> str:
    held = {proof.kind for proof in report.proofs if proof.held}
    return "" if held == set(ProofKind) else f"of the four proofs only these held: {', '.join(sorted(held)) or 'none'}"
