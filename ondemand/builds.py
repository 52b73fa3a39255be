# SPDX-License-Identifier: MIT
"""The records that the API gives: build, attempt, step, release; and the assignment that a builder works from."""

from __future__ import annotations

import datetime
from typing import Any, Literal

import pydantic

from ondemand import errors
from ondemand.build_requests import BuildRequest
from ondemand.descriptions import Description
from ondemand.locks import Lock, Preset
from ondemand.proofs import FACTS, FILES, HOW, Artifact, Proof, ProofKind
from ondemand.releases import Release
from ondemand.states import Outcome, State, Step, StepState

BUILDERS = "X-Builders"
"""The header by which a claim that got nothing learns how many builders can do the same."""
LOG_LIMIT = 256 * 1024**2
"""Bytes that a step's log may have."""


class Record(pydantic.BaseModel):
    """A record of the API; unknown fields of a newer master are ignored. Times are UTC-aware."""

    model_config = pydantic.ConfigDict(frozen=True, extra="ignore")


class Failure(Record):
    """Why a build or attempt failed; see ondemand.errors. `lines` are those of the step's log around the place, 20 at most."""

    code: str
    failure_class: str = pydantic.Field(alias="class", serialization_alias="class")
    sentence: str
    details: tuple[str, ...] = ()
    lines: tuple[str, ...] = ()


class StepRecord(Record):
    """A step of an attempt."""

    step: Step
    state: StepState
    started_at: datetime.datetime
    ended_at: datetime.datetime | None = None
    log_size: int = 0


class AttemptRecord(Record):
    """One try on one builder."""

    number: int
    builder: str
    started_at: datetime.datetime
    ended_at: datetime.datetime | None = None
    outcome: Outcome | None = None
    error: Failure | None = None
    steps: tuple[StepRecord, ...] = ()


class ArtifactRecord(Artifact, frozen=True, extra="ignore"):
    """A published artifact with its address."""

    url: str


class WantedPackage(Record):
    """A package of a wanted build, as locked."""

    nevra: str
    origin: str
    trust: str
    reference: str | None = None
    build: str | None = None
    checksums: dict[str, str] = {}


class ParkedDeliveries(Record):
    """News of a build that a sink could not be told: how many deliveries were given up, and why. Names no recipient."""

    sink: str
    count: int
    sentence: str


class ProgressRecord(Record):
    """How far a running build is; `remaining` seconds as builds of the same kind took lately, None where none is known."""

    step: Step
    text: str = ""
    fraction: float | None = None
    remaining: float | None = None


class BuildRecord(Record):
    """A build as people, scripts and pages see it. `side` counts the packages that only the side repository has,
    `rules` says in a sentence how the packages were chosen."""

    id: int
    state: State
    owner: str
    request: BuildRequest
    page: str
    backend: str | None = None
    created_at: datetime.datetime
    changed_at: datetime.datetime
    ended_at: datetime.datetime | None = None
    canceled_by: str | None = None
    rebuild_of: int | None = None
    same_lock: bool = False
    waiting: str | None = None
    position: int | None = None
    estimated_start: datetime.datetime | None = None
    progress: ProgressRecord | None = None
    error: Failure | None = None
    warnings: tuple[str, ...] = ()
    packages: int = 0
    side: int = 0
    rules: str = ""
    preset: Preset | None = None
    wanted: tuple[WantedPackage, ...] = ()
    attempts: tuple[AttemptRecord, ...] = ()
    proofs: tuple[Proof, ...] = ()
    artifacts: tuple[ArtifactRecord, ...] = ()
    parked: tuple[ParkedDeliveries, ...] = ()

    def without_addresses(self) -> BuildRecord:
        """The record as anybody may see it: nobody's mail address in it."""
        return self.model_copy(update={"request": self.request.without_addresses()})

    @property
    def attempt(self) -> AttemptRecord | None:
        """The newest attempt."""
        return self.attempts[-1] if self.attempts else None

    @property
    def title(self) -> str:
        """What people call it."""
        request = self.request
        return request.title or request.name or f"{request.release} {request.image_type.value} {request.arch}"


