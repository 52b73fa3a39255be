# SPDX-License-Identifier: MIT
"""Builds made again: by the same request with a new lock, or by the very lock that the old one had."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

from ondemand import build_requests, errors, kickstarts, locks, plugins, releases
from ondemand.build_requests import BuildRequest
from ondemand_web.builds import permissions
from ondemand_web.builds import services as builds
from ondemand_web.builds.models import Build, BuildLock
from ondemand_web.packages import keys, trust
from ondemand_web.service import Service


def submit(here: Service, build_id: int, owner: str, key: str | None, *, same_lock: bool) -> Build:
    """A new build of `owner` from an old one, anybody's; whoever the old one told of its end is told only of his own.

    Raises errors.UnknownBuild, errors.StateConflict where there is no lock to take, errors.NotPermitted as for any
    request, and errors.IdempotencyMismatch.
    """
    with here.database.reading() as session:
        old = builds.get(session, build_id)
        lock = session.get(BuildLock, build_id)
    request = builds.request_of(old)
    if same_lock and lock is None:
        raise errors.StateConflict(
            f"Build {build_id} has no lock to build again from",
            cause="it is not checked yet, or was refused",
            remedy="build it again with a new lock",
        )
    changes: dict[str, object] = {} if owner == old.owner else {"notify": ()}
    if request.kickstart_url and lock is not None:
        release = here.releases.get(request.release)
        permissions.require_kickstart(lock.kickstart, release, request.arch, owner, here)
        # What that address gives now may be something else, or nothing.
        changes |= {} if same_lock else {"kickstart_url": None, "kickstart": lock.kickstart}
    request = build_requests.validate({**request.model_dump(mode="json"), **changes}) if changes else request
    permissions.require(request, owner, here)
    return builds.submit(here.database, request, owner, key, builds.Again(of=build_id, same_lock=same_lock))


@dataclasses.dataclass(frozen=True, kw_only=True)
class Old:
    """What an old build was found to be, still good to be built from."""

    lock: locks.Lock
    kickstart: kickstarts.Kickstart
    release: releases.Release
    backend: str


def old(here: Service, build: Build) -> Old:
    """The lock of the build that `build` makes again, as it is: nothing is solved, and no server asked.

    Raises errors.UnknownRelease and errors.UnknownImageType for what the operator took away, errors.KickstartInvalid,
    and errors.WrongSignature where the release trusts less than it did.
    """
    with here.database.reading() as session:
        before = builds.get(session, build.rebuild_of or 0)
        row = session.get_one(BuildLock, before.id)
    request = builds.request_of(build)
    release = here.releases.get(request.release)
    release.definition(request.image_type)
    lock = locks.Lock.model_validate(row.body)
    if reasons := list(_distrusted(lock, release, request)):
        text = reasons[0] + (f" (and {len(reasons) - 1} more)" if len(reasons) > 1 else "")
        raise errors.WrongSignature(
            f"The lock of build {before.id} can't be used any more: {text}",
            remedy="build it again with a new lock",
            details=tuple(reasons),
        )
    read = kickstarts.parse(row.kickstart, release.kickstart_syntax)
    kickstart = dataclasses.replace(read, text=row.kickstart)
    return Old(lock=lock, kickstart=kickstart, release=release, backend=before.backend or "")


def fits(lock: locks.Lock, backend: plugins.Backend) -> None:
    """Raises errors.UnknownImageType where the lock needs a backend that takes kiwi descriptions, and this one doesn't."""
    if lock.preset and lock.preset.kind == "kiwi" and not plugins.takes_descriptions(backend):
        raise errors.UnknownImageType(
            f"Backend {backend.name} can't make an image from preset «{lock.preset.name}»",
            cause="that is a kiwi description, and this backend works from kickstarts",
            remedy="let the operator look at that plugin",
        )


def _distrusted(lock: locks.Lock, release: releases.Release, request: BuildRequest) -> Iterator[str]:
    """A reason for each package that would not be taken today."""
    own = {f"{locks.EXTRA}{extra.name}": keys.of_public_key(extra.key) for extra in request.repositories if extra.key}
    ids = trust.key_ids(release)
    strict = release.trust is releases.TrustPolicy.REQUIRE_SIGNED
    for package in lock.packages:
        key = package.trust.removeprefix("signed:")
        plain = package.trust == locks.REPOSITORY_DIGEST and not package.foreign and not ids
        if package.signed and not any(keys.same(key, mine) for mine in own.get(package.origin, ids)):
            yield f"{package.nevra} is signed by key {key}, which release {release.name} does not trust any more"
        if not package.signed and strict and not plain:
            yield f"{package.nevra} is not signed, and release {release.name} takes signed packages only"
