# SPDX-License-Identifier: MIT
"""Two builds side by side, such as one request through two toolchains: packages, size, time, boot and tools. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pydantic

from ondemand.builds import BuildRecord
from ondemand.differences import Differences
from ondemand.proofs import ProofKind
from ondemand.states import State, Step


class Boot(pydantic.BaseModel, frozen=True):
    """How an image booted; `seconds` from power-on to its proof. None is what the proof does not tell."""

    held: bool
    seconds: float | None = None
    acceleration: str | None = None
    failed_units: tuple[str, ...] = ()


class Side(pydantic.BaseModel, frozen=True):
    """One of the two builds. `tools` are versions by name, `size` the image's bytes, `steps` seconds of the last attempt's."""

    id: int
    title: str
    state: State
    backend: str | None
    profile: str
    builder: str | None
    tools: dict[str, str]
    size: int | None
    seconds: float | None
    steps: dict[Step, float]
    boot: Boot | None


class Comparison(pydantic.BaseModel, frozen=True):
    """What changes from `old` to `new`; `remarks` are sentences on what to look at, and on what can't be compared."""

    old: Side
    new: Side
    packages: Differences
    remarks: tuple[str, ...]


def between(old: BuildRecord, new: BuildRecord, packages: Differences) -> Comparison:
    """The two builds by their records, with what differs between their locks."""
    sides = side(old), side(new)
    return Comparison(old=sides[0], new=sides[1], packages=packages, remarks=tuple(_remarks(*sides, packages)))


def side(record: BuildRecord) -> Side:
    """What counts of one build."""
    attempt, facts = record.attempt, _facts(record, ProofKind.BUILT)
    ended = [step for step in (attempt.steps if attempt else ()) if step.ended_at is not None]
    steps = {step.step: round((step.ended_at - step.started_at).total_seconds(), 1) for step in ended if step.ended_at}
    image = next((file.size for file in record.artifacts if file.role == "image"), facts.get("size"))
    tools = facts.get("tools")
    return Side(
        id=record.id,
        title=record.title,
        state=record.state,
        backend=record.backend,
        profile=record.request.profile.value,
        builder=attempt.builder if attempt else None,
        tools={str(name): str(version) for name, version in tools.items()} if isinstance(tools, Mapping) else {},
        size=image if isinstance(image, int) else None,
        seconds=round(sum(steps.values()), 1) if steps else None,
        steps=steps,
        boot=_boot(record),
    )


def _boot(record: BuildRecord) -> Boot | None:
    proof = next((proof for proof in record.proofs if proof.kind is ProofKind.BOOTS), None)
    if proof is None:
        return None
    seconds, units = proof.facts.get("seconds"), proof.facts.get("failed_units")
    return Boot(
        held=proof.held,
        seconds=float(seconds) if isinstance(seconds, int | float) else None,
        acceleration=str(proof.facts["acceleration"]) if proof.facts.get("acceleration") else None,
        failed_units=tuple(map(str, units)) if isinstance(units, list | tuple) else (),
    )


def _facts(record: BuildRecord, kind: ProofKind) -> Mapping[str, Any]:
    return next((proof.facts for proof in record.proofs if proof.kind is kind), {})


def _remarks(old: Side, new: Side, packages: Differences) -> list[str]:
    said = []
    if not packages:
        said.append("Both hold the same packages.")
    for one in (old, new):
        if one.state is not State.SUCCEEDED:
            said.append(f"Build {one.id} is {one.state.value}, so that not all of it can be compared.")
    if old.profile != new.profile:
        said.append(f"Their profiles differ ({old.profile}, {new.profile}): neither sizes nor times can be compared.")
    if old.builder != new.builder:
        said.append(f"They were made on different builders ({old.builder}, {new.builder}): times say little.")
    if old.boot and new.boot:
        said += _boots(old, old.boot, new, new.boot)
    return said


def _boots(old: Side, was: Boot, new: Side, now: Boot) -> list[str]:
    said = []
    if was.held != now.held:
        said.append(f"Build {new.id if now.held else old.id} boots, build {old.id if now.held else new.id} does not.")
    if was.acceleration != now.acceleration:
        said.append(f"They were booted with {was.acceleration} and {now.acceleration}: the seconds can't be compared.")
    if failed := sorted(set(now.failed_units) - set(was.failed_units)):
        said.append(f"In build {new.id} units fail that do not in build {old.id}: {', '.join(failed)}.")
    if mended := sorted(set(was.failed_units) - set(now.failed_units)):
        said.append(f"In build {old.id} units fail that do not in build {new.id}: {', '.join(mended)}.")
    return said
