# SPDX-License-Identifier: MIT
"""Downloads: artifacts that are shown and whole logs, with Range."""

from __future__ import annotations

import flask

from ondemand import errors
from ondemand.states import Step
from ondemand_web import service
from ondemand_web.files import services as files

pages = flask.Blueprint("files", __name__)


@pages.get("/builds/<int:build_id>/files/<name>")
def download(build_id: int, name: str) -> flask.typing.ResponseReturnValue:
    """An artifact of the attempt that is shown, from here or by redirection to where it lies."""
    here = service.current()
    row, key = files.published(here.database, build_id, name)
    path = here.storage.local_path(key)
    if path is None:
        return flask.redirect(row.url or "", 302)
    inline = row.role in ("screenshot", "log", "checksum", "packages", "kickstart")
    kind = None
    if inline:
        kind = "image/png" if row.role == "screenshot" else "text/plain; charset=utf-8"
    response = flask.send_file(path, mimetype=kind, as_attachment=not inline, conditional=True, etag=row.sha256)
    response.headers["Digest"] = f"sha-256={row.sha256}"
    return response


@pages.get("/builds/<int:build_id>/logs/<int:attempt>/<step>")
def whole_log(build_id: int, attempt: int, step: str) -> flask.typing.ResponseReturnValue:
    """A step's log as far as it goes now."""
    here = service.current()
    known = step in {item.value for item in Step}
    path = here.files.log(build_id, attempt, Step(step)) if known else None
    if path is None or not path.exists():
        raise errors.UnknownBuild(
            f"Build {build_id} has no log of step «{step[:40]}» in attempt {attempt}",
            cause="the step has not begun, or there is no such step",
            remedy="see the build's page",
        )
    return flask.send_file(path, mimetype="text/plain; charset=utf-8", conditional=True, max_age=0)
