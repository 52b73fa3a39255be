# SPDX-License-Identifier: MIT
"""What became of a message of the bus: wishes, the decisions that rules make of them, rules. Records only."""

from __future__ import annotations

import datetime
import enum

import pydantic

from ondemand.build_requests import ImageType
from ondemand.builds import Record
from ondemand.facts import Facts

REPLAY = 1000
"""Facts that one replay may hold."""


class DecisionState(enum.StrEnum):
    """What one rule makes of one wish for one image."""

    WAITING = "waiting"
    """For further edits, signatures, the cap or the end of a pause; the reason says which."""
    ORDERED = "ordered"
    """A build was made for it."""
    JOINED = "joined"
    """An earlier build has the same content."""
    SUPERSEDED = "superseded"
    """Something newer took its place."""
    SKIPPED = "skipped"
    """No rule wants it, or the image doesn't hold it."""
    CANCELED = "canceled"
    """It was withdrawn, or waited too long."""
    REFUSED = "refused"
    """No request can be made of it."""


TRANSITIONS: dict[DecisionState, frozenset[DecisionState]] = {
    DecisionState.WAITING: frozenset(DecisionState) - {DecisionState.WAITING},
    DecisionState.ORDERED: frozenset({DecisionState.CANCELED}),
    DecisionState.JOINED: frozenset({DecisionState.CANCELED}),
    DecisionState.SUPERSEDED: frozenset(),
    DecisionState.SKIPPED: frozenset(),
    DecisionState.CANCELED: frozenset(),
    DecisionState.REFUSED: frozenset(),
}


class DecisionRecord(Record):
    """One decision. `rule` and the image are null where no rule was concerned; `ripe_at` ends the lull.

    In a replay `build_id` counts the builds that would be made.
    """

    rule: str | None = None
    release: str | None = None
    image_type: ImageType | None = None
    arch: str | None = None
    state: DecisionState
    reason: str
    build_id: int | None = None
    ripe_at: datetime.datetime | None = None
    since: datetime.datetime


class WishRecord(Record):
    """One message with its decisions; `note` says what it did besides, `decided_at` is null until the rules saw it."""

    id: int
    page: str
    facts: Facts
    received_at: datetime.datetime
    decided_at: datetime.datetime | None = None
    note: str | None = None
    decisions: tuple[DecisionRecord, ...] = ()


class RuleRecord(Record):
    """A rule as it stands now: builds ordered in the last hour by release, and decisions that wait."""

    name: str
    enabled: bool
    owner: str
    releases: tuple[str, ...]
    image_types: tuple[ImageType, ...]
    arches: tuple[str, ...]
    hourly_cap: int
    ordered: dict[str, int] = pydantic.Field(default_factory=dict)
    waiting: int = 0
    paused_by: str | None = None
    paused_at: datetime.datetime | None = None


class ReplayRequest(pydantic.BaseModel, frozen=True, extra="forbid"):
    """Facts to judge as if they came now, each at its own time."""

    facts: tuple[Facts, ...] = pydantic.Field(max_length=REPLAY)


class ReplayedWish(Record):
    """What would become of one message."""

    message_id: str
    subject: str
    note: str | None = None
    decisions: tuple[DecisionRecord, ...] = ()
