# SPDX-License-Identifier: MIT
"""The latest snapshot of a release's repository: from the first mirror that has it, else as it was read last."""

from __future__ import annotations

import dataclasses
import datetime
import logging
import pathlib
import time
from collections.abc import Callable

import requests
import solv

from ondemand import errors, locks, releases
from ondemand_web.packages import downloads, mirrors, snapshots

log = logging.getLogger(__name__)
TRIES = 5
"""Mirrors that one reading asks at most."""
TOTAL = 240.0
"""Seconds that one reading of a repository may take, whatever its mirrors do."""
REPOMD = 15.0
"""Seconds that a mirror has for repomd.xml."""
REST = 120.0
"""Seconds for which metadata that can't be read are not tried again: the same bytes fail in the same way."""
DAY = 24 * 3600.0


def take(
    repository: releases.Repository,
    arch: str,
    name: str,
    folder: pathlib.Path,
    session: requests.Session,
    age: float = DAY,
) -> snapshots.Snapshot:
    """The repository as it is now, noted as the newest one of what is called `name`.

    When no mirror gives it: what was noted last, with a warning, if that is less than `age` seconds ago; else
    raises errors.SourceUnavailable.
    """
    known, when = snapshots.newest(repository.id, repository.url(arch), name, folder), snapshots.noted(name, folder)
    usable = known is not None and when is not None and time.time() - when < age
    try:
        snapshot = read(repository.id, mirrors.find(repository, arch, session), folder, session, patient=not usable)
    except (downloads.Missing, errors.SourceUnavailable) as error:
        if known is not None and when is not None and usable:
            log.warning("repository %s is taken as it was: %s", repository.id, error)
            return dataclasses.replace(known, warnings=(*known.warnings, _stale(repository.id, when)))
        if isinstance(error, downloads.Missing):
            raise downloads.unavailable(repository.url(arch), "there is no repository at that address") from error
        raise
    snapshots.remember(snapshot, name, folder)
    return snapshot


def read(
    repository: str,
    where: mirrors.Mirrors,
    folder: pathlib.Path,
    session: requests.Session,
    *,
    patient: bool = True,
) -> snapshots.Snapshot:
    """The newest state that the first mirrors have, from the first one that has it whole. Mirrors that rest are
    asked last, and unless `patient` not at all.

    Raises downloads.Missing when each says that there is no repository, errors.SourceUnavailable.
    """
    failures: list[downloads.Missing | errors.SourceUnavailable] = []
    older: list[tuple[int, str, bytes]] = []
    end = time.monotonic() + TOTAL

    def made(url: str, repomd: bytes) -> snapshots.Snapshot:
        seconds = max(0.1, end - time.monotonic())
        snapshot = snapshots.complete(repository, url, repomd, folder, session, seconds)
        _prove(snapshot, session)
        return dataclasses.replace(snapshot, mirrors=_others(where.urls, url))

    def state(url: str) -> snapshots.Snapshot | None:
        repomd = downloads.text(session, f"{url}/{snapshots.REPOMD}", snapshots.REPOMD_LIMIT, REPOMD)
        behind = where.age(repomd)
        if behind is None:
            raise downloads.unavailable(url, "its repomd.xml is none of those that the metalink names")
        if behind:
            older.append((behind, url, repomd))
            return None
        return made(url, repomd)

    for url in sorted(where.urls, key=mirrors.resting.has)[:TRIES]:
        if not patient and mirrors.resting.has(url):
            failures.append(downloads.unavailable(url, "the server was too slow a moment ago"))
            continue
        if (found := _tried(url, lambda: state(url), failures)) is not None:  # noqa: B023 - called before the next turn
            return found
    for _, url, repomd in sorted(older):
        if (found := _tried(url, lambda: made(url, repomd), failures)) is not None:  # noqa: B023
            return found
    raise next((error for error in failures if not isinstance(error, downloads.Missing)), failures[0])


_broken: dict[pathlib.Path, float] = {}
"""The folders of snapshots that this process could not read, and until when they rest."""


def _prove(snapshot: snapshots.Snapshot, session: requests.Session) -> None:
    """Loads one that was not loaded before, so that metadata which are broken at their source are not noted as the newest."""
    if snapshots.solv_file(snapshot).exists():
        return
    if _broken.get(snapshot.folder, 0.0) > time.monotonic():
        raise downloads.unavailable(f"{snapshot.url}/{snapshots.REPOMD}", "it names metadata that could not be read a moment ago")
    pool = solv.Pool()
    pool.setdisttype(solv.Pool.DISTTYPE_RPM)
    try:
        snapshots.comps(snapshot)
        snapshots.load(pool, snapshot, session)
    except errors.SourceUnavailable:
        # One that went bad on our own disk is gone by now, and read anew.
        if snapshot.folder.exists():
            _broken[snapshot.folder] = time.monotonic() + REST
        raise


def _tried(
    url: str, work: Callable[[], snapshots.Snapshot | None], failures: list[downloads.Missing | errors.SourceUnavailable]
) -> snapshots.Snapshot | None:
    began = time.monotonic()
    try:
        return work()
    except (downloads.Missing, errors.SourceUnavailable) as error:
        failures.append(error)
        mirrors.resting.failed(url, time.monotonic() - began)
        log.info("the next mirror is tried: %s", error)
        return None


def _others(urls: tuple[str, ...], first: str) -> tuple[str, ...]:
    """The further mirrors that a lock names."""
    return tuple(url for url in urls if url != first)[: locks.MIRRORS - 1]


def _stale(repository: str, when: float) -> str:
    moment = datetime.datetime.fromtimestamp(when, datetime.UTC)
    return f"The repository {repository} could not be read now; its state of {moment:%Y-%m-%d %H:%M} UTC was taken."
