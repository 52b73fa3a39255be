# SPDX-License-Identifier: MIT
"""Update notices (updateinfo) of a repository: which update brought an RPM there. Decides nothing.

Read only when someone asks, once for each snapshot; an index stays beside it.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import json
import pathlib
import tempfile
import xml.etree.ElementTree as etree
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ondemand import errors, locks
from ondemand_web.packages import snapshots
from ondemand_web.packages.places import Place

LIMIT = 512 * 1024 * 1024
_PIECE = 1024 * 1024


@dataclasses.dataclass(frozen=True)
class Advisory:
    """An update as its notice tells of it: `kind` and `severity` in Bodhi's words, empty where it does not say."""

    update: str
    kind: str = ""
    severity: str = ""


def of(snapshot: snapshots.Snapshot) -> Mapping[str, Advisory]:
    """The update for each RPM file name; empty where the repository has no notices or they can't be read."""
    if snapshot.updateinfo is not None:
        with contextlib.suppress(errors.SourceUnavailable, etree.ParseError):
            return _read(snapshot, snapshot.updateinfo)
    return {}


@functools.lru_cache(maxsize=4)
def _read(snapshot: snapshots.Snapshot, notices: snapshots.Part) -> Mapping[str, Advisory]:
    """The notices, from their index where there is one; kept, since a snapshot never changes."""
    index = snapshot.folder / "updates.json"
    with contextlib.suppress(OSError, ValueError, TypeError, LookupError):
        kept = json.loads(index.read_text("utf-8"))
        updates = [Advisory(*words) for words in kept["updates"]]
        return {file: updates[number] for file, number in kept["files"].items()}
    with snapshots.opened(snapshot, notices) as source:
        found = {file: update for update, files in _updates(source) for file in files}
    _keep(index, found)
    return found


def notes(packages: Iterable[locks.LockedPackage], places: Iterable[Place]) -> list[str]:
    """A sentence for each update whose wanted packages a repository has already."""
    by_id = {place.snapshot.repository: place.snapshot for place in places}
    updates: dict[tuple[str, str], list[str]] = {}
    for package in packages:
        if package.wanted and package.origin in by_id:
            advisory = of(by_id[package.origin]).get(package.filename)
            if advisory:
                updates.setdefault((advisory.update, package.origin), []).append(package.nevra)
    return [
        f"Repository {origin} has {', '.join(sorted(nevras))} already, as part of update {update}."
        for (update, origin), nevras in sorted(updates.items())
    ]


def _updates(source: Any) -> Iterator[tuple[Advisory, list[str]]]:
    """Each update and its RPMs' file names."""
    parser: Any = etree.XMLPullParser(("end",))
    left = LIMIT
    while left > 0 and (piece := source.read(_PIECE)):
        left -= len(piece)
        parser.feed(piece)
        for _, item in parser.read_events():
            if isinstance(item, etree.Element) and item.tag == "update":
                words = (item.findtext("id"), item.get("type"), item.findtext("severity"))
                advisory = Advisory(*((word or "").strip()[:100] for word in words))
                yield advisory, [_file(package) for package in item.iter("package")]
                item.clear()


def _file(package: etree.Element) -> str:
    name, version, release, arch = (package.get(key, "") for key in ("name", "version", "release", "arch"))
    return f"{name}-{version}-{release}.{arch}.rpm"


def _keep(index: pathlib.Path, found: Mapping[str, Advisory]) -> None:
    numbers = {update: number for number, update in enumerate(dict.fromkeys(found.values()))}
    kept = {
        "updates": [dataclasses.astuple(update) for update in numbers],
        "files": {file: numbers[update] for file, update in found.items()},
    }
    with contextlib.suppress(OSError):
        with tempfile.NamedTemporaryFile("w", dir=index.parent, prefix=".new-", delete=False) as made:
            json.dump(kept, made)
        pathlib.Path(made.name).replace(index)
