# SPDX-License-Identifier: MIT
"""The fence: an attempt by its number, and whether it is still its builder's. Changes nothing."""

from __future__ import annotations

from sqlalchemy import orm

from ondemand import errors
from ondemand_web.database import LOCK
from ondemand_web.queue.models import Attempt


def running(session: orm.Session, builder: str, build_id: int, number: int, *, locked: bool = False) -> Attempt:
    """The attempt, if it runs and is this builder's; `locked` for who writes. Raises errors.LeaseLost otherwise."""
    return demand_running(known(session, build_id, number, locked), builder, build_id, number)


def known(session: orm.Session, build_id: int, number: int, locked: bool) -> Attempt | None:
    """The attempt, whatever became of it; `locked` for who writes."""
    return session.get(Attempt, (build_id, number), with_for_update=LOCK if locked else None)


def demand_running(attempt: Attempt | None, builder: str, build_id: int, number: int) -> Attempt:
    """The attempt; raises errors.LeaseLost unless it runs and is this builder's."""
    if attempt is None or attempt.builder != builder or attempt.ended_at is not None:
        raise errors.LeaseLost(
            f"Attempt {number} of build {build_id} is not yours any more",
            cause="its lease passed, or it has ended",
            remedy="throw its work away and claim anew",
        )
    return attempt
