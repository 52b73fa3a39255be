# SPDX-License-Identifier: MIT
"""The API of sets, described at /api/v1/openapi."""

from __future__ import annotations

from typing import Any

import flask
import pydantic
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag

from ondemand.reference_sets import SetChange, SetName
from ondemand_web import service
from ondemand_web.database import LARGEST
from ondemand_web.people import services as people
from ondemand_web.sets import services as sets

api = APIBlueprint("sets", __name__, url_prefix="/api/v1", abp_tags=[Tag(name="sets")])


class SetPath(pydantic.BaseModel):
    """A set."""

    name: SetName


class VersionQuery(pydantic.BaseModel, extra="forbid"):
    """Which version; without it the newest."""

    version: int | None = pydantic.Field(default=None, ge=1, le=LARGEST)


@api.get("/sets")
def list_sets() -> flask.Response:
    """The newest version of each set."""
    with service.current().database.reading() as session:
        found = sets.every(session)
    return flask.jsonify({"sets": [each.model_dump(mode="json") for each in found]})


@api.get("/sets/<name>")
def show_set(path: SetPath, query: VersionQuery) -> dict[str, Any]:
    """A version of a set."""
    with service.current().database.reading() as session:
        return sets.get(session, path.name, query.version).model_dump(mode="json")


@api.put("/sets/<name>")
def put_set(path: SetPath, body: SetChange) -> dict[str, Any]:
    """Make a set or its next version."""
    here = service.current()
    return sets.put(here.database, path.name, body, _owner(here), here.settings.master).model_dump(mode="json")


@api.delete("/sets/<name>")
def remove_set(path: SetPath) -> tuple[str, int]:
    """Remove a set; locks that name a version of it stay true."""
    here = service.current()
    sets.remove(here.database, path.name, _owner(here), here.settings.master)
    return "", 204


def _owner(here: service.Service) -> str:
    return people.owner(here.database, flask.request.headers.get("Authorization"), here.settings.master)
