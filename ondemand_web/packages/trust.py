# SPDX-License-Identifier: MIT
"""Which copy of a wanted RPM is taken, and why it is trusted. The builder verifies signatures."""

from __future__ import annotations

import concurrent.futures
import dataclasses
import pathlib
from collections.abc import Sequence

import requests

from ondemand import errors, locks, plugins, releases, resolutions, uploads
from ondemand_web.packages import downloads, headers, keys, rpm_files

PARALLEL = 6


@dataclasses.dataclass(frozen=True, kw_only=True)
class Accepted:
    """A copy of a wanted RPM: its address, header, and trust as ondemand.locks.LockedPackage has it."""

    rpm: plugins.SourceRpm
    url: str
    header: headers.Header
    trust: str

    @property
    def checksums(self) -> dict[str, str]:
        """All that is known of its bytes, as the lock has it; newer RPMs hold no MD5."""
        found = {**self.rpm.checksums, "sigmd5": self.header.sigmd5, "header-sha256": self.header.header_sha256}
        return {kind: value for kind, value in found.items() if value}


def key_ids(release: releases.Release) -> tuple[str, ...]:
    """The ids of the release's keys, 16 hex digits each."""
    return tuple(key for armored in release.keys for key in keys.of_public_key(armored))


def pinned(resolution: plugins.Resolution, folder: pathlib.Path, session: requests.Session) -> plugins.Resolution:
    """The resolution with the epochs and digests that its source does not know, read from the files' headers.

    Raises errors.UnknownReference for a file that is gone, errors.WrongDigest and errors.SourceUnavailable.
    """
    open_ones = [rpm for build in resolution.builds for rpm in build.rpms if rpm.epoch is None]
    if not open_ones:
        return resolution
    with concurrent.futures.ThreadPoolExecutor(PARALLEL) as pool:
        made = iter(list(pool.map(lambda rpm: _pinned(rpm, folder, session), open_ones)))
    builds = tuple(
        dataclasses.replace(
            build, rpms=tuple(next(made) if rpm.epoch is None else rpm for rpm in build.rpms)
        )
        for build in resolution.builds
    )
    return dataclasses.replace(resolution, builds=builds)


def _pinned(rpm: plugins.SourceRpm, folder: pathlib.Path, session: requests.Session) -> plugins.SourceRpm:
    try:
        header = headers.fetch(rpm.urls[0], folder / "headers", "", session)
    except downloads.Missing:
        raise _gone(rpm) from None
    checksums = {"sigmd5": header.sigmd5, "header-sha256": header.header_sha256}
    found = dataclasses.replace(rpm, epoch=header.epoch, checksums=checksums)
    _hold(found, header, rpm.urls[0])
    return found


def accept_all(
    rpms: Sequence[plugins.SourceRpm],
    release: releases.Release,
    folder: pathlib.Path,
    session: requests.Session,
) -> list[Accepted | errors.OndemandError]:
    """For each RPM the copy to take, or why there is none; raises errors.SourceUnavailable."""
    if not rpms:
        return []
    with concurrent.futures.ThreadPoolExecutor(PARALLEL) as pool:
        return list(pool.map(lambda rpm: _tried(rpm, release, folder, session), rpms))


def _tried(
    rpm: plugins.SourceRpm, release: releases.Release, folder: pathlib.Path, session: requests.Session
) -> Accepted | errors.OndemandError:
    try:
        return accept(rpm, release, folder, session)
    except errors.ServiceError:
        raise
    except errors.OndemandError as error:
        return error


