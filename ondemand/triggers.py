# SPDX-License-Identifier: MIT
"""Gives a message of the bus to the trigger that reads its topic; used by the consumer, and on recordings. Asks nobody."""

from __future__ import annotations

import dataclasses
import datetime
import json
import os
import pathlib
import re
import uuid
from collections.abc import Mapping
from typing import Any

import pydantic

from ondemand import errors, orders, plugins, registry
from ondemand.facts import Facts
from ondemand.orders import Order

_WORD = re.compile(r"[^\x00-\x20\x7f]{1,200}")
_NAMELESS = uuid.UUID("2b6d1c0e-6a56-4d3e-9d0c-4a2f3a7f5e11")
"""The namespace of ids that are made from what a message says."""
_MESSAGES_FAULT = (400, 413)
"""Of errors.HttpError these are the message's fault; any other status says that the address or the service is wrong."""
TOKEN = "ONDEMAND_TRIGGER_TOKEN"  # noqa: S105
"""The environment's variable that may hold the token."""


class TriggerOptions(pydantic.BaseModel, frozen=True, extra="forbid"):
    """The table `[consumer_config]` of the trigger; an unknown key is an error."""

    master: str = pydantic.Field(default="", pattern=r"^(https?://[^\s]{1,500})?$")
    """The master's address."""
    token_file: pathlib.Path | None = None
    """File with the token; without one ONDEMAND_TRIGGER_TOKEN holds it."""
    patience: float = pydantic.Field(default=600.0, gt=0, le=1200)
    """Seconds for which a message waits for a master that is away, before it goes back to the broker; the broker takes a
    message away from a consumer that has it for 30 minutes."""
    parked: str = pydantic.Field(default="ondemand.trigger.parked", pattern=r"^[A-Za-z0-9._-]{1,200}$")
    """Queue of the messages that can't be handled."""
    triggers: dict[str, dict[str, Any]] = {}
    """Options of each trigger, by its name."""
    orders: bool = False
    """Whether orders of bots are handed over, too; the master's settings say which bots may."""

    @property
    def address(self) -> str:
        """The master's address; raises errors.CannotStart."""
        if not self.master:
            raise errors.CannotStart(
                "The trigger has no master", remedy="set `master` in [consumer_config] to the service's address"
            )
        return self.master

    @property
    def token(self) -> str:
        """The token; raises errors.CannotStart where there is none."""
        try:
            token = self.token_file.read_text("utf-8") if self.token_file else os.environ.get(TOKEN, "")
        except (OSError, UnicodeError) as error:
            raise errors.CannotStart(
                f"The token of the trigger can't be read from {self.token_file}",
                cause=f"of {type(error).__name__}",
                remedy="name a file that holds it and that this user may read",
            ) from error
        if not re.fullmatch(r"[!-~]{1,500}", token.strip()):
            raise errors.CannotStart(
                "The trigger has no token that it could send", remedy=f"write it into `token_file`, or set {TOKEN}"
            )
        return token.strip()


def options(table: Mapping[str, Any]) -> TriggerOptions:
    """The options in `[consumer_config]`; raises errors.CannotStart."""
    try:
        return TriggerOptions.model_validate(dict(table))
    except pydantic.ValidationError as error:
        wrong = error.errors(include_url=False, include_context=False, include_input=False)
        raise errors.CannotStart(
            "The table [consumer_config] of the trigger can't be used",
            cause="; ".join(f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in wrong)[:600],
            remedy="compare it with fedora-messaging.toml.example",
        ) from error


