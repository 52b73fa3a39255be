# SPDX-License-Identifier: MIT
"""Whether there is a newer build of a package than the one that a reference named. Tells it only; the named one is taken."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from ondemand import errors, plugins, releases
from ondemand_web.packages.catalog import Catalog, newest_first

MOST = 200
"""Source packages that a source is asked about for one answer; of further ones only the repositories are known."""


def in_repositories(build: plugins.SourceBuild, catalog: Catalog) -> tuple[str, str] | None:
    """The NVR of a newer build that the repositories had when they were read last, and the sentence; None without one."""
    if build.scratch or not build.rpms:
        return None
    mine = build.rpms[0]
    try:
        known = catalog.so_named(mine.name)
    except errors.SourceUnavailable:
        return None
    this = plugins.CatalogPackage(rpm=mine, role=releases.Role.TESTING, source=build.nvr)
    first = newest_first([this, *known])[0]
    if first is this:
        return None
    goes_down = first.role is releases.Role.STABLE
    what = "the image goes down to the one named" if goes_down else "name it to take it"
    advisory = catalog.advisory(first.rpm, first.rpm.origin)
    update = f" of update {advisory.update}" if advisory else ""
    return first.source, f"{first.rpm.origin} has a newer build, {first.source}{update}: {what}."


def packages(builds: Iterable[plugins.SourceBuild]) -> tuple[str, ...]:
    """The source packages of the builds that a newer one may take the place of."""
    names = {build.nvr.rsplit("-", 2)[0] for build in builds if not build.scratch and build.nvr.count("-") >= 2}
    return tuple(sorted(names)[:MOST])


def latest(
    names: Sequence[str], release: releases.Release, sources: Iterable[plugins.LatestBuilds]
) -> Mapping[str, plugins.LatestBuild]:
    """What the sources got last of these packages; raises errors.SourceUnavailable."""
    found: dict[str, plugins.LatestBuild] = {}
    for source in sources:
        found |= source.latest(names, release)
    return found


def than(build: plugins.SourceBuild, known: Mapping[str, plugins.LatestBuild]) -> plugins.LatestBuild | None:
    """The newer build among those known, if there is one."""
    name, _, mine = build.nvr.rpartition("-")[0].rpartition("-")
    other = known.get(name)
    if build.scratch or other is None or other.nvr == build.nvr:
        return None
    epoch = next((rpm.epoch or 0 for rpm in build.rpms if rpm.version == mine), other.epoch)
    this, that = _placed(build.nvr, epoch), _placed(other.nvr, other.epoch)
    return other if newest_first([this, that])[0] is that else None


def _placed(nvr: str, epoch: int) -> plugins.CatalogPackage:
    name, version, release = nvr.rsplit("-", 2)
    rpm = plugins.SourceRpm(name=name, epoch=epoch, version=version, release=release, arch="src", urls=(), checksums={})
    return plugins.CatalogPackage(rpm=rpm, role=releases.Role.TESTING, source=nvr)
