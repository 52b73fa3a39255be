# SPDX-License-Identifier: MIT
"""The API of builds and releases for people and scripts, described at /api/v1/openapi."""

from __future__ import annotations

from typing import Any

import flask
import pydantic
import sqlalchemy as sa
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag

from ondemand import differences, errors, presets
from ondemand.build_requests import BuildRequest
from ondemand.builds import Rebuild
from ondemand.states import State, Step
from ondemand_web import service
from ondemand_web.builds import checks, permissions, rebuilds, records
from ondemand_web.builds import services as builds
from ondemand_web.builds.models import Build
from ondemand_web.database import LARGEST
from ondemand_web.events import services as events
from ondemand_web.people import services as people
from ondemand_web.queue.models import Attempt

LOG_PIECE = 256 * 1024

api = APIBlueprint(
    "builds", __name__, url_prefix="/api/v1", abp_tags=[Tag(name="builds")]
)


class BuildPath(pydantic.BaseModel):
    """A build."""

    build_id: int


class PairPath(BuildPath):
    """Two builds, the one to compare with first."""

    other: int


class ListQuery(pydantic.BaseModel, extra="forbid"):
    """Which builds, the newest first; `before` is the id below which to go on."""

    state: State | None = None
    before: int | None = None
    limit: int = pydantic.Field(default=50, ge=1, le=500)


class LogQuery(pydantic.BaseModel):
    """Which log, from which byte; without `attempt` the newest one's."""

    model_config = pydantic.ConfigDict(populate_by_name=True, extra="forbid")
    step: Step
    attempt: int | None = pydantic.Field(default=None, ge=1, le=LARGEST)
    offset: int = pydantic.Field(default=0, ge=0, alias="from")


class EventsQuery(pydantic.BaseModel, extra="forbid"):
    """Events with a `seq` above `after`."""

    after: int = pydantic.Field(default=0, ge=0, le=LARGEST)
    limit: int = pydantic.Field(default=200, ge=1, le=1000)


class SubmitHeader(pydantic.BaseModel):
    """Makes a repeated submission harmless."""

    model_config = pydantic.ConfigDict(populate_by_name=True)
    idempotency_key: str | None = pydantic.Field(default=None, alias="Idempotency-Key", min_length=1, max_length=200)


@api.post("/builds")
def submit(header: SubmitHeader, body: BuildRequest) -> tuple[dict[str, Any], int, dict[str, str]]:
    """Ask for an image; the answer comes at once, the check within a second or two."""
    here = service.current()
    owner = _owner()
    permissions.require(body, owner, here)
    return _accepted(builds.submit(here.database, body, owner, header.idempotency_key))


@api.post("/builds/<int:build_id>/rebuild")
def rebuild(path: BuildPath, header: SubmitHeader, body: Rebuild) -> tuple[dict[str, Any], int, dict[str, str]]:
    """Ask for a build again, as its request says today or by its very lock."""
    here, same = service.current(), body.lock == "same"
    return _accepted(rebuilds.submit(here, path.build_id, _owner(), header.idempotency_key, same_lock=same))


@api.post("/check")
def check(body: BuildRequest) -> flask.Response:
    """Whether a request can work and where each wanted package would come from; makes no build.

    It is checked against the repositories as the service read them last, a few minutes ago at most.
    """
    here = service.current()
    owner = _owner()
    permissions.require(body, owner, here)
    record = records.of_check(checks.asked(here, body, owner))
    return flask.Response(record.model_dump_json(), content_type="application/json")


@api.get("/builds")
def list_builds(query: ListQuery) -> flask.Response:
    """Builds, the newest first."""
    here = service.current()
    with here.database.reading() as session:
        rows = builds.page(session, state=query.state, before=query.before, limit=query.limit)
        briefs = [records.brief(row, here.settings.master.url) for row in rows]
    viewer = _viewer()
    found = [records.seen_by(viewer, record).model_dump(mode="json", by_alias=True) for record in briefs]
    return flask.jsonify({"builds": found})


@api.get("/builds/<int:build_id>")
def show(path: BuildPath) -> flask.Response:
    """All that is known of a build."""
    here = service.current()
    with here.database.reading() as session:
        build = builds.get(session, path.build_id)
        record = records.full(session, build, here)
    record = records.seen_by(_viewer(), record)
    return flask.Response(record.model_dump_json(by_alias=True), content_type="application/json")


