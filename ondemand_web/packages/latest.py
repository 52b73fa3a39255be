# SPDX-License-Identifier: MIT
"""The latest snapshot of a release's repository: from the first mirror that has it, else as it was read last."""

from __future__ import annotations

import dataclasses
import datetime
import logging
import pathlib
import threading
import time
from collections.abc import Callable, Iterator

import requests

from ondemand import errors, locks, releases
from ondemand_web.packages import downloads, mirrors, snapshots

log = logging.getLogger(__name__)
TRIES = 5
"""Mirrors that one reading asks at most."""
TOTAL = 240.0
"""Seconds that one reading of a repository may take, whatever its mirrors do."""
REPOMD = 15.0
"""Seconds that a mirror has for repomd.xml."""
SLOW = 5.0
"""Seconds after which a failure was a slow one; such a mirror is left alone for REST seconds."""
REST = 120.0
DAY = 24 * 3600.0


class _Resting:
    """The mirrors of this process that failed slowly a moment ago."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._until: dict[str, float] = {}

    def last(self, urls: tuple[str, ...]) -> Iterator[str]:
        """The addresses, those that rest behind the others."""
        now = time.monotonic()
        with self._lock:
            self._until = {url: until for url, until in self._until.items() if until > now}
            resting = set(self._until)
        yield from sorted(urls, key=lambda url: url in resting)

    def failed(self, url: str, seconds: float) -> None:
        """Notes a failure that took so long."""
        if seconds >= SLOW:
            with self._lock:
                self._until[url] = time.monotonic() + REST


_resting = _Resting()


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
    try:
        snapshot = read(repository.id, mirrors.find(repository, arch, session), folder, session)
    except (downloads.Missing, errors.SourceUnavailable) as error:
        known = snapshots.newest(repository.id, repository.url(arch), name, folder)
        when = snapshots.noted(name, folder)
        if known is not None and when is not None and time.time() - when < age:
            log.warning("repository %s is taken as it was: %s", repository.id, error)
            return dataclasses.replace(known, warnings=(*known.warnings, _stale(repository.id, when)))
        if isinstance(error, downloads.Missing):
            raise downloads.unavailable(repository.url(arch), "there is no repository at that address") from error
        raise
    snapshots.remember(snapshot, name, folder)
    return snapshot


def read(
    repository: str, where: mirrors.Mirrors, folder: pathlib.Path, session: requests.Session
) -> snapshots.Snapshot:
    """The newest state that the first mirrors have, from the first one that has it whole.

    Raises downloads.Missing when each says that there is no repository, errors.SourceUnavailable.
    """
    failures: list[Exception] = []
    older: list[tuple[int, str, bytes]] = []
    end = time.monotonic() + TOTAL

    def made(url: str, repomd: bytes) -> snapshots.Snapshot:
        seconds = max(0.1, end - time.monotonic())
        snapshot = snapshots.complete(repository, url, repomd, folder, session, seconds)
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

    for url in list(_resting.last(where.urls))[:TRIES]:
        if (found := _tried(url, lambda: state(url), failures)) is not None:  # noqa: B023 - called before the next turn
            return found
    for _, url, repomd in sorted(older):
        if (found := _tried(url, lambda: made(url, repomd), failures)) is not None:  # noqa: B023
            return found
    raise next((error for error in failures if not isinstance(error, downloads.Missing)), failures[0])


def _tried(
    url: str, work: Callable[[], snapshots.Snapshot | None], failures: list[Exception]
) -> snapshots.Snapshot | None:
    began = time.monotonic()
    try:
        return work()
    except (downloads.Missing, errors.SourceUnavailable) as error:
        failures.append(error)
        _resting.failed(url, time.monotonic() - began)
        log.info("the next mirror is tried: %s", error)
        return None


def _others(urls: tuple[str, ...], first: str) -> tuple[str, ...]:
    """The further mirrors that a lock names."""
    return tuple(url for url in urls if url != first)[: locks.MIRRORS - 1]


def _stale(repository: str, when: float) -> str:
    moment = datetime.datetime.fromtimestamp(when, datetime.UTC)
    return f"The repository {repository} could not be read now; its state of {moment:%Y-%m-%d %H:%M} UTC was taken."
