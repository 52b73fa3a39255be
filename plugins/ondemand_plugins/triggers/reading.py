# SPDX-License-Identifier: MIT
"""How every trigger reads: its table of options, a message's body, and the facts that it makes. Each field is checked,
since a body may hold anything and some schemas of the bus demand nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, TypeVar

import pydantic

from ondemand import errors
from ondemand.facts import Facts

Model = TypeVar("Model", bound=pydantic.BaseModel)
BuildId = Annotated[pydantic.StrictInt, pydantic.Field(gt=0, lt=2**53)]
MANY = 500
"""Builds of one message; facts hold no more."""
_SHOWN = 5
"""Wrong fields that a sentence names."""


class Options(pydantic.BaseModel, frozen=True, extra="forbid"):
    """A trigger's table of options; an unknown key is an error."""


class Body(pydantic.BaseModel, frozen=True):
    """A part of a message's body; what is not asked for is not looked at."""


def options(kind: type[Model], name: str, table: Mapping[str, Any]) -> Model:
    """The options of trigger `name`; raises errors.CannotStart."""
    try:
        return kind.model_validate(dict(table))
    except pydantic.ValidationError as error:
        raise errors.CannotStart(
            f"The options of trigger «{name}» can't be used",
            cause=_wrong(error),
            remedy=f"correct [consumer_config.triggers.{name}] as docs/bots.md describes it",
        ) from error


def body(kind: type[Model], data: Mapping[str, Any]) -> Model:
    """What is asked for in a body; raises errors.InvalidRequest."""
    try:
        return kind.model_validate(data)
    except pydantic.ValidationError as error:
        raise _malformed(error) from error


def facts(**values: Any) -> Facts:
    """The facts; raises errors.InvalidRequest where a value is no fact."""
    try:
        return Facts(**values)
    except pydantic.ValidationError as error:
        raise _malformed(error) from error


def _malformed(error: pydantic.ValidationError) -> errors.InvalidRequest:
    return errors.InvalidRequest(
        "The message is malformed", cause=_wrong(error), remedy="have its sender look, or teach the trigger the new form"
    )


def _wrong(error: pydantic.ValidationError) -> str:
    found = error.errors(include_url=False, include_context=False, include_input=False)[:_SHOWN]
    told = (f"{'.'.join(map(str, item['loc'])) or 'it'}: {item['msg'].rstrip('.')}" for item in found)
    return "; ".join(told)[:600]
