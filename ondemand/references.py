# SPDX-License-Identifier: MIT
"""One syntax for what a request wants, the same on web, REST, bus and command line. Parses; asks nobody.

A reference is `kind:value`; the usual ones need no kind: an update's alias, a build's NVR, a package's name, and
the addresses of Bodhi's and Koji's pages. docs/references.md shows each.
"""

from __future__ import annotations

import contextlib
import dataclasses
import re
import urllib.parse
from collections.abc import Iterable

from ondemand import errors

LONGEST = 1000
"""Characters that a reference may have, a page's address included."""

_ALIAS = r"[A-Z][A-Z0-9-]{1,30}-[0-9]{4}-[0-9a-f]{6,16}"
_NAME = r"[A-Za-z0-9][A-Za-z0-9._+-]{0,200}"
_VERSION = r"[A-Za-z0-9._+~^]{1,100}"
_DRAFT = r"(?:,draft_[0-9]{1,12})?"
_ID = r"[0-9]{1,12}"
_NVR = rf"{_NAME}-{_VERSION}-{_VERSION}{_DRAFT}"

KINDS: dict[str, re.Pattern[str]] = {
    "bodhi": re.compile(_ALIAS),
    "koji": re.compile(rf"{_NVR}|{_ID}"),
    "task": re.compile(_ID),
    "tag": re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,254}"),
    "package": re.compile(rf"{_NAME}(?:-{_VERSION}){{0,2}}"),
    "set": re.compile(r"[a-z0-9][a-z0-9-]{0,63}(?:@[1-9][0-9]{0,8})?"),
    "upload": re.compile(r"[0-9a-f]{64}"),
}
"""What may stand behind each kind; every kind is served by the source plugin of that name."""

_OTHER = re.compile(r"([a-z][a-z0-9-]{1,30}):([A-Za-z0-9][!-~]{0,199})")
"""A kind that only a plugin knows, and what it looks up: printable and without blanks."""

_PAGES = {"buildinfo": ("buildID", "koji"), "taskinfo": ("taskID", "task"), "taginfo": ("tagID", "tag")}
"""Koji's pages, each with the field of its address that names what it shows."""

# Nearly every version and release begins with a digit, and nearly no two last words of a package's name do.
_LIKE_NVR = re.compile(rf"{_NAME}-[0-9][A-Za-z0-9._+~^]{{0,99}}-[0-9][A-Za-z0-9._+~^]{{0,99}}{_DRAFT}")
_ENDS = re.compile(r"(-[0-9][^-]*){1,2}$")
_BARE = (("bodhi", KINDS["bodhi"]), ("koji", _LIKE_NVR), ("package", KINDS["package"]))


@dataclasses.dataclass(frozen=True, kw_only=True)
class Reference:
    """What is wanted: `kind` names the source, `value` what it looks up, `text` what the user wrote."""

    kind: str
    value: str
    text: str = dataclasses.field(compare=False)

    def __str__(self) -> str:
        return f"{self.kind}:{self.value}"

    @property
    def own_code(self) -> bool:
        """Whether it names packages that anybody may have made: their scripts run as root on a builder."""
        return self.kind in ("task", "upload") or self.kind not in KINDS


def parse(text: str) -> Reference:
    """The reference that a text means; raises errors.UnknownReference for what means nothing."""
    text = text.strip()
    if len(text) > LONGEST:
        raise _unknown(text, f"it has more than {LONGEST} characters")
    kind, _, value = text.partition(":")
    if kind in KINDS:
        if KINDS[kind].fullmatch(value):
            return Reference(kind=kind, value=value, text=text)
        raise _unknown(text, f"what stands behind «{kind}:» has not the form that it needs there")
    if kind in ("http", "https"):
        return _page(text)
    if other := _OTHER.fullmatch(text):
        return Reference(kind=other.group(1), value=other.group(2), text=text)
    for kind, pattern in _BARE:
        if pattern.fullmatch(text):
            return Reference(kind=kind, value=text, text=text)
    raise _unknown(text, "it is neither an update (FEDORA-2026-0123456789), a build (bash-5.3.3-1.fc44) nor a package (bash)")


def packages(texts: Iterable[object]) -> list[str]:
    """Names of the packages that references tell by themselves; an update's and a set's are known only to who asks."""
    found = set()
    for text in texts:
        with contextlib.suppress(errors.UnknownReference):
            item = parse(text) if isinstance(text, str) else None
            if item is not None and item.kind == "koji" and "-" in item.value:
                found.add(item.value.rsplit("-", 2)[0])
            elif item is not None and item.kind == "package":
                found.add(_ENDS.sub("", item.value))
    return sorted(found)


def _page(address: str) -> Reference:
    """What a page of Bodhi or Koji shows, by the address that people copy from their browser."""
    try:
        parts = urllib.parse.urlsplit(address)
        query = urllib.parse.parse_qs(parts.query, max_num_fields=20)
    except ValueError:
        raise _unknown(address, "it is no address") from None
    above, _, page = parts.path.rstrip("/").rpartition("/")
    kind, value = "", ""
    if page in _PAGES:
        field, kind = _PAGES[page]
        value = query.get(field, [""])[0]
    elif above.endswith("/updates"):
        kind, value = "bodhi", page
    if not kind or not KINDS[kind].fullmatch(value):
        raise _unknown(address, "it is no address of an update in Bodhi, or of a build, task or tag in Koji")
    return Reference(kind=kind, value=value, text=address)


def _unknown(text: str, cause: str) -> errors.UnknownReference:
    return errors.UnknownReference(
        f"«{text[:200]}» names nothing that can be wanted",
        cause=cause,
        remedy="write the update's alias, the build's name-version-release, the package's name, or `kind:value`",
    )
