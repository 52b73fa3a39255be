# SPDX-License-Identifier: MIT
"""What became of an update, by its dates and the comments that Bodhi itself writes on it. Asks nobody.

An edit of its builds takes an update out of the repositories and makes it pending again, so its dates alone don't tell it.
"""

from __future__ import annotations

import datetime
import re

import pydantic

from ondemand import errors, references

WRITER = "bodhi"
"""The user by whose name Bodhi comments."""
_NAMED = 10
"""Builds that a sentence names."""
_LONGEST = 100_000
_ITEM = r"[ \t]*[-*][ \t]+(\S{3,400})[ \t]*"
_GOT = re.compile(rf"New build\(s\):\s*((?:^{_ITEM}$\s*)+)", re.MULTILINE)
_LOST = re.compile(rf"Removed build\(s\):\s*((?:^{_ITEM}$\s*)+)", re.MULTILINE)
_EACH = re.compile(rf"^{_ITEM}$", re.MULTILINE)
_FOLLOWER = re.compile(r"obsoleted by \[(\S{3,400})\]\((https?://\S{1,500})\)")


class _User(pydantic.BaseModel):
    name: str = ""


class Comment(pydantic.BaseModel):
    """A comment as Bodhi gives it; its time is UTC."""

    text: str = ""
    timestamp: str | None = None
    user: _User = _User()

    @property
    def when(self) -> datetime.datetime | None:
        """Its time."""
        return moment(self.timestamp)


class History(pydantic.BaseModel):
    """The dates and comments of Bodhi's update object; what is missing is not known."""

    date_modified: str | None = None
    date_pushed: str | None = None
    comments: list[Comment] = []

    def edited(self, alias: str, nvrs: list[str]) -> str:
        """The sentence for an update whose builds were changed, or that was edited after its push; else empty."""
        pushed = moment(self.date_pushed)
        change = next((note for note in self._own() if _changes(note.text)), None)
        when = change.when if change else moment(self.date_modified)
        if when is None or (change is None and (pushed is None or when <= pushed)):
            return ""
        after = f", after it was pushed on {_day(pushed)}" if pushed and when > pushed else ""
        what = f"; it {_changes(change.text)}" if change else ""
        return f"Update {alias} was edited on {_day(when)}{after}{what}; its builds now are {_named(nvrs)}."

    def follower(self) -> tuple[str, str]:
        """The NVR and the alias of what made it obsolete; empty where Bodhi doesn't say."""
        for note in self._own():
            if found := _FOLLOWER.search(note.text[:_LONGEST]):
                try:
                    reference = references.parse(found[2])
                except errors.UnknownReference:
                    continue
                if reference.kind == "bodhi":
                    return found[1], reference.value
        return "", ""

    def _own(self) -> list[Comment]:
        """Bodhi's own comments, the newest first."""
        own = [note for note in self.comments if note.user.name == WRITER and note.when]
        return sorted(own, key=lambda note: note.timestamp or "", reverse=True)


def moment(text: str | None) -> datetime.datetime | None:
    """A time as Bodhi writes it, in UTC; None for none or any other text."""
    try:
        return datetime.datetime.strptime(text or "", "%Y-%m-%d %H:%M:%S").replace(tzinfo=datetime.UTC)
    except ValueError:
        return None


def _changes(text: str) -> str:
    """What an edit did to the builds, in words; empty for an edit of something else."""
    text = text[:_LONGEST].replace("\r\n", "\n")
    if "edited this update" not in text:
        return ""
    said = []
    for pattern, verb in ((_GOT, "got"), (_LOST, "lost")):
        if found := pattern.search(text):
            said.append(f"{verb} {_named(_EACH.findall(found[1]))}")
    return " and ".join(said)


def _named(nvrs: list[str]) -> str:
    more = f" and {len(nvrs) - _NAMED} more" if len(nvrs) > _NAMED else ""
    return ", ".join(nvrs[:_NAMED]) + more


def _day(when: datetime.datetime) -> str:
    return f"{when:%Y-%m-%d %H:%M} UTC"
