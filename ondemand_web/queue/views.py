# SPDX-License-Identifier: MIT
"""The worker API: what a builder calls, under its own token. See docs/worker-api.md for the whole of it."""

from __future__ import annotations

from typing import Any, BinaryIO, cast

import flask
import pydantic
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag

from ondemand import errors
from ondemand.builds import BUILDERS, LOG_LIMIT, Beat, Capabilities, FinishReport, StepReport
from ondemand.proofs import Artifact
from ondemand.states import Step
from ondemand_web import service
from ondemand_web.builds import bases
from ondemand_web.builds import services as builds
from ondemand_web.files import services as files
from ondemand_web.people import services as people
from ondemand_web.queue import abilities, attempts, endings
from ondemand_web.queue import services as queue

Id = pydantic.Field(min_length=8, max_length=64, pattern=r"^[A-Za-z0-9-]+$")
LOG_PIECE = 1 << 20
ARTIFACT_PIECE = 8 << 20

api = APIBlueprint(
    "worker", __name__, url_prefix="/api/v1/worker", abp_tags=[Tag(name="worker")]
)


class Registration(pydantic.BaseModel, extra="forbid"):
    """A builder process that starts."""

    instance: str = Id


class Claim(pydantic.BaseModel, extra="forbid"):
    """A builder asks for work."""

    claim_id: str = Id
    instance: str = Id
    capabilities: Capabilities


class AttemptPath(pydantic.BaseModel):
    """An attempt."""

    build_id: int
    number: int


class StepPath(AttemptPath):
    """A step of an attempt."""

    step: Step


class ArtifactPath(AttemptPath):
    """An artifact of an attempt."""

    name: str


class Offset(pydantic.BaseModel):
    """Where a piece begins, in bytes."""

    offset: int = pydantic.Field(ge=0)


@api.post("/registration")
def register(body: Registration) -> dict[str, Any]:
    """A builder starts anew: its older attempts end."""
    here = service.current()
    ended = queue.register(here.database, _builder(), body.instance, here.settings.queue)
    return {"builder": _builder(), "ended_attempts": ended}


@api.post("/claims")
def claim(body: Claim) -> flask.Response | tuple[str, int, dict[str, str]]:
    """The next build for this builder, or 204."""
    here = service.current()
    limits = here.settings.queue
    won = queue.claim(here.database, _builder(), body.instance, body.claim_id, body.capabilities, limits)
    if won is None:
        with here.database.reading() as session:
            return "", 204, {BUILDERS: str(abilities.alike(session, body.capabilities))}
    build, attempt, lock = won
    request = builds.request_of(build)
    try:
        release = here.releases.get(build.release)
        options = release.options(request.image_type, build.backend or "")
    except errors.RequestError as error:
        # The operator took the release away while the build waited: that ends the build, not the builder.
        report = FinishReport(error=error.as_dict())
        endings.finish(here.database, _builder(), build.id, attempt.number, report, limits)
        return "", 204, {}
    parts = {
        "release": release.model_dump(mode="json"),
        "label": request.label(build.id),
        "options": options,
        "description": bases.description(here.database, lock),
        "lease": limits.lease,
        "beat": limits.beat,
    }
    text = queue.assignment(build, attempt, lock, parts).model_dump_json()
    return flask.Response(text, content_type="application/json")


@api.post("/builds/<int:build_id>/attempts/<int:number>/beat")
def beat(path: AttemptPath, body: Beat) -> dict[str, bool]:
    """The builder lives and may tell how far it is; it learns whether the build was canceled."""
    here = service.current()
    canceled = queue.beat(here.database, _builder(), path.build_id, path.number, here.settings.queue, body.progress)
    return {"canceled": canceled}


@api.put("/builds/<int:build_id>/attempts/<int:number>/steps/<step>")
def report_step(path: StepPath, body: StepReport) -> tuple[str, int]:
    """A step began or ended."""
    database = service.current().database
    queue.report_step(database, _builder(), path.build_id, path.number, path.step, body.state)
    return "", 204


@api.put("/builds/<int:build_id>/attempts/<int:number>/logs/<step>")
def append_log(path: StepPath, query: Offset) -> dict[str, int]:
    """A piece of a step's log."""
    here = service.current()
    _owned(path)
    target = here.files.log(path.build_id, path.number, path.step)
    return {"size": files.append(target, query.offset, _piece(LOG_PIECE), LOG_LIMIT, files.LOG_REMEDY)}


@api.put("/builds/<int:build_id>/attempts/<int:number>/artifacts/<name>")
def append_artifact(path: ArtifactPath, query: Offset) -> dict[str, int]:
    """A piece of an artifact."""
    here = service.current()
    target = files.growing(here.database, here.files, _builder(), path.build_id, path.number, path.name)
    return {"size": files.append(target, query.offset, _piece(ARTIFACT_PIECE), here.files.max_upload)}


@api.post("/builds/<int:build_id>/attempts/<int:number>/artifacts/<name>/complete")
def complete_artifact(path: ArtifactPath, body: Artifact) -> tuple[str, int]:
    """An artifact is whole; the dispatcher stores it."""
    here = service.current()
    if path.name != body.name:
        raise errors.InvalidRequest(
            f"The address names «{path.name[:200]}» and the body {body.name}", remedy="name the same file in both"
        )
    files.complete(here.database, here.files, _builder(), path.build_id, path.number, body)
    return "", 202


@api.get("/builds/<int:build_id>/attempts/<int:number>/artifacts")
def list_artifacts(path: AttemptPath) -> dict[str, Any]:
    """Which artifacts are stored."""
    return {"artifacts": files.of_attempt(service.current().database, _builder(), path.build_id, path.number)}


@api.post("/builds/<int:build_id>/attempts/<int:number>/finish")
def finish(path: AttemptPath, body: FinishReport) -> dict[str, str]:
    """The attempt ended."""
    here = service.current()
    state = endings.finish(here.database, _builder(), path.build_id, path.number, body, here.settings.queue)
    return {"state": state.value}


def _builder() -> str:
    if "builder" not in flask.g:
        authorization = flask.request.headers.get("Authorization")
        flask.g.builder = people.builder(service.current().database, authorization)
    return str(flask.g.builder)


def _owned(path: AttemptPath) -> None:
    with service.current().database.reading() as session:
        attempts.running(session, _builder(), path.build_id, path.number)


def _piece(limit: int) -> BinaryIO:
    # A server that ends the stream itself is read until its end, which must still lie within the limit.
    flask.request.max_content_length = limit + 1
    return cast(BinaryIO, flask.request.stream)
