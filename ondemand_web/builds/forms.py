# SPDX-License-Identifier: MIT
"""The forms in which people ask for an image, or for one again: by the same calls as the API."""

from __future__ import annotations

import re
import urllib.parse
import uuid
from typing import Any

import flask

from ondemand import build_requests, errors, presets
from ondemand.build_requests import ImageType
from ondemand.builds import CheckRecord
from ondemand_web import service
from ondemand_web.builds import checks, permissions, rebuilds, records
from ondemand_web.builds import services as builds

forms = flask.Blueprint("forms", __name__)
_WORDS = re.compile(r"[\s,]+")
_REFERENCES = re.compile(r",?\s+|,+$")
"""Between references; a comma alone is part of a draft build's name."""
_LISTS = ("add_packages", "remove_packages", "notify")
_IMAGES = {ImageType.LIVE: "live image", ImageType.BOOT: "boot ISO", ImageType.DVD: "installation DVD"}
_TEXTS = ("release", "image_type", "arch", "title", "profile", "preset", "kickstart", "kickstart_url")


@forms.get("/new")
def new() -> str:
    """The empty form, or filled with what the query names (`?release=f44&builds=…`)."""
    return _page(flask.request.args.to_dict())


@forms.post("/new")
def ask() -> flask.typing.ResponseReturnValue:
    """Checks the request, or submits it and leads to its page. A fault is shown above the form as it was sent."""
    same_origin()
    here = service.current()
    sent = flask.request.form.to_dict()
    try:
        request = build_requests.validate(_fields(sent))
        owner = _owner(sent)
        permissions.require(request, owner, here)
        if sent.get("do") == "check":
            return _page(sent, found=records.of_check(checks.asked(here, request, owner)))
        build = builds.submit(here.database, request, owner, sent.get("key", "")[:200] or None)
    except errors.OndemandError as error:
        return _page(sent, error=error), error.http_status
    return flask.redirect(f"/builds/{build.id}", 303)


@forms.post("/builds/<int:build_id>/rebuild")
def rebuild(build_id: int) -> flask.typing.ResponseReturnValue:
    """Asks for the build again and leads to the new one's page."""
    same_origin()
    sent = flask.request.form.to_dict()
    key, same = sent.get("key", "")[:200] or None, sent.get("lock") == "same"
    build = rebuilds.submit(service.current(), build_id, _owner(sent), key, same_lock=same)
    return flask.redirect(f"/builds/{build.id}", 303)


def _owner(sent: dict[str, str]) -> str:
    token = sent.get("token", "").strip()
    return permissions.owner(f"Bearer {token}" if token else None, service.current())


def _page(
    values: dict[str, str], *, found: CheckRecord | None = None, error: errors.OndemandError | None = None
) -> str:
    here = service.current()
    # A changed form that was sent before with the same key is another request.
    key = "" if isinstance(error, errors.IdempotencyMismatch) else values.get("key")
    offered = {kind for release in here.releases.all() for kind in release.image_types}
    return flask.render_template(
        "new.html",
        values=values,
        found=found,
        error=error,
        releases=here.releases.all(),
        presets=presets.every(here.settings.master.config / "presets"),
        image_types=[(kind.value, text) for kind, text in _IMAGES.items() if kind in offered],
        needs_token=not here.settings.master.anonymous_owner,
        key=key or str(uuid.uuid4()),
    )


def _fields(sent: dict[str, str]) -> dict[str, Any]:
    """The request that a form stands for; a field that was left empty keeps its default."""
    texts = {name: sent[name].strip() for name in _TEXTS if sent.get(name, "").strip()}
    lists = {name: [word for word in _WORDS.split(sent.get(name, "")) if word] for name in _LISTS}
    wanted = [word for word in _REFERENCES.split(sent.get("builds", "")) if word]
    return {**texts, **lists, "builds": wanted, "repositories": _repositories(sent.get("repositories", ""))}


def _repositories(text: str) -> list[dict[str, str]]:
    """Name and address in a line each; below it its key, where it has one."""
    found: list[dict[str, str]] = []
    key = False
    for line in text.splitlines():
        key = key or line.startswith("-----BEGIN ")
        if key and found:
            found[-1]["key"] = f"{found[-1].get('key', '')}{line}\n"
            key = not line.startswith("-----END ")
        elif line.strip():
            name, _, url = line.strip().partition(" ")
            found.append({"name": name, "url": url.strip()})
    return found


def same_origin() -> None:
    """Refuses a form that another site sent in a visitor's name; raises errors.NotPermitted."""
    asked = flask.request
    origin = asked.headers.get("Origin")
    elsewhere = origin is not None and urllib.parse.urlsplit(origin).netloc != asked.host
    if elsewhere or asked.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none"):
        raise errors.NotPermitted(
            "That form was not sent from this service's own page",
            cause="another site sent it in your name",
            remedy="open the page «New build» here and fill it in yourself",
        )
