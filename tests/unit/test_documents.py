# SPDX-License-Identifier: MIT
"""The documents of both APIs against the application: the same routes, errors and fields, neither more nor less."""

from __future__ import annotations

import pathlib
import re
import shlex
import urllib.parse

import flask
import pydantic
import pytest
from werkzeug import exceptions

from ondemand import (
    build_requests,
    builds,
    descriptions,
    differences,
    errors,
    facts,
    locks,
    orders,
    plugins,
    proofs,
    reference_sets,
    registry,
    resolutions,
    uploads,
    wishes,
)
from ondemand_web import app
from ondemand_web.builds import views as build_views
from ondemand_web.queue import views as queue_views
from ondemand_web.service import Service
from ondemand_web.uploads import services as upload_services
from tests.tools import documents

DOCS = pathlib.Path(__file__).resolve().parents[2] / "docs"
API, WORKER = ((DOCS / name).read_text() for name in ("api.md", "worker-api.md"))
CURL = re.findall(r"^ +(curl .*?[^\\])$", API + WORKER, re.M | re.S)
ERRORS = re.findall(r"^\| (\d{3}) \| `([a-z-]+)` \|", API + WORKER, re.M)
RECORDS = [
    (API, build_requests.BuildRequest),
    (API, build_requests.ExtraRepository),
    (API, resolutions.ResolveRequest),
    (API, resolutions.ResolveRecord),
    (API, resolutions.ResolvedReference),
    (API, resolutions.ResolvedBuild),
    (API, resolutions.ResolvedPackage),
    (API, resolutions.ResolvedUpdate),
    (API, resolutions.ResolvedImage),
    (API, reference_sets.SetChange),
    (API, reference_sets.SetRecord),
    (API, facts.Facts),
    (API, orders.Order),
    (API, wishes.WishRecord),
    (API, wishes.DecisionRecord),
    (API, wishes.RuleRecord),
    (API, wishes.ReplayRequest),
    (API, wishes.ReplayedWish),
    (API, uploads.UploadRecord),
    (API, uploads.UploadList),
    (API, builds.BuildRecord),
    (API, builds.Rebuild),
    (API, locks.Preset),
    (API, builds.AttemptRecord),
    (API, builds.StepRecord),
    (API, builds.WantedPackage),
    (API, builds.ArtifactRecord),
    (API, builds.ParkedDeliveries),
    (API, builds.EventRecord),
    (API, differences.Differences),
    (API, differences.Change),
    (API, differences.Sizes),
    (WORKER, builds.Capabilities),
    (WORKER, builds.Assignment),
    (WORKER, descriptions.Description),
    (WORKER, locks.Preset),
    (WORKER, builds.FinishReport),
    (WORKER, builds.StepReport),
    (WORKER, locks.Lock),
    (WORKER, locks.LockedPackage),
    (WORKER, proofs.Proof),
    (WORKER, proofs.Artifact),
]


@pytest.fixture
def web(here: Service) -> flask.Flask:
    return app.make(here)


def routes(web: flask.Flask) -> set[str]:
    """`METHOD /address` of all routes, as the documents write them."""
    return {
        " ".join((method, re.sub(r"<(?:[^>]*:)?(.*?)>", r"{\1}", rule.rule)))
        for rule in web.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }


def named(text: str) -> set[str]:
    """All routes that a document names."""
    return set(re.findall(r"`((?:GET|HEAD|POST|PUT|PATCH|DELETE) /[^`]*)`", text))


def test_every_route_of_the_api_has_its_section(web: flask.Flask) -> None:
    sections = set(re.findall(r"^### `(.*)`$", API + WORKER, re.M))
    wanted = {route for route in routes(web) if " /api/v1/" in route and " /api/v1/openapi" not in route}
    assert wanted == sections
    assert {route for route in wanted if "/worker/" in route} == set(re.findall(r"^### `(.*)`$", WORKER, re.M))


def test_no_document_names_a_route_that_does_not_exist(web: flask.Flask) -> None:
    assert named(API + WORKER) - routes(web) == set()


@pytest.mark.parametrize("command", CURL)
def test_every_example_asks_for_what_is_answered(web: flask.Flask, command: str) -> None:
    words = shlex.split(command.replace("\\\n", " "))
    (address,) = (urllib.parse.urlsplit(word.removeprefix("$ONDEMAND")) for word in words if word.startswith("$ONDEMAND/"))
    method = words[words.index("-X") + 1] if "-X" in words else "POST" if "--json" in words else "GET"
    endpoint, values = web.url_map.bind("service").match(address.path, method)
    assert endpoint and values is not None


def test_an_example_of_what_is_not_answered_would_be_found(web: flask.Flask) -> None:
    assert len(CURL) >= 9
    with pytest.raises(exceptions.NotFound):
        web.url_map.bind("service").match("/api/v1/nothing", "GET")


def test_errors_are_documented_with_their_own_status() -> None:
    assert len(ERRORS) >= 12
    assert [(status, code) for status, code in ERRORS if str(errors.by_code(code).http_status) != status] == []


def test_every_code_that_can_be_answered_stands_among_the_errors() -> None:
    text = (DOCS / "errors.md").read_text()
    ours = {cls.code for cls in errors.all_errors() if cls.__module__.startswith("ondemand")}
    assert "http-error" in ours
    assert {code for code in ours if f"`{code}`" not in text} == set()


@pytest.mark.parametrize(("text", "record"), RECORDS, ids=lambda item: getattr(item, "__name__", ""))
def test_every_field_is_documented(text: str, record: type[pydantic.BaseModel]) -> None:
    fields = {field.serialization_alias or name for name, field in record.model_fields.items()}
    assert {name for name in fields if f"`{name}`" not in text} == set()


def test_the_limits_are_those_of_the_code() -> None:
    assert f"at most {queue_views.LOG_PIECE >> 20} MiB; a log has at most {builds.LOG_LIMIT >> 20} MiB" in WORKER
    assert f"pieces of at most {queue_views.ARTIFACT_PIECE >> 20} MiB" in WORKER
    assert f"at most {proofs.FILES} artifacts" in WORKER
    assert f"{proofs.HOW} characters) and `facts` (an object, {proofs.FACTS >> 10} KiB" in WORKER
    assert f"and {upload_services.MOST} uploads" in API
    assert f"up to\n{build_views.LOG_PIECE >> 10} KiB of the log" in API


@pytest.mark.parametrize("name", documents.MADE)
def test_a_document_that_is_made_from_code_is_as_it_would_be_made_now(name: str) -> None:
    assert (DOCS / name).read_text(encoding="utf-8") == documents.MADE[name](), "run `make docs`"


def test_the_table_of_toolchains_says_of_each_backend_what_it_is() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (\w+) \| (yes|no) \|", (DOCS / "toolchains.md").read_text(encoding="utf-8"), re.MULTILINE)
    found = {name: registry.load(plugins.BACKENDS, name) for name, _, _ in rows}
    assert {name: (types, closed == "yes") for name, types, closed in rows} == {
        name: (", ".join(sorted(backend.image_types)), backend.closed) for name, backend in found.items()
    }
    assert set(found) == {"kiwi", "livecd", "livemedia", "lorax", "dvd", "lorax_dvd", "remaster"}
