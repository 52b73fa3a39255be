# SPDX-License-Identifier: MIT
"""What the bus is told of an event: the message for it. Reads nothing."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from fedora_messaging import message

from ondemand import messages, references
from ondemand.builds import BuildRecord
from ondemand.states import State
from ondemand_web.events import services as events
from ondemand_web.events.models import Event

_OTHERS = {
    events.JOINED: messages.BuilderJoinedV1,
    events.LOST: messages.BuilderLostV1,
    events.DECIDED: messages.WishDecidedV1,
    events.ANSWERED: messages.BuildWishAnsweredV1,
}
"""Messages of subjects other than builds: their body is the event's."""


def message_of(event: Event, record: BuildRecord | None, url: str = "", known: Iterable[str] = ()) -> message.Message:
    """The message; `record` is that of the event's build, None for other subjects; `url` is the service's. `known` are
    names of packages that stand in for those of an update that is not checked yet."""
    if record is None:
        body = event.body
        if event.kind == events.DECIDED:
            wish = {**body["wish"], "url": f"{url.rstrip('/')}/wishes/{body['wish']['id']}"}
            body = {**body, "wish": wish}
        if event.kind == events.ANSWERED:
            body = {**body, "url": f"{url.rstrip('/')}/builds/{body['build']}" if body["build"] else None}
        return _OTHERS[event.kind](body=body)
    build = _build(record, known)
    if event.kind == events.REQUESTED:
        return messages.BuildRequestedV1(body={"build": build})
    if event.kind == events.PUBLISHED:
        return messages.ImagePublishedV1(body={"build": build, **event.body, "artifacts": _artifacts(record)})
    failed = event.body["new"] == State.FAILED
    severity = message.WARNING if failed else message.INFO
    lines = _lines(record) if failed else []
    return messages.BuildStateChangedV2(body={"build": build, **event.body, "lines": lines}, severity=severity)


def _lines(record: BuildRecord) -> list[str]:
    """Of the error that ended the build; as many and as long as a message may have."""
    found = record.error.lines if record.error else ()
    return [line[: messages.LONGEST] for line in found[: messages.LINES]]


def _build(record: BuildRecord, known: Iterable[str]) -> dict[str, Any]:
    build: dict[str, Any] = {
        "id": record.id,
        "url": record.page,
        "owner": record.owner,
        "release": record.request.release,
        "arch": record.request.arch,
        "image_type": record.request.image_type.value,
        "title": record.title,
        "packages": _package_names(record, known),
    }
    if record.backend:
        build["backend"] = record.backend
    return build


def _artifacts(record: BuildRecord) -> list[dict[str, Any]]:
    """Empty once the artifacts were removed again: a message may be late."""
    return [artifact.model_dump(mode="json", include={"name", "role", "url", "size", "sha256"}) for artifact in record.artifacts]


def _package_names(record: BuildRecord, known: Iterable[str]) -> list[str]:
    named = [package.build.rsplit("-", 2)[0] for package in record.wanted if package.build]
    if named:
        return sorted(set(named))
    return references.packages(record.request.builds) or sorted(set(known))
