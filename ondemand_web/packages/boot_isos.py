# SPDX-License-Identifier: MIT
"""The boot.iso that a release published, by its tree's `.treeinfo`; kept beside the snapshots. Downloads no image."""

from __future__ import annotations

import configparser
import pathlib
import re
import time
import uuid

import pydantic
import requests

from ondemand import build_requests, deadlines, errors, locks, releases
from ondemand_web.packages import downloads, latest

TREEINFO = ".treeinfo"
IMAGE = "images/boot.iso"
LIMIT = 1024 * 1024
"""Bytes that a `.treeinfo` may have."""
_SECONDS = 30.0
_DIGEST = re.compile(r"sha256:([0-9a-f]{64})", re.IGNORECASE)


def published(
    release: releases.Release,
    image_type: build_requests.ImageType,
    arch: str,
    folder: pathlib.Path,
    session: requests.Session,
    *,
    backend: str | None = None,
    kept: bool = False,
    age: float = latest.DAY,
) -> locks.BootIso | None:
    """The boot.iso from which `backend`, else the definition's own, makes the image type; None: from none.

    It is read anew, or with `kept` as it was read last.
    One that can't be read anew is taken as it was less than `age` seconds ago. Raises errors.SourceUnavailable, or
    errors.ServiceError for a tree that names none.
    """
    installer = release.installer(image_type, backend)
    if installer is None or not (tree := installer.tree(arch)):
        return None
    note = folder / "newest" / f"{release.name}-{arch}-{image_type.value}-boot-iso"
    if kept and (known := _noted(note, tree)) is not None:
        return known
    try:
        found = _read(tree, session)
    except errors.SourceUnavailable:
        if (known := _noted(note, tree)) is not None and time.time() - note.stat().st_mtime < age:
            return known
        raise
    note.parent.mkdir(parents=True, exist_ok=True)
    work = note.with_name(f".new-{uuid.uuid4().hex}")
    work.write_text(found.model_dump_json())
    work.replace(note)
    return found


def digest(treeinfo: str) -> str | None:
    """The SHA-256 that a `.treeinfo` gives boot.iso; None without one."""
    reader = configparser.RawConfigParser(delimiters=("=",), strict=False, interpolation=None)
    reader.optionxform = str  # type: ignore[assignment,method-assign]
    try:
        reader.read_string(treeinfo)
    except configparser.Error:
        return None
    found = _DIGEST.fullmatch(reader.get("checksums", IMAGE, fallback="").strip())
    return found.group(1).lower() if found else None


def _read(tree: str, session: requests.Session) -> locks.BootIso:
    url = f"{tree}/{TREEINFO}"
    try:
        text = downloads.text(session, url, LIMIT, _SECONDS).decode("utf-8", "replace")
    except downloads.Missing:
        raise _unusable(tree, f"there is no {TREEINFO} at that address") from None
    if (sha256 := digest(text)) is None:
        raise _unusable(tree, f"its {TREEINFO} gives {IMAGE} no SHA-256")
    image = f"{tree}/{IMAGE}"
    return locks.BootIso(urls=(image,), sha256=sha256, size=_size(image, session))


def _size(url: str, session: requests.Session) -> int:
    """What the server says; -1 where it does not, since only the digest counts."""
    try:
        with deadlines.Deadline(_SECONDS), session.head(url, timeout=downloads.TIMEOUT, allow_redirects=True) as answer:
            length = answer.headers.get("Content-Length", "")
            return int(length) if answer.status_code == 200 and length.isdigit() else -1
    except requests.RequestException:
        return -1


def _noted(note: pathlib.Path, tree: str) -> locks.BootIso | None:
    try:
        found = locks.BootIso.model_validate_json(note.read_text())
    except (OSError, pydantic.ValidationError):
        return None
    return found if found.urls == (f"{tree}/{IMAGE}",) else None


def _unusable(tree: str, cause: str) -> errors.ServiceError:
    return errors.ServiceError(
        f"The installation tree {tree} of this release can't be used",
        cause=cause,
        remedy="the operator corrects `installer.boot_iso` in the release definition",
    )
