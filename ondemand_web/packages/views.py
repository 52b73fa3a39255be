# SPDX-License-Identifier: MIT
"""The API of references, described at /api/v1/openapi."""

from __future__ import annotations

import functools
from collections.abc import Mapping

import flask
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag

from ondemand import errors, plugins
from ondemand.build_requests import BuildRequest
from ondemand.locks import Lock
from ondemand.resolutions import ResolveRequest
from ondemand_web import service
from ondemand_web.builds import checks, permissions
from ondemand_web.packages import presence
from ondemand_web.people import services as people

api = APIBlueprint("packages", __name__, url_prefix="/api/v1", abp_tags=[Tag(name="packages")])


@api.post("/resolve")
def resolve(body: ResolveRequest) -> flask.Response:
    """What references would become: builds, packages, where they would come from, trust and warnings; makes no build.

    With an image type, too, which packages that image would install.
    """
    here = service.current()
    owner = people.owner(here.database, flask.request.headers.get("Authorization"), here.settings.master)
    release = here.releases.get(body.release)
    if body.arch not in release.arches:
        raise errors.UnknownImageType(
            f"Release {release.name} is not made for {body.arch}",
            remedy=f"ask for one of: {', '.join(release.arches)}",
        )
    image = None
    if body.image_type is not None:
        check = functools.partial(_checked, here, owner)
        image = presence.Image(kind=body.image_type, owner=owner, request=body.image, check=check)
    found = here.previews.of(body.references, release, body.arch, image)
    return flask.Response(found.model_dump_json(by_alias=True), content_type="application/json")


def _checked(here: service.Service, owner: str, request: BuildRequest, sources: Mapping[str, plugins.Source]) -> Lock:
    permissions.require(request, owner, here)
    return checks.checked(here, request, owner=owner, kept=True, sources=sources).lock
