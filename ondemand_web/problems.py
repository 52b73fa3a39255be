# SPDX-License-Identifier: MIT
"""Errors as answers: application/problem+json (RFC 9457) for programs, a page with the sentence for people."""

from __future__ import annotations

import json
import logging

import flask
import pydantic
from werkzeug import exceptions

from ondemand import build_requests, errors

log = logging.getLogger(__name__)


def respond(error: errors.OndemandError) -> flask.Response:
    """The problem document of one of our errors."""
    body = {
        "type": f"urn:ondemand:error:{error.code}",
        "title": (type(error).__doc__ or "").split("\n")[0].rstrip("."),
        "status": error.http_status,
        "detail": error.sentence,
        **{key: value for key, value in error.as_dict().items() if key != "sentence"},
    }
    if isinstance(error, errors.OffsetMismatch):
        body["size"] = error.size
    response = flask.Response(json.dumps(body), error.http_status, content_type="application/problem+json")
    if error.http_status == 401:
        response.headers["WWW-Authenticate"] = 'Bearer realm="ondemand"'
    return response


def invalid(error: pydantic.ValidationError) -> flask.Response:
    """The answer to a request that the validator did not take."""
    return respond(build_requests.invalid(error))


def install(app: flask.Flask) -> None:
    """Makes every error of the application a sentence; a traceback goes to the log only."""

    @app.errorhandler(errors.OndemandError)
    def ours(error: errors.OndemandError) -> flask.Response:
        return _shown(error)

    @app.errorhandler(exceptions.HTTPException)
    def http(error: exceptions.HTTPException) -> flask.Response:
        return _shown(_from_http(error))

    @app.errorhandler(Exception)
    def unforeseen(error: Exception) -> flask.Response:
        log.exception("unforeseen error at %s", flask.request.path)
        return _shown(
            errors.ServiceError(
                "The service could not answer",
                cause="of an error of its own, which it has written to its log",
                remedy="try again, and tell the operator if it stays",
            )
        )


def _shown(error: errors.OndemandError) -> flask.Response:
    if flask.request.path.startswith("/api/") or "text/html" not in flask.request.headers.get("Accept", ""):
        return respond(error)
    page = flask.render_template("error.html", error=error)
    return flask.Response(page, error.http_status, content_type="text/html; charset=utf-8")


def _from_http(error: exceptions.HTTPException) -> errors.OndemandError:
    asked, status = f"{flask.request.method} {flask.request.path[:200]}", error.code or 500
    cause = (error.description or error.name).split(".")[0].lower()
    if status >= 500:
        return errors.ServiceError(f"{asked} could not be answered", cause=cause, remedy="try again")
    happened, what = ("is not answered here", "is") if status in (404, 405) else ("was not taken", "it takes")
    return errors.HttpError(
        f"{asked} {happened}", status=status, cause=cause, remedy=f"see /api/v1/openapi for what {what}"
    )
