# SPDX-License-Identifier: MIT
"""The messages on Fedora's bus; wake-up and news, never the truth. Importable with the base install alone."""

from __future__ import annotations

from typing import Any

from fedora_messaging import message

_BUILD: dict[str, Any] = {
    "type": "object",
    "properties": {
        "id": {"type": "integer", "description": "The build's id."},
        "url": {"type": "string", "description": "The build's page."},
        "owner": {"type": "string", "description": "Who asked for it."},
        "release": {"type": "string", "description": "The release's name."},
        "arch": {"type": "string", "description": "The architecture."},
        "image_type": {"type": "string", "description": "`live`, `boot` or `dvd`."},
        "backend": {"type": "string", "description": "The tool that makes the image."},
        "title": {"type": "string", "description": "What people call it."},
        "packages": {"type": "array", "items": {"type": "string"}, "description": "Names of the wanted source packages."},
    },
    "required": ["id", "url", "owner", "release", "arch", "image_type", "title", "packages"],
}


def _schema(name: str, **properties: Any) -> dict[str, Any]:
    return {
        "id": name,
        "$schema": "http://json-schema.org/draft-07/schema#",
        "type": "object",
        "properties": {"build": _BUILD, **properties},
        "required": ["build", *properties],
    }


class BuildMessage(message.Message):
    """What all our messages share: the body's `build` tells which build they speak of."""

    @property
    def app_name(self) -> str:
        """The name that people see."""
        return "ondemand"

    @property
    def url(self) -> str:
        """The build's page."""
        return str(self.body["build"]["url"])

    @property
    def usernames(self) -> list[str]:
        """The owner."""
        return [str(self.body["build"]["owner"])]

    @property
    def packages(self) -> list[str]:
        """Names of the wanted builds' packages."""
        return [str(name) for name in self.body["build"]["packages"]]

    def __str__(self) -> str:
        return f"{self.summary}\n{self.url}"

    @property
    def _title(self) -> str:
        build = self.body["build"]
        return f"build {build['id']} ({build['title']})"


class BuildRequestedV1(BuildMessage):
    """A build is locked and waits for a builder; builders wake on it."""

    topic = "ondemand.build.requested"
    body_schema = _schema("ondemand.build.requested.v1")

    @property
    def summary(self) -> str:
        """One line for people."""
        return f"{self.usernames[0]}'s {self._title} waits for a builder"


class BuildStateChangedV1(BuildMessage):
    """A build went from one state to another (see ondemand.states.State)."""

    topic = "ondemand.build.state.changed"
    body_schema = _schema(
        "ondemand.build.state.changed.v1",
        old={"type": ["string", "null"], "description": "The state before; null for a new build."},
        new={"type": "string", "description": "The state now."},
        reason={"type": ["string", "null"], "description": "Why, as a sentence or phrase."},
    )

    @property
    def summary(self) -> str:
        """One line for people."""
        reason = f": {self.body['reason']}" if self.body["reason"] else ""
        return f"{self.usernames[0]}'s {self._title} is now {self.body['new']}{reason}"
