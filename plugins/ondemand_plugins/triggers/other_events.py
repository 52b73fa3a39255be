# SPDX-License-Identifier: MIT
"""Trigger `other`: messages of any bot, described in the configuration by the fields that they have. Nothing is evaluated:
a path is followed, a value compared, a text filled in."""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping
from typing import Annotated, Any

import pydantic

from ondemand.facts import Facts, Happening, Text
from ondemand_plugins.triggers import reading

_PATH = r"[A-Za-z0-9_*-]{1,60}(?:\.[A-Za-z0-9_*-]{1,60}){0,9}"
_FIELD = re.compile(rf"\{{({_PATH})\}}")
_GIVEN = ("message_id", "topic", "at")
Path = Annotated[str, pydantic.Field(pattern=rf"^{_PATH}$")]
Value = bool | int | str


class Described(reading.Options, frozen=True):
    """One kind of message: its topic's end, what must hold, and what its facts are."""

    topic: Text
    match: dict[Path, Value | tuple[Value, ...]] = pydantic.Field(default={}, max_length=20)
    """Path in the body to the value, or to a list of values one of which it must have."""
    fields: dict[str, Annotated[str, pydantic.Field(max_length=500)]] = pydantic.Field(max_length=20)
    """Field of the facts to its text, in which `{path}` stands for what is there in the body."""

    @pydantic.field_validator("fields")
    @classmethod
    def _known(cls, fields: dict[str, str]) -> dict[str, str]:
        may = [name for name in Facts.model_fields if name not in _GIVEN]
        if wrong := sorted(set(fields) - set(may)):
            raise ValueError(f"there is no fact {', '.join(wrong)[:100]}; there are {', '.join(may)}")
        if missing := {"happened", "subject"} - set(fields):
            raise ValueError(f"{', '.join(sorted(missing))} must be told")
        if odd := [name for name, text in fields.items() if re.search(r"[{}]", _FIELD.sub("", text))]:
            raise ValueError(f"{odd[0]} has a brace that encloses no path")
        if "{" not in fields["happened"]:
            Happening(fields["happened"])
        return fields


class Options(reading.Options, frozen=True):
    """`[consumer_config.triggers.other]`: of several that fit a message the first one counts."""

    messages: tuple[Described, ...] = pydantic.Field(default=(), max_length=100)


class OtherEvents:
    """Messages that the configuration describes."""

    topics: tuple[str, ...] = ()

    def __init__(self, options: Mapping[str, Any]) -> None:
        self.options = reading.options(Options, "other", options)
        self.topics = tuple(dict.fromkeys(message.topic for message in self.options.messages))

    def facts(self, message_id: str, topic: str, sent_at: datetime.datetime, body: Mapping[str, Any]) -> Facts | None:
        """What the first description that fits makes of the message."""
        for described in self.options.messages:
            ours = topic == described.topic or topic.endswith(f".{described.topic}")
            if ours and all(_holds(body, path, wanted) for path, wanted in described.match.items()):
                values = {name: _filled(text, body) for name, text in described.fields.items()}
                told = {name: value for name, value in values.items() if value is not None}
                return reading.facts(message_id=message_id, topic=topic, at=sent_at, **told)
        return None


def _holds(body: Mapping[str, Any], path: str, wanted: Value | tuple[Value, ...]) -> bool:
    found = _at(body, path.split("."))
    allowed = wanted if isinstance(wanted, tuple) else (wanted,)
    return any(type(found) is type(value) and found == value for value in allowed)


def _filled(text: str, body: Mapping[str, Any]) -> Any:
    """The text with its paths filled in; a path alone gives the value itself. None where one leads nowhere."""
    if alone := _FIELD.fullmatch(text):
        return _at(body, alone[1].split("."))
    found = {path: _at(body, path.split(".")) for path in _FIELD.findall(text)}
    if not all(isinstance(value, str | int) for value in found.values()):
        return None
    return _FIELD.sub(lambda match: str(found[match[1]]), text)


def _at(value: Any, words: list[str]) -> Any:
    """What lies there; `*` stands for every item of a list, a number for one. None where nothing does."""
    for place, word in enumerate(words):
        if isinstance(value, list) and word == "*":
            return [_at(item, words[place + 1 :]) for item in value[: reading.MANY + 1]]
        if isinstance(value, list) and word.isdecimal():
            value = value[int(word)] if int(word) < len(value) else None
        else:
            value = value.get(word) if isinstance(value, dict) else None
    return value
