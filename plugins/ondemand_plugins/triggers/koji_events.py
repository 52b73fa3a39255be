# SPDX-License-Identifier: MIT
"""Trigger `koji`: builds that are complete or gone, and builds that have their signature. Koji's schemas demand no field of
a tag's message, so each is checked here."""

from __future__ import annotations

import datetime
import fnmatch
import re
from collections.abc import Mapping
from typing import Annotated, Any

import pydantic

from ondemand.build_requests import Line
from ondemand.facts import Facts, Happening, Text
from ondemand_plugins.triggers import reading

STATE = "buildsys.build.state.change"
TAG = "buildsys.tag"
# `buildsys.untag` is not read: a build leaves *-updates-testing-pending on its usual way to updates-testing; that it was
# withdrawn is what Bodhi's own messages say.
_COMPLETE = 1
_GONE = (2, 3, 4)
"""Deleted, failed, canceled."""
_DIST = re.compile(r"\.fc([0-9]{1,3})(?![0-9])")
Pattern = Annotated[str, pydantic.Field(pattern=r"^[A-Za-z0-9*?._+-]{1,200}$")]


class Options(reading.Options, frozen=True):
    """`[consumer_config.triggers.koji]`; in the patterns `*` and `?` stand for any text and any character."""

    packages: tuple[Pattern, ...] = pydantic.Field(default=(), max_length=1000)
    """Source packages whose builds count as offered when they are complete; none by default, as Koji builds all of Fedora."""
    signed_tags: tuple[Pattern, ...] = pydantic.Field(default=("*-updates-testing-pending",), max_length=100)
    """Tags that a build gets when it is signed."""
    instance: Text = "primary"
    """The Koji whose messages count."""


class _Build(reading.Body, frozen=True):
    name: Text
    version: Text
    release: Text
    build_id: reading.BuildId | None
    instance: Text
    owner: Line | None = None

    @property
    def nvr(self) -> str:
        """What Koji calls the build."""
        return f"{self.name}-{self.version}-{self.release}"


class _State(_Build, frozen=True):
    new: pydantic.StrictInt
    request: list[Any] | None = None

    @property
    def where(self) -> str | None:
        """The release that the dist tag names, else the target that was built for."""
        if found := _DIST.search(self.release):
            return f"F{found[1]}"
        target = self.request[1] if self.request and len(self.request) > 1 else None
        return target if isinstance(target, str) and target else None


class _Tag(_Build, frozen=True):
    tag: str | None


class KojiEvents:
    """Koji's messages about builds."""

    topics = (STATE, TAG)

    def __init__(self, options: Mapping[str, Any]) -> None:
        self.options = reading.options(Options, "koji", options)

    def facts(self, message_id: str, topic: str, sent_at: datetime.datetime, body: Mapping[str, Any]) -> Facts | None:
        """A build that is offered, withdrawn or signed."""
        known = {"message_id": message_id, "topic": topic, "at": sent_at}
        if body.get("instance", self.options.instance) != self.options.instance:
            return None
        if topic.endswith(TAG):
            tagged = reading.body(_Tag, body)
            signed = tagged.tag is not None and _any(self.options.signed_tags, tagged.tag)
            return _facts(Happening.SIGNED, tagged, tagged.tag, known) if signed else None
        if not self.options.packages:
            return None  # Without a look at the body: these come by the thousand.
        build = reading.body(_State, body)
        happened = {_COMPLETE: Happening.OFFERED, **dict.fromkeys(_GONE, Happening.WITHDRAWN)}.get(build.new)
        if happened is None or not _any(self.options.packages, build.name):
            return None
        return _facts(happened, build, build.where, known)


def _any(patterns: tuple[str, ...], text: str) -> bool:
    return any(fnmatch.fnmatchcase(text, pattern) for pattern in patterns)


def _facts(happened: Happening, build: _Build, release: str | None, known: dict[str, Any]) -> Facts:
    return reading.facts(
        happened=happened,
        subject=build.nvr,
        release=release,
        reference=build.nvr,
        builds=(build.nvr,),
        build_ids=() if build.build_id is None else (build.build_id,),
        user=build.owner,
        **known,
    )
