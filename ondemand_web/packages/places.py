# SPDX-License-Identifier: MIT
"""The repositories of one check: the release's stable ones and the request's own, as snapshots."""

from __future__ import annotations

import dataclasses
import datetime
import pathlib
import time
from collections.abc import Iterator, Sequence

import requests

from ondemand import build_requests, errors, locks, releases
from ondemand_web.packages import downloads, keys, latest, snapshots, trust

EXTRA_SECONDS = 60.0
"""Seconds in which a repository that a request names must be read, so that it holds up no other check for long."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Place:
    """A repository's snapshot, the trust that its packages have, and the session that may fetch more of it.

    `koji` is the address of Koji's files where the packages' builds are kept, else empty.
    """

    snapshot: snapshots.Snapshot
    trust: str
    session: requests.Session
    koji: str = ""

    def urls(self, location: str, source: str = "") -> tuple[str, ...]:
        """The addresses of a package's file, which is at `location` in the repository; `source` is its build's NVR."""
        return urls(self.snapshot.urls, self.trust, self.koji, location, source)


def urls(repository: Sequence[str], trusted: str, koji: str, location: str, source: str) -> tuple[str, ...]:
    """The addresses of a file below those of its repository.

    Koji's comes last, for a file that is gone from every mirror; the lock's digest tells whether it is the same.
    """
    found = [f"{url}/{location}" for url in repository]
    if koji and source.count("-") >= 2:
        name, version, release = source.rsplit("-", 2)
        file = location.rpartition("/")[2]
        arch = file.removesuffix(".rpm").rpartition(".")[2]
        signed = f"data/signed/{trusted[-8:].lower()}/" if trusted.startswith("signed:") else ""
        found.append(f"{koji}/packages/{name}/{version}/{release}/{signed}{arch}/{file}")
    return tuple(found)


def all_places(
    request: build_requests.BuildRequest,
    release: releases.Release,
    folder: pathlib.Path,
    session: requests.Session,
    guarded: requests.Session,
    *,
    kept: bool = False,
    age: float = latest.DAY,
) -> list[Place]:
    """Every repository that packages may come from by themselves; the request's own are asked through `guarded`.
    With `kept` the release's are taken as they were read last; `age` is as for `stable_places`.

    Raises errors.RequestError for a repository of the request that can't be, errors.SourceUnavailable.
    """
    found = stable_places(release, request.arch, folder, session, kept=kept, age=age)
    return found + [_extra(extra, request.arch, release, folder, guarded) for extra in request.repositories]


def stable_places(
    release: releases.Release,
    arch: str,
    folder: pathlib.Path,
    session: requests.Session,
    *,
    kept: bool = False,
    age: float = latest.DAY,
) -> list[Place]:
    """The release's stable repositories, read anew or with `kept` as they were read last.
    One that can't be read anew is taken as it was less than `age` seconds ago, with a warning in its snapshot;
    so has a kept one that was read longer ago.

    Raises errors.SourceUnavailable.
    """
    return role_places(release, arch, folder, session, releases.Role.STABLE, kept=kept, age=age)


def role_places(
    release: releases.Release,
    arch: str,
    folder: pathlib.Path,
    session: requests.Session,
    role: releases.Role,
    *,
    kept: bool = False,
    age: float = latest.DAY,
) -> list[Place]:
    """The same for the repositories of any role."""
    ids = trust.key_ids(release)
    signed = f"signed:{ids[0]}" if ids else locks.REPOSITORY_DIGEST
    found = []
    for repository in release.repositories:
        if repository.role is role:
            name = _name(release, arch, repository)
            if kept:
                snapshot = _kept(repository.id, repository.url(arch), name, folder, age)
            else:
                snapshot = latest.take(repository, arch, name, folder, session, age)
            koji = (release.koji_topurl or "").rstrip("/")
            found.append(Place(snapshot=snapshot, trust=signed, session=session, koji=koji))
    return found


def outdated(release: releases.Release, arch: str, folder: pathlib.Path, age: float = latest.DAY) -> Iterator[str]:
    """A sentence for each of the release's repositories that was read last more than `age` seconds ago."""
    for repository in release.repositories:
        when = snapshots.noted(_name(release, arch, repository), folder)
        if when is not None and time.time() - when >= age:
            yield _old(repository.id, when)


def _name(release: releases.Release, arch: str, repository: releases.Repository) -> str:
    """By what the newest snapshot of a repository is noted."""
    return f"{release.name}-{arch}-{repository.id}"


def _kept(repository: str, url: str, name: str, folder: pathlib.Path, age: float) -> snapshots.Snapshot:
    snapshot, when = snapshots.newest(repository, url, name, folder), snapshots.noted(name, folder)
    if snapshot is None or when is None:
        raise downloads.unavailable(url, "the service has not read that repository yet")
    if time.time() - when < age:
        return snapshot
    return dataclasses.replace(snapshot, warnings=(*snapshot.warnings, _old(repository, when)))


def _old(repository: str, when: float) -> str:
    moment = datetime.datetime.fromtimestamp(when, datetime.UTC)
    hours = (time.time() - when) / 3600
    return f"The repository {repository} was read last on {moment:%Y-%m-%d %H:%M} UTC, {hours:.0f} hours ago; newer packages are not known."


def _extra(
    extra: build_requests.ExtraRepository,
    arch: str,
    release: releases.Release,
    folder: pathlib.Path,
    session: requests.Session,
) -> Place:
    ids = keys.of_public_key(extra.key or "")
    if extra.key and not ids:
        raise errors.InvalidRequest(
            f"The key of repository {extra.name} can't be read", remedy="send an armored OpenPGP public key"
        )
    if not ids and release.trust is releases.TrustPolicy.REQUIRE_SIGNED:
        raise errors.WrongSignature(
            f"Repository {extra.name} has no key",
            cause=f"release {release.name} takes signed packages only",
            remedy="send the repository's public key with it",
        )
    url = extra.address(arch)
    try:
        snapshot = snapshots.take(f"{locks.EXTRA}{extra.name}", url, folder, session, EXTRA_SECONDS)
    except downloads.Missing:
        raise errors.UnknownReference(
            f"There is no repository at {url}",
            cause="the server has no repodata/repomd.xml there",
            remedy="correct the repository's URL",
        ) from None
    trusted = f"signed:{ids[0]}" if ids else locks.REPOSITORY_DIGEST
    return Place(snapshot=snapshot, trust=trusted, session=session)