class Rebuild(pydantic.BaseModel, frozen=True, extra="forbid"):
    """How a build is made again: with a `new` lock, as if it were asked for today, or by the `same` one."""

    lock: Literal["new", "same"] = "new"


class CheckRecord(Record):
    """What a request would become, were it submitted now; sizes in bytes. `snapshot` as in ondemand.locks.Lock.

    `side` counts the packages that only the side repository has; `download_size` counts them in.
    """

    backend: str
    packages: int
    side: int = 0
    download_size: int
    installed_size: int
    disk: int
    wanted: tuple[WantedPackage, ...] = ()
    warnings: tuple[str, ...] = ()
    snapshot: dict[str, str] = {}
    preset: Preset | None = None


class EventRecord(Record):
    """One entry of a build's history; `seq` counts from 1 without gaps."""

    build_id: int
    seq: int
    kind: str
    at: datetime.datetime
    body: dict[str, Any]


class Capabilities(pydantic.BaseModel, frozen=True, extra="forbid"):
    """What a builder can do; `disk` and `memory` in bytes free now. `backends` maps a name to its image types."""

    arches: tuple[str, ...]
    backends: dict[str, tuple[str, ...]]
    disk: int
    memory: int


class Assignment(Record):
    """What a claim gives a builder: one attempt of one build, with all that it needs."""

    build_id: int
    attempt: int
    request: BuildRequest
    release: Release
    lock: Lock
    kickstart: str
    label: str
    backend: str
    options: dict[str, Any] = {}
    description: Description | None = None
    lease: float
    beat: float


class Progress(pydantic.BaseModel, frozen=True, extra="ignore"):
    """How far an attempt is: the step that runs, what it says of itself, and the part of the step that is done, of 1."""

    step: Step
    text: str = pydantic.Field(default="", max_length=200)
    fraction: float | None = pydantic.Field(default=None, ge=0, le=1)


class Beat(pydantic.BaseModel, frozen=True, extra="ignore"):
    """A builder's word that it lives. An older builder sends no body at all."""

    progress: Progress | None = None

    @pydantic.model_validator(mode="before")
    @classmethod
    def _may_be_missing(cls, body: Any) -> Any:
        return {} if body is None else body


class StepReport(pydantic.BaseModel, frozen=True, extra="forbid"):
    """A builder's word that a step began or ended."""

    state: StepState


class FinishReport(pydantic.BaseModel, frozen=True, extra="forbid"):
    """A builder's word that its attempt ended. `error` is OndemandError.as_dict(); None means success.

    `canceled`: the builder stopped by order, either because the build was canceled or because it shuts down.
    """

    proofs: tuple[Proof, ...] = pydantic.Field(default=(), max_length=len(ProofKind))
    artifacts: tuple[Artifact, ...] = pydantic.Field(default=(), max_length=FILES)
    error: dict[str, Any] | None = None
    canceled: bool = False

    @pydantic.field_validator("proofs")
    @classmethod
    def _is_short(cls, proofs: tuple[Proof, ...]) -> tuple[Proof, ...]:
        if long := [proof.kind.value for proof in proofs if not proof.fits]:
            raise ValueError(f"too long: {', '.join(long)}; `how` may have {HOW} characters, `facts` {FACTS} bytes")
        return proofs

    @pydantic.field_validator("error")
    @classmethod
    def _can_be_shown(cls, error: dict[str, Any] | None) -> dict[str, Any] | None:
        if error is None:
            return None
        try:
            errors.FailureClass(Failure.model_validate(error).failure_class)
        except ValueError as wrong:
            kinds = ", ".join(errors.FailureClass)
            raise ValueError(f"it needs `code`, `sentence` and a `class` of {kinds}") from wrong
        return error
