# SPDX-License-Identifier: MIT
"""The states of a build and of an attempt, with the table of allowed transitions. No I/O."""

from __future__ import annotations

import enum
from collections.abc import Mapping


class State(enum.StrEnum):
    """Where a build stands."""

    RECEIVED = "received"
    """Stored with an id; not yet checked."""
    REFUSED = "refused"
    """The check found reasons why it can't work; final."""
    QUEUED = "queued"
    """Locked and waiting for a builder."""
    BUILDING = "building"
    """An attempt holds the lease."""
    SUCCEEDED = "succeeded"
    """All proofs held and the artifacts are published; final."""
    FAILED = "failed"
    """No attempt is left, or the failure would come again; final."""
    CANCELED = "canceled"
    """Somebody ended it; final."""

    @property
    def final(self) -> bool:
        """Whether nothing follows."""
        return not TRANSITIONS[self]


TRANSITIONS: Mapping[State, frozenset[State]] = {
    State.RECEIVED: frozenset({State.REFUSED, State.QUEUED, State.CANCELED}),
    State.QUEUED: frozenset({State.BUILDING, State.CANCELED}),
    State.BUILDING: frozenset({State.QUEUED, State.SUCCEEDED, State.FAILED, State.CANCELED}),
    State.REFUSED: frozenset(),
    State.SUCCEEDED: frozenset(),
    State.FAILED: frozenset(),
    State.CANCELED: frozenset(),
}


class Outcome(enum.StrEnum):
    """How an attempt ended; a running one has none."""

    SUCCEEDED = "succeeded"
    """It won: its manifest is the build's."""
    FAILED = "failed"
    """A step failed; the error says where."""
    LOST = "lost"
    """The lease passed without a beat, or the builder started anew."""
    CANCELED = "canceled"
    """The build was canceled and the builder has stopped."""


class Step(enum.StrEnum):
    """The steps of an attempt, in their order."""

    FETCH = "fetch"
    """Every locked RPM, by digest and signature."""
    REPO = "repo"
    """One local repository of exactly the locked RPMs."""
    BUILD = "build"
    """The image tool, without network."""
    VERIFY = "verify"
    """The image's RPM database against the lock."""
    BOOT = "boot"
    """The image in a virtual machine through its own boot loader."""
    PUBLISH = "publish"
    """The artifacts in the storage, by digest."""


class StepState(enum.StrEnum):
    """Where a step stands."""

    RUNNING = "running"
    """Its log grows."""
    DONE = "done"
    """It did what it is for."""
    FAILED = "failed"
    """It did not; its log says why."""
