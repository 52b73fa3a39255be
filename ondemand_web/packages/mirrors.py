# SPDX-License-Identifier: MIT
"""Where a repository can be read: its base URLs, and the mirrors that its metalink or mirror list names.

Reads metalinks as MirrorManager writes them, and lists of one address a line. Asks no mirror.
"""

from __future__ import annotations

import dataclasses
import hashlib
import time
import xml.etree.ElementTree as etree

import requests

from ondemand import errors, releases
from ondemand_web.packages import downloads

LIMIT = 4 * 1024 * 1024
MOST = 20
"""Addresses that are kept of a list."""
SECONDS = 15.0
SLOW = 5.0
"""Seconds after which a failure was a slow one; such an address is left alone for REST seconds where it can be."""
REST = 120.0
_REPOMD = "/repodata/repomd.xml"
_FILE = "{http://www.metalinker.org/}"
_OLDER = "{http://fedorahosted.org/mirrormanager}alternate"
_SCHEMES = ("http://", "https://")
_KINDS = ("sha512", "sha256")


class Resting:
    """The servers of this process that failed slowly a moment ago, so that each delays one check and not every one."""

    def __init__(self) -> None:
        self._until: dict[str, float] = {}

    def has(self, url: str) -> bool:
        """Whether that address rests."""
        return self._until.get(url, 0.0) > time.monotonic()

    def failed(self, url: str, seconds: float) -> None:
        """Notes a failure that took so long."""
        if seconds >= SLOW:
            self._until[url] = time.monotonic() + REST


resting = Resting()


@dataclasses.dataclass(frozen=True, kw_only=True)
class Mirrors:
    """`urls` are base URLs in the order in which they are tried.

    `states` are the states of repomd.xml that a mirror may have, the newest first, each as `kind:digest` in
    lower-case hex; empty where none are known, and then any may be had.
    """

    urls: tuple[str, ...]
    states: tuple[str, ...] = ()

    def age(self, repomd: bytes) -> int | None:
        """How many states are newer than this one; None for a state that no mirror may have."""
        if not self.states:
            return 0
        known = {f"{kind}:{hashlib.new(kind, repomd).hexdigest()}" for kind in _KINDS}
        return next((number for number, state in enumerate(self.states) if state in known), None)


def find(repository: releases.Repository, arch: str, session: requests.Session) -> Mirrors:
    """The repository's addresses; those of its lists first. A list that can't be read leaves the base URLs.

    Raises errors.SourceUnavailable when no address is left.
    """
    own, trouble = repository.urls(arch), None
    for address, read in ((repository.metalink, of_metalink), (repository.mirrorlist, of_list)):
        if address is None:
            continue
        url = address.replace("{arch}", arch)
        if own and resting.has(url):
            continue
        began = time.monotonic()
        try:
            listed = read(downloads.text(session, url, LIMIT, SECONDS), arch)
        except downloads.Missing:
            trouble = downloads.unavailable(url, "there is no list of mirrors at that address")
        except ValueError as error:
            trouble = downloads.unavailable(url, f"it is no list of mirrors ({error})")
        except errors.SourceUnavailable as error:
            trouble = error
            resting.failed(url, time.monotonic() - began)
        else:
            return Mirrors(urls=tuple(dict.fromkeys((*listed.urls[:MOST], *own))), states=listed.states)
    if trouble and not own:
        raise trouble
    return Mirrors(urls=own)


def of_metalink(data: bytes, _arch: str = "") -> Mirrors:
    """What a metalink of repomd.xml says; raises ValueError for one that names no mirror or no digest."""
    try:
        root = etree.fromstring(data)  # noqa: S314 - 4 MiB at most, and expat bounds entities
    except etree.ParseError as error:
        raise ValueError(str(error)) from error
    file = next((item for item in root.iter(f"{_FILE}file") if item.get("name") == "repomd.xml"), None)
    if file is None:
        raise ValueError("it names no repomd.xml")
    states = [_state(file), *(_state(older) for older in file.iter(_OLDER))]
    listed = sorted(file.iter(f"{_FILE}url"), key=lambda url: -_preference(url))
    texts = ((url.text or "").strip() for url in listed)
    urls = tuple(t.removesuffix(_REPOMD) for t in texts if t.startswith(_SCHEMES) and t.endswith(_REPOMD))
    if not urls or not states[0]:
        raise ValueError("it names no mirror" if not urls else "it names no SHA-256 or SHA-512 of repomd.xml")
    return Mirrors(urls=urls, states=tuple(filter(None, states)))


def of_list(data: bytes, arch: str) -> Mirrors:
    """What a mirror list says, or a metalink in its place; raises ValueError for one that names no mirror."""
    if b"<metalink" in data[:1000]:
        return of_metalink(data)
    lines = (line.strip() for line in data.decode("utf-8", "replace").splitlines())
    urls = tuple(
        line.replace("$basearch", arch).replace("$arch", arch).rstrip("/")
        for line in lines
        if line.startswith(_SCHEMES) and not any(c.isspace() for c in line)
    )
    if not urls:
        raise ValueError("it names no mirror")
    return Mirrors(urls=urls)


def _state(item: etree.Element) -> str:
    """The strongest digest that stands in the item's own `verification`."""
    found = {}
    for verification in item:
        if verification.tag.rpartition("}")[2] == "verification":
            found = {one.get("type", ""): (one.text or "").strip().lower() for one in verification}
    return next((f"{kind}:{found[kind]}" for kind in _KINDS if found.get(kind)), "")


def _preference(url: etree.Element) -> int:
    try:
        return int(url.get("preference") or 0)
    except ValueError:
        return 0
