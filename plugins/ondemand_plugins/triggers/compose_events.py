# SPDX-License-Identifier: MIT
"""Trigger `compose`: Pungi has finished, so a release's repositories and its published boot.iso are new."""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping
from typing import Any

import pydantic

from ondemand.facts import Facts, Happening, Text
from ondemand_plugins.triggers import reading

STATUS = "pungi.compose.status.change"
_FINISHED = ("FINISHED", "FINISHED_INCOMPLETE")
"""Incomplete: an image failed that need not be there; the repositories are whole."""
_ID = re.compile(r"^([A-Za-z][A-Za-z0-9-]{0,60})-([A-Za-z0-9.]{1,20})-[0-9]{8}\.")


class Options(reading.Options, frozen=True):
    """`[consumer_config.triggers.compose]`."""

    products: tuple[Text, ...] = pydantic.Field(default=("Fedora",), max_length=100)
    """Short names of the products whose composes count; Cloud and IoT have composes of their own."""


class _Compose(reading.Body, frozen=True):
    status: str
    compose_id: Text
    release_short: Text | None = None
    release_version: Text | None = None


class ComposeEvents:
    """Pungi's messages about composes."""

    topics = (STATUS,)

    def __init__(self, options: Mapping[str, Any]) -> None:
        self.options = reading.options(Options, "compose", options)

    def facts(self, message_id: str, topic: str, sent_at: datetime.datetime, body: Mapping[str, Any]) -> Facts | None:
        """A release whose repositories are new."""
        compose = reading.body(_Compose, body)
        named = _ID.match(compose.compose_id)
        product = compose.release_short or (named[1] if named else None)
        if compose.status not in _FINISHED or product not in self.options.products:
            return None
        return reading.facts(
            message_id=message_id,
            topic=topic,
            at=sent_at,
            happened=Happening.COMPOSED,
            subject=compose.compose_id,
            release=compose.release_version or (named[2] if named else None),
        )
