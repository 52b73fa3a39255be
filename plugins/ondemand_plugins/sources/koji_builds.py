# SPDX-License-Identifier: MIT
"""Source `koji`: a build by NVR or id becomes its RPMs, with addresses, digests and signers. Downloads nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

import koji

from ondemand import plugins, references, releases
from ondemand_plugins.sources import koji_hub
from ondemand_plugins.sources.koji_hub import Row

_COMPLETE = koji.BUILD_STATES["COMPLETE"]


class KojiBuilds:
    """Asks the release's Koji hub, without logging in."""

    kind: ClassVar[str] = "koji"

    def resolve(
        self, reference: references.Reference, release: releases.Release, arch: str, catalog: plugins.Catalog
    ) -> plugins.Resolution:
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
    with koji_hub.session(release) as session:
        wanted = [koji_hub.identity(name) for name in names]
        found = koji_hub.answers(session, lambda calls: [calls.getBuild(each) for each in wanted])
        builds = _usable(names, [koji_hub.row(answer) for answer in found], release)
        made, bare = packages(session, builds, release, arch)
    if bare:
        reasons = [f"Build {nvr} has no packages for {arch}" for nvr in bare]
        cause, remedy = "it was built for other architectures", "leave it out or ask for another architecture"
        raise koji_hub.unknown(reasons, cause, remedy)
    return made, tuple(warnings(builds, release))


def packages(
    session: Any, builds: Sequence[Row], release: releases.Release, arch: str
) -> tuple[tuple[plugins.SourceBuild, ...], tuple[str, ...]]:
    """Koji's builds with their packages for `arch`, and the NVRs of those that have none."""
    lists = koji_hub.answers(session, lambda calls: [calls.listBuildRPMs(build["id"]) for build in builds])
    kept = [koji_hub.fitting(koji_hub.listed(rows), release, arch) for rows in lists]
    rows = [row for rows in kept for row in rows]
    answers = koji_hub.answers(session, lambda calls: [calls.queryRPMSigs(row["id"]) for row in rows])
    signers = {
        row["id"]: tuple(sorted({str(sig["sigkey"]) for sig in koji_hub.listed(sigs) if sig.get("sigkey")}))
        for row, sigs in zip(rows, answers, strict=True)
    }
    paths = koji_hub.paths(release)
    made = tuple(
        plugins.SourceBuild(
            nvr=str(build["nvr"]), rpms=tuple(_rpm(paths, build, row, signers[row["id"]]) for row in mine)
        )
        for build, mine in zip(builds, kept, strict=True)
        if mine
    )
    return made, tuple(str(build["nvr"]) for build, mine in zip(builds, kept, strict=True) if not mine)


def warnings(builds: Sequence[Row], release: releases.Release) -> Iterator[str]:
    """What is worth saying of builds that can be used."""
    for build in builds:
        if build.get("draft"):
            yield f"{build['nvr']} is a draft build: another one may still take its name."
        if release.dist_tag and f".{release.dist_tag}" not in f".{build['release']}":
            yield f"{build['nvr']} was built for another release than {release.name}."


def _usable(names: Sequence[str], found: Sequence[Row | None], release: releases.Release) -> list[Row]:
    builds: dict[int, Row] = {}
    reasons = []
    for name, build in zip(names, found, strict=True):
        if build is None:
            reasons.append(f"There is no build {name} in Koji")
        elif koji.BUILD_STATES[build["state"]] == "DELETED":
            reasons.append(f"Build {build['nvr']} was deleted from Koji")
        elif build["state"] != _COMPLETE:
            reasons.append(
                f"Build {build['nvr']} is {koji.BUILD_STATES[build['state']].lower()}, not complete, in Koji"
            )
        else:
            builds[build["id"]] = build
    if reasons:
        raise koji_hub.unknown(reasons, f"{release.koji_hub} says so", "correct the name, or name another build")
    return list(builds.values())


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
        origin="koji",
    )
