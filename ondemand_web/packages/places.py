# SPDX-License-Identifier: MIT
"""The repositories of one check: the release's stable ones and the request's own, as snapshots."""

from __future__ import annotations

import dataclasses
import pathlib

import requests

from ondemand import build_requests, errors, locks, releases
from ondemand_web.packages import downloads, keys, snapshots, trust


@dataclasses.dataclass(frozen=True, kw_only=True)
class Place:
    """A repository's snapshot, the trust that its packages have, and the session that may fetch more of it."""

    snapshot: snapshots.Snapshot
    trust: str
    session: requests.Session


def all_places(
    request: build_requests.BuildRequest,
    release: releases.Release,
    folder: pathlib.Path,
    session: requests.Session,
    guarded: requests.Session,
    *,
    kept: bool = False,
) -> list[Place]:
    """Every repository that packages may come from by themselves; the request's own are asked through `guarded`.
    With `kept` the release's are taken as they were read last.

    Raises errors.RequestError for a repository of the request that can't be, errors.SourceUnavailable.
    """
    found = stable_places(release, request.arch, folder, session, kept=kept)
    return found + [_extra(extra, request.arch, release, folder, guarded) for extra in request.repositories]


def stable_places(
    release: releases.Release, arch: str, folder: pathlib.Path, session: requests.Session, *, kept: bool = False
) -> list[Place]:
    """The release's stable repositories, read anew or with `kept` as they were read last.

    Raises errors.SourceUnavailable.
    """
    ids = trust.key_ids(release)
    signed = f"signed:{ids[0]}" if ids else locks.REPOSITORY_DIGEST
    found = []
    for repository in release.repositories:
        if repository.role is releases.Role.STABLE:
            name = f"{release.name}-{arch}-{repository.id}"
            take = _kept if kept else _taken
            snapshot = take(repository.id, repository.url(arch), name, folder, session)
            found.append(Place(snapshot=snapshot, trust=signed, session=session))
    return found


def _taken(
    repository: str, url: str, name: str, folder: pathlib.Path, session: requests.Session
) -> snapshots.Snapshot:
    try:
        snapshot = snapshots.take(repository, url, folder, session)
    except downloads.Missing as error:
        raise downloads.unavailable(url, "there is no repository at that address") from error
    snapshots.remember(snapshot, name, folder)
    return snapshot


def _kept(
    repository: str, url: str, name: str, folder: pathlib.Path, _session: requests.Session
) -> snapshots.Snapshot:
    snapshot = snapshots.newest(repository, url, name, folder)
    if snapshot is None:
        raise downloads.unavailable(url, "the service has not read that repository yet")
    return snapshot


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
        snapshot = snapshots.take(f"{locks.EXTRA}{extra.name}", url, folder, session)
    except downloads.Missing:
        raise errors.UnknownReference(
            f"There is no repository at {url}",
            cause="the server has no repodata/repomd.xml there",
            remedy="correct the repository's URL",
        ) from None
    trusted = f"signed:{ids[0]}" if ids else locks.REPOSITORY_DIGEST
    return Place(snapshot=snapshot, trust=trusted, session=session)
