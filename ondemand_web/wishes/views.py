# SPDX-License-Identifier: MIT
"""The API of wishes and trigger rules, described at /api/v1/openapi."""

from __future__ import annotations

from typing import Any

import flask
import pydantic
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag

from ondemand import errors
from ondemand.build_requests import Word
from ondemand.facts import Facts
from ondemand.wishes import DecisionState, ReplayRequest
from ondemand_web import service
from ondemand_web.people import services as people
from ondemand_web.wishes import inclusion, replaying
from ondemand_web.wishes import services as wishes
from ondemand_web.wishes.matching import Target
from ondemand_web.wishes.rules import Rule

api = APIBlueprint("wishes", __name__, url_prefix="/api/v1", abp_tags=[Tag(name="wishes")])


class WishPath(pydantic.BaseModel):
    """A wish."""

    wish_id: int


class RulePath(pydantic.BaseModel):
    """A trigger rule."""

    rule: Word


class ListQuery(pydantic.BaseModel, extra="forbid"):
    """Which wishes, the newest first; `before` is the id below which to go on."""

    state: DecisionState | None = None
    rule: Word | None = None
    before: int | None = None
    limit: int = pydantic.Field(default=50, ge=1, le=500)


@api.post("/wishes")
def add(body: Facts) -> tuple[dict[str, Any], int, dict[str, str]]:
    """Bring a message's facts; the rules judge them a moment later. The same message id, the same wish."""
    here = service.current()
    wish_id, new = wishes.add(here.database, body, wisher(here))
    page = f"{here.settings.master.url.rstrip('/')}/wishes/{wish_id}"
    return {"id": wish_id, "page": page}, 202 if new else 200, {"Location": f"/api/v1/wishes/{wish_id}"}


@api.post("/wishes/replay")
def replay(body: ReplayRequest) -> flask.Response:
    """What the rules would make of these messages, each at its own time; writes and orders nothing. Rules that are switched
    off are judged, too, which the reason says; pauses don't count."""
    here = service.current()
    if _owner(here) not in here.settings.master.operators:
        wisher(here)
    # Those too that are switched off: what they would order is to be seen before they order it.
    rules = here.rules.all()
    with here.database.reading() as session:
        named = wishes.named(session, rules)
    known: dict[Target, frozenset[str] | None] = {}

    def in_image(rule: Rule, target: Target) -> frozenset[str] | None:
        if target not in known:
            try:
                known[target] = inclusion.held(here, rule, target)
            except errors.ServiceError:
                known[target] = None
        return known[target]

    found = replaying.Replay(rules, here.releases.known_as, named, in_image).run(body.facts)
    return flask.jsonify({"wishes": [each.model_dump(mode="json") for each in found]})


@api.get("/wishes")
def list_wishes(query: ListQuery) -> flask.Response:
    """Wishes with their decisions, the newest first."""
    here = service.current()
    with here.database.reading() as session:
        rows = wishes.page(session, state=query.state, rule=query.rule, before=query.before, limit=query.limit)
        found = wishes.records(session, rows, here.settings.master.url)
    return flask.jsonify({"wishes": [each.model_dump(mode="json") for each in found]})


@api.get("/wishes/<int:wish_id>")
def show(path: WishPath) -> dict[str, Any]:
    """One wish with its decisions."""
    here = service.current()
    with here.database.reading() as session:
        (found,) = wishes.records(session, [wishes.get(session, path.wish_id)], here.settings.master.url)
    return found.model_dump(mode="json")


@api.get("/triggers")
def list_rules() -> flask.Response:
    """The trigger rules as they stand now."""
    here = service.current()
    with here.database.reading() as session:
        found = wishes.rules(session, here.rules.all())
    return flask.jsonify({"rules": [each.model_dump(mode="json") for each in found]})


@api.post("/triggers/<rule>/pause")
def pause(path: RulePath) -> dict[str, Any]:
    """Let a rule order nothing until it is resumed; what comes meanwhile waits."""
    here = service.current()
    who = _owner(here)
    people.require_operator(who, here.settings.master)
    wishes.pause(here.database, here.rules.get(path.rule), who)
    return _state(here, path.rule)


@api.post("/triggers/<rule>/resume")
def resume(path: RulePath) -> dict[str, Any]:
    """Let a rule go on with what waits, the newest first."""
    here = service.current()
    people.require_operator(_owner(here), here.settings.master)
    wishes.resume(here.database, here.rules.get(path.rule))
    return _state(here, path.rule)


def _state(here: service.Service, name: str) -> dict[str, Any]:
    with here.database.reading() as session:
        (found,) = wishes.rules(session, [here.rules.get(name)])
    return found.model_dump(mode="json")


def _owner(here: service.Service) -> str:
    return people.owner(here.database, flask.request.headers.get("Authorization"), here.settings.master)


def wisher(here: service.Service) -> str:
    """Who brings messages; refuses whom the operator did not name; raises errors.NotPermitted."""
    who = _owner(here)
    if who not in here.settings.master.wishers:
        raise errors.NotPermitted(
            f"{who} may bring no messages",
            cause="the setting master.wishers does not name him",
            remedy="ask the operator, or order an image yourself by POST /api/v1/builds",
        )
    return who
