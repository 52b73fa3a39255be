# SPDX-License-Identifier: MIT
"""The API of uploads, described at /api/v1/openapi, and the address at which builders fetch the files."""

from __future__ import annotations

from typing import Any, BinaryIO, cast

import flask
import pydantic
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag

from ondemand import errors
from ondemand.uploads import TYPE, Sha256
from ondemand_web import service
from ondemand_web.people import services as people

ADDRESS = "/api/v1/uploads"

api = APIBlueprint("uploads", __name__, url_prefix="/api/v1", abp_tags=[Tag(name="uploads")])
pages = flask.Blueprint("upload_files", __name__)


class UploadPath(pydantic.BaseModel):
    """An upload."""

    sha256: Sha256


def admit(here: service.Service, authorization: str | None, kind: str, size: int) -> str:
    """The owner who may send so many bytes of that media type; raises what refuses him. Reads no byte of them."""
    owner = people.owner(here.database, authorization, here.settings.master)
    if not people.may_bring_own_code(owner, here.settings.master):
        raise errors.NotPermitted(
            f"{owner} may not upload RPMs",
            cause="their scripts run as root on a builder",
            remedy="ask the operator for the permission `own_code`",
        )
    if kind.partition(";")[0].strip().lower() != TYPE:
        raise errors.HttpError(
            "The upload was not taken",
            status=415,
            cause=f"its Content-Type is not {TYPE}",
            remedy=f"send the RPM itself as the body, with `Content-Type: {TYPE}`",
        )
    here.uploads.require_room(owner, size)
    return owner


@api.post("/uploads")
def upload() -> tuple[dict[str, Any], int]:
    """Keep an RPM (the body, application/x-rpm) to name it in requests; needs the permission `own_code`."""
    here, asked = service.current(), flask.request
    owner = admit(here, asked.headers.get("Authorization"), asked.content_type or "", asked.content_length or 0)
    # A server that ends the stream itself is read until its end, which must still lie within the limit.
    asked.max_content_length = here.settings.master.max_rpm + 1
    return here.uploads.take(owner, cast(BinaryIO, asked.stream)).model_dump(mode="json"), 201


@api.get("/uploads")
def list_uploads() -> flask.Response:
    """Your own uploads, the newest first."""
    here = service.current()
    found = here.uploads.of_owner(_owner(here))
    return flask.Response(found.model_dump_json(), content_type="application/json")


@api.delete("/uploads/<sha256>")
def remove_upload(path: UploadPath) -> tuple[str, int]:
    """Remove an upload of your own."""
    here = service.current()
    here.uploads.remove(path.sha256, _owner(here))
    return "", 204


@pages.get("/uploads/<sha256>/<name>")
def download(sha256: str, name: str) -> flask.typing.ResponseReturnValue:
    """The RPM, with Range; who knows its digest may have it."""
    path = service.current().uploads.served(sha256, name)
    return flask.send_file(path, mimetype=TYPE, as_attachment=True, download_name=name, conditional=True, etag=sha256, max_age=0)


def _owner(here: service.Service) -> str:
    return people.owner(here.database, flask.request.headers.get("Authorization"), here.settings.master)
