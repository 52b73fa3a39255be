# SPDX-License-Identifier: MIT
"""An order by message: what a bot asks for on the bus, and the proof that it was this bot. Asks nobody."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Annotated, Any

import pydantic

from ondemand import build_requests
from ondemand.build_requests import Word
from ondemand.facts import Text

TOPIC = "ondemand.build.wish"
DEEPEST = 8
"""Objects and lists within each other that a request may have; a sound one has three."""


def mac(secret: str, bot: str, message_id: str, request: Mapping[str, Any]) -> str:
    """What proves an order: HMAC-SHA256, in hex, over the JSON of bot, message id and request, keys sorted, no spaces."""
    said = {"bot": bot, "message_id": message_id, "request": request}
    text = json.dumps(said, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()


def _sound(request: dict[str, Any]) -> dict[str, Any]:
    """Refuses what the way to the master would break on, so that it is not tried for ever."""
    level: list[Any] = [request]
    for _ in range(DEEPEST):
        level = [inner for each in level for inner in (each.values() if isinstance(each, dict) else each)]
        level = [each for each in level if isinstance(each, dict | list)]
    if level:
        raise ValueError(f"it is nested deeper than {DEEPEST} levels")
    json.dumps(request, allow_nan=False)
    return request


class Order(pydantic.BaseModel, frozen=True, extra="forbid"):
    """One message; `request` is what `POST /api/v1/builds` takes, not yet judged."""

    message_id: Text
    bot: Word
    request: Annotated[dict[str, Any], pydantic.AfterValidator(_sound)]
    mac: Annotated[str, pydantic.Field(pattern=r"^[0-9a-f]{64}$")] | None = None

    def proven(self, secret: str) -> bool:
        """Whether who sent it knows the secret."""
        return hmac.compare_digest(self.mac or "", mac(secret, self.bot, self.message_id, self.request))


def read(message_id: str, body: Mapping[str, Any]) -> Order:
    """The order in a message's body; raises errors.InvalidRequest for one that can't be read."""
    known = {name: body[name] for name in ("bot", "request", "mac") if name in body}
    try:
        return Order.model_validate({"message_id": message_id, **known})
    except pydantic.ValidationError as error:
        raise build_requests.invalid(error) from error
