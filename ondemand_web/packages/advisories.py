# SPDX-License-Identifier: MIT
"""Update notices (updateinfo) of a repository: which update brought an RPM there. Decides nothing.

Read only when someone asks, once for each snapshot; an index stays beside it.
"""

from __future__ import annotations

import contextlib
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


def of(snapshot: snapshots.Snapshot) -> Mapping[str, str]:
    """The update's id for each RPM file name; empty where the repository has no notices or they can't be read."""
    index = snapshot.folder / "advisories.json"
    with contextlib.suppress(OSError, ValueError):
        known: dict[str, str] = json.loads(index.read_text("utf-8"))
        return known
    if snapshot.updateinfo is None:
        return {}
    found: dict[str, str] = {}
    with contextlib.suppress(errors.SourceUnavailable, etree.ParseError):
        with snapshots.opened(snapshot, snapshot.updateinfo) as source:
            found = {file: update for update, files in _updates(source) for file in files}
        _keep(index, found)
    return found


def notes(packages: Iterable[locks.LockedPackage], places: Iterable[Place]) -> list[str]:
    """A sentence for each update whose wanted packages a repository has already."""
    by_id = {place.snapshot.repository: place.snapshot for place in places}
    updates: dict[tuple[str, str], list[str]] = {}
    for package in packages:
        if package.wanted and package.origin in by_id:
            update = of(by_id[package.origin]).get(package.filename)
            if update:
                updates.setdefault((update, package.origin), []).append(package.nevra)
    return [
        f"Repository {origin} has {', '.join(sorted(nevras))} already, as part of update {update}."
        for (update, origin), nevras in sorted(updates.items())
    ]


def _updates(source: Any) -> Iterator[tuple[str, list[str]]]:
    """Each update's id and its RPMs' file names."""
    parser: Any = etree.XMLPullParser(("end",))
    left = LIMIT
    while left > 0 and (piece := source.read(_PIECE)):
        left -= len(piece)
        parser.feed(piece)
        for _, item in parser.read_events():
            if isinstance(item, etree.Element) and item.tag == "update":
                yield (item.findtext("id") or "").strip()[:100], [_file(package) for package in item.iter("package")]
                item.clear()


def _file(package: etree.Element) -> str:
    name, version, release, arch = (package.get(key, "") for key in ("name", "version", "release", "arch"))
    return f"{name}-{version}-{release}.{arch}.rpm"


def _keep(index: pathlib.Path, found: Mapping[str, str]) -> None:
    with contextlib.suppress(OSError):
        with tempfile.NamedTemporaryFile("w", dir=index.parent, prefix=".new-", delete=False) as made:
            json.dump(found, made)
        pathlib.Path(made.name).replace(index)