@dataclasses.dataclass(frozen=True, kw_only=True)
class Heard:
    """A message as it came; nothing of it is checked."""

    id: Any
    topic: Any
    headers: Any
    body: Any

    @property
    def message_id(self) -> str:
        """The sender's id, or one made from what the message says, so that it is the same when it comes again."""
        if isinstance(self.id, str) and _WORD.fullmatch(self.id):
            return self.id
        said = json.dumps([self.topic, self._header("sent-at"), self.body], sort_keys=True, default=repr)
        return str(uuid.uuid5(_NAMELESS, said))

    @property
    def sent_at(self) -> datetime.datetime:
        """When it was sent; now, where it doesn't say so. Whether that is a time to come only the master can tell."""
        try:
            said = datetime.datetime.fromisoformat(self._header("sent-at"))
            return (said if said.tzinfo else said.replace(tzinfo=datetime.UTC)).astimezone(datetime.UTC)
        except (TypeError, ValueError, OverflowError):
            return datetime.datetime.now(datetime.UTC)

    def _header(self, name: str) -> Any:
        return self.headers.get(name) if isinstance(self.headers, dict) else None


class Triggers:
    """All installed triggers, by name; the first one that reads a topic gets the message."""

    def __init__(self, tables: Mapping[str, Mapping[str, Any]], *, with_orders: bool = False) -> None:
        """`tables` are the triggers' options; raises errors.PluginMissing and errors.CannotStart."""
        self._with_orders = with_orders
        found = registry.load_all(plugins.TRIGGERS)
        for name in tables:
            if name not in found:
                registry.load(plugins.TRIGGERS, name)
        self._triggers: dict[str, plugins.Trigger] = {name: found[name](tables.get(name, {})) for name in sorted(found)}

    @property
    def topics(self) -> tuple[str, ...]:
        """How the topics end that any of them reads."""
        return tuple(topic for trigger in self._triggers.values() for topic in trigger.topics)

    def said(self, heard: Heard) -> Facts | Order | None:
        """What the master is to get of the message, None when nothing; raises errors.InvalidRequest for a malformed one."""
        if not self._with_orders or not _ends(heard.topic, (orders.TOPIC,)):
            return self.facts(heard)
        if not isinstance(heard.body, dict):
            raise errors.InvalidRequest("The order is malformed", cause="its body is no JSON object")
        return orders.read(heard.message_id, heard.body)

    def facts(self, heard: Heard) -> Facts | None:
        """What the message says happened, None when nothing of interest; raises errors.InvalidRequest for a malformed one."""
        name = next((name for name, trigger in self._triggers.items() if _ends(heard.topic, trigger.topics)), None)
        if name is None:
            return None
        if not isinstance(heard.body, dict):
            raise errors.InvalidRequest("The message is malformed", cause="its body is no JSON object")
        try:
            return self._triggers[name].facts(heard.message_id, heard.topic, heard.sent_at, heard.body)
        except errors.OndemandError:
            raise
        except Exception as error:
            raise errors.InvalidRequest(
                f"The trigger «{name}» can't read the message",
                cause=f"of {type(error).__name__}: {str(error)[:200]}",
                remedy="have its author look; the message is kept",
            ) from error


def suspect(error: errors.OndemandError) -> bool:
    """Whether it may be the message that breaks the master: it answered, and neither token nor address is to blame."""
    blameless = errors.MasterUnavailable | errors.HttpError | errors.NotAuthenticated | errors.NotPermitted
    return not isinstance(error, blameless)


def called(said: Facts | Order) -> str:
    """What the log calls it."""
    return f"the order of bot {said.bot}" if isinstance(said, Order) else f"{said.subject}, which is {said.happened},"


def _ends(topic: Any, ends: tuple[str, ...]) -> bool:
    return isinstance(topic, str) and any(topic == end or topic.endswith(f".{end}") for end in ends)


def final(error: errors.OndemandError) -> bool:
    """Whether the message itself is refused, so that it would be again; else waiting may help."""
    if isinstance(error, errors.HttpError):
        return error.http_status in _MESSAGES_FAULT
    if isinstance(error, errors.NotAuthenticated | errors.NotPermitted):
        return False  # The token is the operator's fault; the message can wait for the right one.
    return isinstance(error, errors.RequestError)
