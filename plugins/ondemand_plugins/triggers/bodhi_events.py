# SPDX-License-Identifier: MIT
"""Trigger `bodhi`: updates that are offered for testing, and those that are withdrawn. Its schemas are bodhi-messages'."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Annotated, Any

import pydantic

from ondemand.build_requests import Line
from ondemand.facts import Facts, Happening, Text
from ondemand_plugins.triggers import reading

READY = "bodhi.update.status.testing.koji-build-group.build.complete"
"""An update was made, its builds were edited, or somebody wants its tests again; the only one with Koji's build ids."""
COMPLETE = "bodhi.update.complete.testing"
REQUEST = "bodhi.update.request.testing"
REVOKE = "bodhi.update.request.revoke"
WITHDRAWN = (
    "bodhi.update.request.obsolete",
    "bodhi.update.request.unpush",
    REVOKE,
    "bodhi.update.eject",
    "bodhi.update.complete.stable",
)


class Options(reading.Options, frozen=True):
    """`[consumer_config.triggers.bodhi]`: messages that say again what the first one said are off."""

    complete_testing: bool = False
    """Whether an update counts as offered, too, when it has reached updates-testing."""
    request_testing: bool = False
    """Whether it counts as offered, too, when its push to updates-testing is asked for."""


class _Named(reading.Body, frozen=True):
    name: Line


class _Release(reading.Body, frozen=True):
    name: Text


class _Build(reading.Body, frozen=True):
    nvr: Text


class _Artifact(reading.Body, frozen=True):
    class Build(_Build, frozen=True):
        id: reading.BuildId

    builds: Annotated[tuple[Build, ...], pydantic.Field(max_length=reading.MANY)]


class _Update(reading.Body, frozen=True):
    alias: Text
    builds: Annotated[tuple[_Build, ...], pydantic.Field(max_length=reading.MANY)]
    release: _Release
    user: _Named | None = None
    status: str | None = None
    content_type: Text | None = None
    critpath: pydantic.StrictBool | None = None
    critpath_groups: str | None = None

    @property
    def groups(self) -> tuple[str, ...] | None:
        """The critical path groups; None where Bodhi does not know them, which may mean any."""
        if self.critpath_groups:
            return tuple(dict.fromkeys(self.critpath_groups.split()))
        return () if self.critpath is False else None


class _Message(reading.Body, frozen=True):
    update: _Update


class _Ready(_Message, frozen=True):
    artifact: _Artifact
    again: pydantic.StrictBool = pydantic.Field(default=False, alias="re-trigger")


class BodhiEvents:
    """Bodhi's messages about updates."""

    topics = (READY, COMPLETE, REQUEST, *WITHDRAWN)

    def __init__(self, options: Mapping[str, Any]) -> None:
        self.options = reading.options(Options, "bodhi", options)

    def facts(self, message_id: str, topic: str, sent_at: datetime.datetime, body: Mapping[str, Any]) -> Facts | None:
        """An update that is offered or withdrawn."""
        known = {"message_id": message_id, "topic": topic, "at": sent_at}
        if topic.endswith(READY):
            ready = reading.body(_Ready, body)
            builds = ready.artifact.builds
            known |= {"again": ready.again, "build_ids": tuple(sorted({build.id for build in builds}))}
            return _facts(Happening.OFFERED, ready.update, builds or ready.update.builds, known)
        update = reading.body(_Message, body).update
        if topic.endswith((COMPLETE, REQUEST)):
            wanted = self.options.complete_testing if topic.endswith(COMPLETE) else self.options.request_testing
            return _facts(Happening.OFFERED, update, update.builds, known) if wanted else None
        if topic.endswith(REVOKE) and update.status == "testing":
            return None  # Only its way to stable was revoked; it stays in updates-testing.
        return _facts(Happening.WITHDRAWN, update, update.builds, known)


def _facts(happened: Happening, update: _Update, builds: tuple[_Build, ...], known: dict[str, Any]) -> Facts:
    return reading.facts(
        happened=happened,
        subject=update.alias,
        release=update.release.name,
        reference=update.alias,
        builds=tuple(dict.fromkeys(build.nvr for build in builds)),
        content=update.content_type or "rpm",
        critical_path=update.groups,
        user=update.user.name if update.user else None,
        **known,
    )
