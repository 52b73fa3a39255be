# SPDX-License-Identifier: MIT
"""One syntax for wanted builds on web, REST, bus and command line. Parses; asks nobody."""

from __future__ import annotations

import dataclasses
import re

from ondemand import errors

_ALIAS = re.compile(r"^[A-Z][A-Z0-9-]{1,30}-\d{4}-[0-9a-f]{6,16}$")
_UPDATE_URL = re.compile(r"^https?://[^/\s]+/updates/([A-Z][A-Z0-9-]{1,30}-\d{4}-[0-9a-f]{6,16})/?$")
_BUILD_URL = re.compile(r"^https?://[^\s?]+/buildinfo\?buildID=(\d{1,12})$")
_NVR = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._+~^-]{0,200}-[A-Za-z0-9._+~^]{1,100}-[A-Za-z0-9._+~^]{1,100}$")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Reference:
    """A wanted build: `kind` names the source plugin, `value` what it looks up, `text` what the user wrote."""

    kind: str
    value: str
    text: str

    def __str__(self) -> str:
        return f"{self.kind}:{self.value}"


def parse(text: str) -> Reference:
    """The reference that a text means: `bodhi:ALIAS`, an update's alias or URL, `koji:NVR`, `koji:ID` or an NVR.

    Raises errors.UnknownReference for anything else.
    """
    text = text.strip()
    kind, _, rest = text.partition(":")
    if kind == "bodhi" and _ALIAS.match(rest):
        return Reference(kind="bodhi", value=rest, text=text)
    if kind == "koji" and (_NVR.match(rest) or re.fullmatch(r"\d{1,12}", rest)):
        return Reference(kind="koji", value=rest, text=text)
    if _ALIAS.match(text):
        return Reference(kind="bodhi", value=text, text=text)
    for pattern, source in ((_UPDATE_URL, "bodhi"), (_BUILD_URL, "koji")):
        if found := pattern.match(text):
            return Reference(kind=source, value=found.group(1), text=text)
    if _NVR.match(text):
        return Reference(kind="koji", value=text, text=text)
    raise errors.UnknownReference(
        f"«{text[:200]}» names no build",
        cause="it is neither a Bodhi update (FEDORA-2026-0123456789) nor a Koji build (bash-5.3.3-1.fc44)",
        remedy="write the update's alias or URL, or the build's name-version-release",
    )
