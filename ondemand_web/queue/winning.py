# SPDX-License-Identifier: MIT
"""What an attempt needs to win: its four proofs, exactly the stored files that it names; and what else is shown. Only reads."""

from __future__ import annotations

import collections
from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy import orm

from ondemand import errors
from ondemand.builds import FinishReport
from ondemand.proofs import ProofKind
from ondemand_web.files.models import ArtifactFile
from ondemand_web.queue.models import Attempt

ONCE = ("image", "manifest")
"""Roles that exactly one artifact has."""
_FILES = sa.select(ArtifactFile).where(
    ArtifactFile.build_id == sa.bindparam("build"), ArtifactFile.attempt == sa.bindparam("number")
)


def demand(session: orm.Session, attempt: Attempt, report: FinishReport) -> None:
    """Raises errors.StateConflict unless the attempt may win with this report."""
    cause, remedy = _lack_of_files(session, attempt, report), "store exactly the files that the report names"
    if not cause:
        cause, remedy = _lack_of_proofs(report), "report the failure instead"
    if cause:
        raise errors.StateConflict(
            f"Attempt {attempt.number} of build {attempt.build_id} can't win", cause=cause, remedy=remedy
        )


def picture(session: orm.Session, attempt: Attempt) -> int | None:
    """The attempt's number if all that it left is a stored screenshot, which is worth a look."""
    left = [(row.role, row.state) for row in _files(session, attempt)]
    return attempt.number if left == [("screenshot", "stored")] else None


def _files(session: orm.Session, attempt: Attempt) -> Sequence[ArtifactFile]:
    of_attempt = {"build": attempt.build_id, "number": attempt.number}
    return session.execute(_FILES, of_attempt).scalars().all()


def _lack_of_files(session: orm.Session, attempt: Attempt, report: FinishReport) -> str:
    rows = _files(session, attempt)
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
