# SPDX-License-Identifier: MIT
"""The messages on Fedora's bus; wake-up and news, never the truth. Importable with the base install alone.

A published schema never changes. A newer version is a subclass of the one before, so that who asks for that gets it, too.
"""

from __future__ import annotations

from typing import Any

from fedora_messaging import message

from ondemand import orders, references

LINES, LONGEST = 20, 300
"""How many lines of a log a message has at most, and their characters."""
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


_BUILDER: dict[str, Any] = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "description": "The builder's name."},
        "arches": {"type": "array", "items": {"type": "string"}, "description": "Architectures that it can build for."},
        "backends": {"type": "array", "items": {"type": "string"}, "description": "Backends that it offers."},
    },
    "required": ["name", "arches", "backends"],
}
_ARTIFACT: dict[str, Any] = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "description": "The file's name."},
        "role": {"type": "string", "description": "`image`, `checksum`, `manifest` and so on."},
        "url": {"type": "string", "description": "Its address."},
        "size": {"type": "integer", "description": "Bytes."},
        "sha256": {"type": "string", "description": "Its SHA-256, lower-case hex."},
    },
    "required": ["name", "role", "url", "size", "sha256"],
}
_WISH: dict[str, Any] = {
    "type": "object",
    "properties": {
        "id": {"type": "integer", "description": "The wish's id."},
        "url": {"type": "string", "description": "Its page."},
        "subject": {"type": "string", "description": "The update's alias, or what else the message spoke of."},
        "message_id": {"type": "string", "description": "The message that it came from."},
        "user": {"type": ["string", "null"], "description": "Whose update it is."},
        "builds": {"type": "array", "items": {"type": "string"}, "description": "NVRs of its builds."},
    },
    "required": ["id", "url", "subject", "message_id", "builds"],
}


def _schema(name: str, *, optional: tuple[str, ...] = (), **properties: Any) -> dict[str, Any]:
    return {
        "id": name,
        "$schema": "http://json-schema.org/draft-07/schema#",
        "type": "object",
        "properties": properties,
        "required": [key for key in properties if key not in optional],
    }


class _Message(message.Message):
    """What all our messages share."""

    @property
    def app_name(self) -> str:
        """The name that people see."""
        return "ondemand"

    def __str__(self) -> str:
        return f"{self.summary}\n{self.url}" if self.url else str(self.summary)


class BuildMessage(_Message):
    """What messages about builds share: the body's `build` tells which build they speak of."""

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
        """Names of the wanted builds' packages. Those of an update that a person asks for are known once it is checked."""
        return [str(name) for name in self.body["build"]["packages"]]

    @property
    def _title(self) -> str:
        build = self.body["build"]
        return f"build {build['id']} ({build['title']})"


class BuildRequestedV1(BuildMessage):
    """A build is locked and waits for a builder; builders wake on it."""

    topic = "ondemand.build.requested"
    body_schema = _schema("ondemand.build.requested.v1", build=_BUILD)

    @property
    def summary(self) -> str:
        """One line for people."""
        return f"{self.usernames[0]}'s {self._title} waits for a builder"


class BuildStateChangedV1(BuildMessage):
    """A build went from one state to another (see ondemand.states.State). Sent by services before version 2 of the schema."""

    topic = "ondemand.build.state.changed"
    body_schema = _schema(
        "ondemand.build.state.changed.v1",
        build=_BUILD,
        old={"type": ["string", "null"], "description": "The state before; null for a new build."},
        new={"type": "string", "description": "The state now."},
        reason={"type": ["string", "null"], "description": "Why, as a sentence or phrase."},
    )

    @property
    def summary(self) -> str:
        """One line for people."""
        reason = f": {self.body['reason']}" if self.body["reason"] else ""
        return f"{self.usernames[0]}'s {self._title} is now {self.body['new']}{reason}"


class BuildStateChangedV2(BuildStateChangedV1):
    """A build went from one state to another (see ondemand.states.State); of a failed one with the lines of its log."""

    body_schema = _schema(
        "ondemand.build.state.changed.v2",
        **BuildStateChangedV1.body_schema["properties"],
        lines={
            "type": "array",
            "items": {"type": "string", "maxLength": LONGEST},
            "maxItems": LINES,
            "description": f"Of a failed build the log's lines around the place, {LINES} of {LONGEST} characters at most; else empty.",
        },
    )


class ImagePublishedV1(BuildMessage):
    """A build has succeeded: its image holds what was wanted, boots, and lies at these addresses."""

    topic = "ondemand.image.published"
    body_schema = _schema(
        "ondemand.image.published.v1",
        build=_BUILD,
        artifacts={"type": "array", "items": _ARTIFACT, "description": "The image first."},
    )

    @property
    def summary(self) -> str:
        """One line for people."""
        return f"the image of {self.usernames[0]}'s {self._title} is published"


class BuilderMessage(_Message):
    """What messages about builders share."""

    @property
    def url(self) -> str:
        """Empty, as builders have no page."""
        return ""

    @property
    def usernames(self) -> list[str]:
        """None, as builders are nobody's."""
        return []

    @property
    def packages(self) -> list[str]:
        """None, as it is about no package."""
        return []

    @property
    def _name(self) -> str:
        return str(self.body["builder"]["name"])