def accept(
    rpm: plugins.SourceRpm, release: releases.Release, folder: pathlib.Path, session: requests.Session
) -> Accepted:
    """The first copy signed by a key of the release, else the unsigned one where the policy allows it.

    Raises errors.WrongSignature, errors.WrongDigest, errors.UnknownReference or errors.SourceUnavailable.
    """
    trusted, unsigned, foreign = key_ids(release), None, ""
    identity = rpm.checksums.get("sigmd5") or rpm.checksums.get("sha256", "")
    for url in rpm.urls:
        try:
            # An upload lies here: asking the master's own address would only keep one of its threads waiting.
            header = rpm_files.header(rpm.file) if rpm.file else headers.fetch(url, folder / "headers", identity, session)
        except downloads.Missing:
            continue
        _hold(rpm, header, url)
        if header.signed_by is None:
            unsigned = unsigned or (url, header)
        elif match := next((key for key in trusted if keys.same(key, header.signed_by)), None):
            return Accepted(rpm=rpm, url=url, header=header, trust=f"signed:{match}")
        else:
            foreign = header.signed_by
    known = [key for key in rpm.signed_by if not any(keys.same(key, mine) for mine in trusted)]
    if foreign or known:
        raise _wrong(rpm, f"it is signed by key {foreign or known[0]}, which release {release.name} does not trust")
    if unsigned is None:
        raise _gone(rpm)
    if release.trust is releases.TrustPolicy.REQUIRE_SIGNED:
        raise _wrong(rpm, f"it is not signed and release {release.name} takes signed packages only")
    return Accepted(rpm=rpm, url=unsigned[0], header=unsigned[1], trust=_unsigned(rpm))


def expected(rpm: plugins.SourceRpm, release: releases.Release) -> tuple[str, str]:
    """The trust that the RPM will have by what its source says, or resolutions.REFUSED, and why.

    The check itself goes by the file.
    """
    trusted = key_ids(release)
    if rpm.file is None and any(rpm.origin == repository.id for repository in release.repositories):
        return (f"signed:{trusted[0]}", "") if trusted else (locks.REPOSITORY_DIGEST, "")
    for key in rpm.signed_by:
        if match := next((mine for mine in trusted if keys.same(mine, key)), None):
            return f"signed:{match}", ""
    if rpm.signed_by:
        why = f"{_file(rpm)} is signed by key {rpm.signed_by[0]}, which release {release.name} does not trust"
        return resolutions.REFUSED, why
    if release.trust is releases.TrustPolicy.REQUIRE_SIGNED:
        return resolutions.REFUSED, f"{_file(rpm)} is not signed and release {release.name} takes signed packages only"
    return _unsigned(rpm), ""


def _unsigned(rpm: plugins.SourceRpm) -> str:
    """What vouches for an RPM that is not signed."""
    return uploads.TRUST if rpm.file else "koji-digest"


def _hold(rpm: plugins.SourceRpm, header: headers.Header, url: str) -> None:
    """Holds the file's header to what the source said of it."""
    said = (rpm.name, rpm.epoch, rpm.version, rpm.release, rpm.arch)
    digest = rpm.checksums.get("sigmd5")
    if (header.name, header.epoch, header.version, header.release, header.arch) != said:
        cause = f"the file calls itself {header.name}-{header.evr}.{header.arch}"
    elif digest and digest != header.sigmd5:
        cause = "its digest differs from the one that the source names"
    else:
        return
    raise errors.WrongDigest(
        f"{url} is not {_file(rpm)}",
        cause=cause,
        remedy="tell the operator of that server; nothing was built",
    )


def _wrong(rpm: plugins.SourceRpm, cause: str) -> errors.WrongSignature:
    return errors.WrongSignature(
        f"{_file(rpm)} is refused", cause=cause, remedy="name a build that is signed for this release"
    )


def _gone(rpm: plugins.SourceRpm) -> errors.UnknownReference:
    return errors.UnknownReference(
        f"{_file(rpm)} is gone from the server",
        cause="none of the addresses that the source names has it any more",
        remedy="name a newer build",
    )


def _file(rpm: plugins.SourceRpm) -> str:
    return f"{rpm.name}-{rpm.version}-{rpm.release}.{rpm.arch}.rpm"
