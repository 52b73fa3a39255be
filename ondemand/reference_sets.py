# SPDX-License-Identifier: MIT
"""Sets, named and versioned lists of references that many requests share. Records only."""

from __future__ import annotations

import datetime
from typing import Annotated

import pydantic

from ondemand import errors, references
from ondemand.build_requests import Line
from ondemand.builds import Record

MOST = 200
"""References that a set may hold."""
SetName = Annotated[str, pydantic.Field(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")]


class SetChange(pydantic.BaseModel, frozen=True, extra="forbid"):
    """A set's new list; with `based_on` it is refused when another version than that is the newest (0: none)."""

    references: tuple[Line, ...] = pydantic.Field(min_length=1, max_length=MOST)
    based_on: int | None = pydantic.Field(default=None, ge=0)

    @pydantic.field_validator("references")
    @classmethod
    def _plain(cls, texts: tuple[str, ...]) -> tuple[str, ...]:
        for text in texts:
            try:
                found = references.parse(text)
            except errors.UnknownReference as error:
                raise ValueError(error.sentence) from error
            if found.kind == "set" or found.own_code:
                raise ValueError(f"«{text}» can't be in a set, which everybody uses: name updates, builds, tags and packages")
        return tuple(dict.fromkeys(texts))


class SetRecord(Record):
    """One version of a set. `owner` and those whom the operator allows may change it."""

    name: str
    version: int
    newest: int
    owner: str
    references: tuple[str, ...]
    changed_by: str
    changed_at: datetime.datetime
