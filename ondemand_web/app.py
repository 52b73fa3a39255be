# SPDX-License-Identifier: MIT
"""The Flask application: API, pages and files of one service."""

from __future__ import annotations

import flask
from flask_openapi3.models.info import Info
from flask_openapi3.openapi import OpenAPI
from werkzeug import routing

from ondemand_web import metrics, problems
from ondemand_web.builds import forms, pages
from ondemand_web.builds import views as builds
from ondemand_web.database import LARGEST
from ondemand_web.files import views as files
from ondemand_web.orders import pages as order_pages
from ondemand_web.orders import views as orders
from ondemand_web.packages import views as packages
from ondemand_web.queue import views as queue
from ondemand_web.service import Service
from ondemand_web.sets import views as sets
from ondemand_web.uploads import views as uploads
from ondemand_web.wishes import pages as wish_pages
from ondemand_web.wishes import views as wishes

MAX_BODY = 9 * 1024**2
"""Bytes that a request's body may have."""
_POLICY = "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"


class _Number(routing.IntegerConverter):
    """A number in an address; one that no column holds is an address that is not there."""

    def __init__(self, rules: routing.Map) -> None:
        super().__init__(rules, max=LARGEST)


def make(here: Service) -> flask.Flask:
    """The application; it serves `here` and nothing else."""
    app = OpenAPI(
        __name__,
        info=Info(title="On-Demand Fedora Build Service", version="1"),
        doc_prefix="/api/v1/openapi",
        validation_error_callback=problems.invalid,
    )
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY
    app.extensions["ondemand"] = here
    app.url_map.converters["int"] = _Number
    problems.install(app)
    app.register_api(builds.api)
    app.register_api(packages.api)
    app.register_api(queue.api)
    app.register_api(sets.api)
    app.register_api(wishes.api)
    app.register_api(orders.api)
    app.register_api(uploads.api)
    app.register_blueprint(pages.pages)
    app.register_blueprint(metrics.pages)
    app.register_blueprint(forms.forms)
    app.register_blueprint(files.pages)
    app.register_blueprint(wish_pages.pages)
    app.register_blueprint(order_pages.pages)
    app.register_blueprint(uploads.pages)
    app.after_request(_careful)
    return app


def _careful(response: flask.Response) -> flask.Response:
    response.headers.setdefault("X-Content-Type-Options", "nosniff")
    response.headers.setdefault("Referrer-Policy", "same-origin")
    if not flask.request.path.startswith("/api/"):
        response.headers.setdefault("Content-Security-Policy", _POLICY)
    return response
