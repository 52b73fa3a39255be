# SPDX-License-Identifier: MIT
"""Source `koji`: a build by NVR or id becomes its RPMs, with addresses, digests and signers. Downloads nothing."""

from __future__ import annotations

import contextlib
import xmlrpc.client
from collections.abc import Callable, Iterator, Sequence
from typing import Any, ClassVar

import koji
import requests

from ondemand import errors, plugins, references, releases

OPTIONS = {"timeout": 30, "anon_retry": True, "max_retries": 2, "retry_interval": 1}
BATCH = 500
"""Calls that one multiCall holds at most."""
_COMPLETE = koji.BUILD_STATES["COMPLETE"]
_AWAY = (koji.ServerOffline, koji.RetryError, xmlrpc.client.Fault, requests.RequestException)
_LEFT_OUT = ("-debuginfo", "-debugsource")

Row = dict[str, Any]


class KojiBuilds:
    """Asks the release's Koji hub, without logging in."""

    kind: ClassVar[str] = "koji"

    def resolve(self, reference: references.Reference, release: releases.Release, arch: str) -> plugins.Resolution:
        """The build that `reference.value` (an NVR or id) names.

        Raises errors.UnknownReference for a build that is not there, not complete or not for `arch`, and
        errors.SourceUnavailable.
        """
        builds, warnings = fetch([reference.value], release, arch)
        return plugins.Resolution(reference=reference, builds=builds, warnings=warnings)


def fetch(
    names: Sequence[str], release: releases.Release, arch: str
) -> tuple[tuple[plugins.SourceBuild, ...], tuple[str, ...]]:
    """The builds with these NVRs or ids, and warnings; three multiCalls however many there are.

    Raises errors.UnknownReference that names every build that can't be used, and errors.SourceUnavailable.
    """
    if not release.koji_hub or not release.koji_topurl:
        raise errors.UnknownReference(
            f"Release {release.name} knows no Koji",
            cause="its definition has no `koji_hub` and `koji_topurl`",
            remedy="leave the builds out, or ask the operator to add them",
        )
    with _session(release.koji_hub) as session:
        numbers = [int(name) if name.isdigit() else name for name in names]
        found = _answers(session, lambda calls: [calls.getBuild(number) for number in numbers])
        builds = _usable(names, found, release)
        lists = _answers(session, lambda calls: [calls.listBuildRPMs(build["id"]) for build in builds])
        kept = [[row for row in _listed(rows) if _fits(row, arch)] for rows in lists]
        _all_have_packages(builds, kept, arch)
        rows = [row for rows in kept for row in rows]
        answers = _answers(session, lambda calls: [calls.queryRPMSigs(row["id"]) for row in rows])
    signers = {
        row["id"]: tuple(sorted({str(sig["sigkey"]) for sig in _listed(sigs) if sig.get("sigkey")}))
        for row, sigs in zip(rows, answers, strict=True)
    }
    paths = koji.PathInfo(topdir=release.koji_topurl.rstrip("/"))
    made = tuple(
        plugins.SourceBuild(
            nvr=str(build["nvr"]), rpms=tuple(_rpm(paths, build, row, signers[row["id"]]) for row in mine)
        )
        for build, mine in zip(builds, kept, strict=True)
    )
    return made, tuple(_warnings(builds, release))


class _Session(koji.ClientSession):  # type: ignore[misc]
    """Lets go of the connection on which the hub answered with an HTTP error; koji leaves it open."""

    def new_session(self) -> None:
        """Makes the session of requests, which koji does anew for each retry."""
        super().new_session()
        self.rsession.hooks["response"].append(_close_refusal)


def _close_refusal(response: requests.Response, **_: Any) -> None:
    if not response.ok:
        response.close()


@contextlib.contextmanager
def _session(hub: str) -> Iterator[Any]:
    session = _Session(hub, opts=OPTIONS)
    try:
        yield session
    except _AWAY as error:
        raise errors.SourceUnavailable(
            f"Koji at {hub} does not answer",
            cause=f"{type(error).__name__}: {str(error)[:200]}",
            remedy="nothing to do: the check is tried again by itself",
        ) from error
    finally:
        session.rsession.close()


def _answers(session: Any, ask: Callable[[Any], list[Any]]) -> list[Any]:
    """What one multiCall answered: results, or the koji.GenericError of a call in its place."""
    with session.multicall(strict=False, batch=BATCH) as calls:
        asked = ask(calls)
    answers = []
    for call in asked:
        try:
            answers.append(call.result)
        except _AWAY:
            raise
        except koji.GenericError as error:
            answers.append(error)
    return answers


def _listed(answer: Any) -> list[Row]:
    if isinstance(answer, koji.GenericError):
        raise koji.ServerOffline(str(answer)) from answer
    return list(answer or ())


def _usable(names: Sequence[str], found: Sequence[Any], release: releases.Release) -> list[Row]:
    builds: dict[int, Row] = {}
    reasons = []
    for name, build in zip(names, found, strict=True):
        if not isinstance(build, dict):
            reasons.append(f"There is no build {name} in Koji")
        elif build["state"] != _COMPLETE:
            reasons.append(
                f"Build {build['nvr']} is {koji.BUILD_STATES[build['state']].lower()}, not complete, in Koji"
            )
        else:
            builds[build["id"]] = build
    if reasons:
        raise _unknown(reasons, f"{release.koji_hub} says so", "correct the name, or name another build")
    return list(builds.values())


def _fits(row: Row, arch: str) -> bool:
    return row["arch"] in (arch, "noarch") and not str(row["name"]).endswith(_LEFT_OUT)


def _all_have_packages(builds: Sequence[Row], kept: Sequence[list[Row]], arch: str) -> None:
    reasons = [
        f"Build {build['nvr']} has no packages for {arch}" for build, rows in zip(builds, kept, strict=True) if not rows
    ]
    if reasons:
        raise _unknown(reasons, "it was built for other architectures", "leave it out or ask for another architecture")


def _unknown(reasons: list[str], cause: str, remedy: str) -> errors.UnknownReference:
    return errors.UnknownReference("; ".join(reasons[:5]), cause=cause, remedy=remedy, details=tuple(reasons))


def _rpm(paths: Any, build: Row, row: Row, signers: tuple[str, ...]) -> plugins.SourceRpm:
    """The RPM with its signed copies first; Koji prunes those after a while, the plain file stays."""
    base = paths.build(build)
    return plugins.SourceRpm(
        name=str(row["name"]),
        epoch=int(row["epoch"] or 0),
        version=str(row["version"]),
        release=str(row["release"]),
        arch=str(row["arch"]),
        urls=(*(f"{base}/{paths.signed(row, key)}" for key in signers), f"{base}/{paths.rpm(row)}"),
        checksums={"sigmd5": str(row["payloadhash"])} if row.get("payloadhash") else {},
        size=int(row.get("size") or -1),
        signed_by=tuple(key.lower() for key in signers),
    )


def _warnings(builds: Sequence[Row], release: releases.Release) -> Iterator[str]:
    for build in builds:
        if release.dist_tag and f".{release.dist_tag}" not in f".{build['release']}":
            yield f"{build['nvr']} was built for another release than {release.name}."