class BuilderJoinedV1(BuilderMessage):
    """A builder is there and takes builds."""

    topic = "ondemand.builder.joined"
    body_schema = _schema("ondemand.builder.joined.v1", builder=_BUILDER)

    @property
    def summary(self) -> str:
        """One line for people."""
        return f"builder {self._name} has joined"


class BuilderLostV1(BuilderMessage):
    """A builder was not heard of for a lease; what it built is tried again elsewhere."""

    topic = "ondemand.builder.lost"
    severity = message.WARNING
    body_schema = _schema(
        "ondemand.builder.lost.v1",
        builder=_BUILDER,
        reason={"type": "string", "description": "Why it counts as lost, as a phrase."},
    )

    @property
    def summary(self) -> str:
        """One line for people."""
        return f"builder {self._name} is lost: {self.body['reason']}"


class WishDecidedV1(_Message):
    """A rule has decided about a wish: an image is ordered, joined to another one, or not made, and why."""

    topic = "ondemand.wish.decided"
    body_schema = _schema(
        "ondemand.wish.decided.v1",
        wish=_WISH,
        rule={"type": ["string", "null"], "description": "The rule; null where none fits."},
        release={"type": ["string", "null"], "description": "The release's name."},
        image_type={"type": ["string", "null"], "description": "`live`, `boot` or `dvd`."},
        decision={"type": "string", "description": "`ordered`, `joined`, `skipped`, `superseded`, `canceled` or `refused`."},
        reason={"type": "string", "description": "Why, as a sentence."},
        build={"type": ["integer", "null"], "description": "The id of the build that was ordered or joined."},
    )

    @property
    def url(self) -> str:
        """The wish's page."""
        return str(self.body["wish"]["url"])

    @property
    def usernames(self) -> list[str]:
        """Whose update it is."""
        user = self.body["wish"].get("user")
        return [str(user)] if user else []

    @property
    def packages(self) -> list[str]:
        """Names of the update's packages."""
        return sorted({str(nvr).rsplit("-", 2)[0] for nvr in self.body["wish"]["builds"]})

    @property
    def summary(self) -> str:
        """One line for people."""
        return f"{self.body['wish']['subject']}: {self.body['decision']}: {self.body['reason']}"


class BuildWishV1(_Message):
    """A bot asks for an image. Published by bots, heard where the operator lets them order; docs/bots.md tells how."""

    topic = orders.TOPIC
    body_schema = _schema(
        "ondemand.build.wish.v1",
        optional=("mac",),
        bot={"type": "string", "description": "The bot's name in the service's settings."},
        request={"type": "object", "description": "The fields of `POST /api/v1/builds` (docs/api.md)."},
        mac={"type": "string", "description": "What proves the bot, where the operator gave it a secret."},
    )

    @property
    def url(self) -> str:
        """Empty, as the order's answer has the build's page."""
        return ""

    @property
    def usernames(self) -> list[str]:
        """The bot."""
        return [str(self.body["bot"])]

    @property
    def packages(self) -> list[str]:
        """Names of the packages, where the wanted builds are named by these or by name-version-release."""
        builds = self.body["request"].get("builds")
        return references.packages(builds) if isinstance(builds, list) else []

    @property
    def summary(self) -> str:
        """One line for people."""
        request = self.body["request"]
        return f"bot {self.body['bot']} asks for an image of {request.get('release', 'no release')}"


class BuildWishAnsweredV1(_Message):
    """A bot's wish is accepted, and is a build from now on, or refused and why. Once for each wish, by its message id."""

    topic = f"{orders.TOPIC}.answered"
    body_schema = _schema(
        "ondemand.build.wish.answered.v1",
        message_id={"type": "string", "description": "The id of the message that asked."},
        bot={"type": "string", "description": "The bot that asked, by its own word."},
        owner={"type": ["string", "null"], "description": "Who owns the bot's builds; null when it may not order."},
        accepted={"type": "boolean", "description": "Whether there is a build; whether it can be made is the build's own story."},
        build={"type": ["integer", "null"], "description": "The build's id."},
        url={"type": ["string", "null"], "description": "The build's page."},
        error={"type": ["string", "null"], "description": "The error's code (docs/errors.md)."},
        reason={"type": ["string", "null"], "description": "Why it was refused, as a sentence."},
        details={"type": "array", "items": {"type": "string"}, "description": "Further sentences, 20 at most."},
    )

    @property
    def url(self) -> str:
        """The build's page, if there is a build."""
        return str(self.body["url"] or "")

    @property
    def usernames(self) -> list[str]:
        """The owner."""
        return [str(self.body["owner"])] if self.body["owner"] else []

    @property
    def packages(self) -> list[str]:
        """None, as the build's own messages name them."""
        return []

    @property
    def summary(self) -> str:
        """One line for people."""
        outcome = f"accepted as build {self.body['build']}" if self.body["accepted"] else f"refused: {self.body['reason']}"
        return f"the wish of bot {self.body['bot']} is {outcome}"