@api.post("/builds/<int:build_id>/cancel")
def cancel(path: BuildPath) -> dict[str, Any]:
    """End a build."""
    here = service.current()
    owner = _owner()
    with here.database.reading() as session:
        build = builds.get(session, path.build_id)
        if build.owner != owner:
            raise errors.NotPermitted(
                f"Build {path.build_id} is not yours", cause=f"{build.owner} asked for it", remedy="ask its owner"
            )
    build = builds.cancel(here.database, path.build_id, owner)
    return {"id": build.id, "state": State(build.state).value}


@api.get("/builds/<int:build_id>/lock")
def show_lock(path: BuildPath) -> flask.Response:
    """The lock: every package with origin, URL, digests and trust."""
    with service.current().database.reading() as session:
        lock = builds.locked(session, path.build_id)
    return flask.Response(lock.model_dump_json(), content_type="application/json")


@api.get("/builds/<int:build_id>/differences/<int:other>")
def show_differences(path: PairPath) -> flask.Response:
    """What changes from one build's lock to another's."""
    with service.current().database.reading() as session:
        found = differences.between(builds.locked(session, path.build_id), builds.locked(session, path.other))
    return flask.Response(found.model_dump_json(), content_type="application/json")


@api.get("/builds/<int:build_id>/comparison/<int:other>")
def show_comparison(path: PairPath) -> flask.Response:
    """Two builds side by side: packages, size, time, boot and tools."""
    here = service.current()
    with here.database.reading() as session:
        found = records.comparison(session, path.build_id, path.other, here)
    return flask.Response(found.model_dump_json(), content_type="application/json")


@api.get("/builds/<int:build_id>/events")
def list_events(path: BuildPath, query: EventsQuery) -> flask.Response:
    """The build's history, numbered without gaps."""
    with service.current().database.reading() as session:
        builds.get(session, path.build_id)
        found = events.of_build(session, path.build_id, query.after, query.limit)
    return flask.jsonify({"events": [event.model_dump(mode="json") for event in found]})


@api.get("/builds/<int:build_id>/log")
def read_log(path: BuildPath, query: LogQuery) -> flask.Response:
    """A step's log from a byte on; header `X-Log-Size` is the size now, `X-Log-Done` whether it grows no more."""
    here = service.current()
    with here.database.reading() as session:
        build = builds.get(session, path.build_id)
        number = query.attempt or session.execute(
            sa.select(sa.func.max(Attempt.number)).where(Attempt.build_id == path.build_id)
        ).scalar()
        attempt = session.get(Attempt, (path.build_id, number)) if number else None
        if query.attempt and attempt is None:
            raise errors.UnknownBuild(
                f"Build {path.build_id} has no attempt {query.attempt}", remedy="its record lists those that it has"
            )
        done = attempt.ended_at is not None if attempt else State(build.state).final
    file = here.files.log(path.build_id, number or 0, query.step)
    size = file.stat().st_size if file.exists() else 0
    piece = b""
    if query.offset < size:
        with file.open("rb") as stream:
            stream.seek(query.offset)
            piece = stream.read(LOG_PIECE)
    response = flask.Response(piece, content_type="text/plain; charset=utf-8")
    response.headers["X-Log-Size"] = str(size)
    response.headers["X-Log-Done"] = "yes" if done else "no"
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response


@api.get("/releases")
def list_releases() -> flask.Response:
    """The releases and what can be asked of them."""
    found = [
        {
            "name": release.name,
            "title": release.title,
            "arches": list(release.arches),
            "dist_tag": release.dist_tag,
            "image_types": {kind.value: made.backend for kind, made in release.image_types.items()},
        }
        for release in service.current().releases.all()
    ]
    return flask.jsonify({"releases": found})


@api.get("/presets")
def list_presets() -> flask.Response:
    """What an image can begin from."""
    folder = service.current().settings.master.config / "presets"
    return flask.jsonify({"presets": presets.every(folder)})


def _accepted(build: Build) -> tuple[dict[str, Any], int, dict[str, str]]:
    page = f"{service.current().settings.master.url.rstrip('/')}/builds/{build.id}"
    answer = {"id": build.id, "state": State(build.state).value, "page": page}
    return answer, 202, {"Location": f"/api/v1/builds/{build.id}"}


def _owner() -> str:
    return permissions.owner(flask.request.headers.get("Authorization"), service.current())


def _viewer() -> str | None:
    """Who reads, if a token says so; reading needs none, so a wrong one is as good as none."""
    return people.known(service.current().database, flask.request.headers.get("Authorization"))
