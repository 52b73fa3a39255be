# SPDX-License-Identifier: MIT
"""The API of references, described at /api/v1/openapi."""

from __future__ import annotations

import flask
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag

from ondemand import errors
from ondemand.resolutions import ResolveRequest
from ondemand_web import service
from ondemand_web.people import services as people

api = APIBlueprint("packages", __name__, url_prefix="/api/v1", abp_tags=[Tag(name="packages")])


@api.post("/resolve")
def resolve(body: ResolveRequest) -> flask.Response:
    """What references would become: builds, packages, where they would come from, trust and warnings; makes no build."""
    here = service.current()
    people.owner(here.database, flask.request.headers.get("Authorization"), here.settings.master)
    release = here.releases.get(body.release)
    if body.arch not in release.arches:
        raise errors.UnknownImageType(
            f"Release {release.name} is not made for {body.arch}",
            remedy=f"ask for one of: {', '.join(release.arches)}",
        )
    found = here.previews.of(body.references, release, body.arch)
    return flask.Response(found.model_dump_json(by_alias=True), content_type="application/json")
