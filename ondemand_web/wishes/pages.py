# SPDX-License-Identifier: MIT
"""The pages of wishes: every decision with its reason, and the rules with their pauses and caps."""

from __future__ import annotations

import flask

from ondemand import errors
from ondemand.facts import Facts
from ondemand.wishes import DecisionState
from ondemand_web import service
from ondemand_web.builds import forms, permissions
from ondemand_web.people import services as people
from ondemand_web.wishes import services as wishes

pages = flask.Blueprint("wish_pages", __name__)
PAGE = 50


@pages.get("/wishes")
def index() -> str:
    """The wishes with their decisions, the newest first, below the rules."""
    return _list()


@pages.get("/wishes/<int:wish_id>")
def show(wish_id: int) -> str:
    """One wish."""
    here = service.current()
    with here.database.reading() as session:
        (found,) = wishes.records(session, [wishes.get(session, wish_id)], here.settings.master.url)
    return flask.render_template("wish.html", wish=found, update=_update(here, found.facts))


@pages.post("/wishes")
def switch() -> flask.typing.ResponseReturnValue:
    """Pauses or resumes a rule, for an operator's token. A fault is shown above the rules."""
    forms.same_origin()
    here, sent = service.current(), flask.request.form
    try:
        token = sent.get("token", "").strip()
        who = permissions.owner(f"Bearer {token}" if token else None, here)
        people.require_operator(who, here.settings.master)
        rule = here.rules.get(sent.get("rule", ""))
        if sent.get("do") == "resume":
            wishes.resume(here.database, rule)
        else:
            wishes.pause(here.database, rule, who)
    except errors.OndemandError as error:
        return _list(error), error.http_status
    return flask.redirect("/wishes", 303)


def _list(error: errors.OndemandError | None = None) -> str:
    here, asked = service.current(), flask.request.args
    known = {item.value for item in DecisionState}
    state = DecisionState(asked["state"]) if asked.get("state") in known else None
    # Any other text names no rule, and what can't be printed no database takes.
    rule = asked.get("rule", "")[:64] if asked.get("rule", "").isprintable() else None
    with here.database.reading() as session:
        rows = wishes.page(session, state=state, rule=rule or None, before=asked.get("before", type=int), limit=PAGE + 1)
        found = wishes.records(session, rows[:PAGE], here.settings.master.url)
        rules = wishes.rules(session, here.rules.all())
    return flask.render_template(
        "wishes.html",
        wishes=found,
        updates={wish.id: _update(here, wish.facts) for wish in found},
        rules=rules,
        state=state,
        rule=rule or None,
        states=DecisionState,
        older=found[-1].id if len(rows) > PAGE else None,
        error=error,
    )


def _update(here: service.Service, facts: Facts) -> str | None:
    """The address of the update's page in Bodhi; None where the subject is none."""
    release = here.releases.known_as(facts.release) if facts.release else None
    if release is None or release.bodhi is None or facts.reference not in (facts.subject, f"bodhi:{facts.subject}"):
        return None
    return f"{release.bodhi.rstrip('/')}/updates/{facts.subject}"
