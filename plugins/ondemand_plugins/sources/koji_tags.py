# SPDX-License-Identifier: MIT
"""Source `tag`: a Koji tag or side tag becomes the newest build of each package in it. Downloads nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from ondemand import plugins, references, releases
from ondemand_plugins.sources import koji_builds, koji_hub

LIMIT = 500
"""Builds that a tag may hold."""


class KojiTags:
    """Asks the release's Koji hub, without logging in."""

    kind: ClassVar[str] = "tag"

    def resolve(
        self, reference: references.Reference, release: releases.Release, arch: str, catalog: plugins.Catalog
    ) -> plugins.Resolution:
        """The builds in the tag that `reference.value` (a name or id) names, pinned as they are now.

        What the tag inherits is left out: of a side tag that is the whole distribution. Raises
        errors.UnknownReference for a tag that is not there, holds none or too many, and errors.SourceUnavailable.
        """
        with koji_hub.session(release) as session:
            name, rows = _tagged(session, reference.value)
            builds, bare = koji_builds.packages(session, rows, release, arch)
        if not builds:
            raise _refused(name, f"none of its {len(rows)} builds has packages for {arch}")
        warnings = tuple(koji_builds.warnings(rows, release))
        if bare:
            warnings += (f"Tag {name} holds builds that have no packages for {arch}: {', '.join(bare[:20])}.",)
        return plugins.Resolution(reference=reference, builds=builds, warnings=warnings)


    def latest(self, names: Sequence[str], release: releases.Release) -> Mapping[str, plugins.LatestBuild]:
        """What the candidate tag, or a tag that it inherits, got last of these source packages: one multiCall.

        Raises errors.SourceUnavailable.
        """
        tag = release.candidate_tag
        if not tag or not release.koji_hub or not names:
            return {}
        with koji_hub.session(release) as session:
            answers = koji_hub.answers(
                session,
                lambda calls: [calls.listTagged(tag, latest=True, inherit=True, package=name, strict=False) for name in names],
            )
            rows = [row for answer in answers for row in koji_hub.listed(answer)[:1] if not row.get("draft")]
        return {
            str(row["name"]): plugins.LatestBuild(
                nvr=str(row["nvr"]), epoch=int(row["epoch"] or 0), where=f"Koji's tag {row['tag_name']}"
            )
            for row in rows
        }


def newest(
    package: str, tag: str, release: releases.Release, arch: str, version: str = ""
) -> tuple[plugins.SourceBuild, ...]:
    """The build of a source package that a tag itself got last, of that version if given; empty where it has none."""
    with koji_hub.session(release) as session:
        (answer,) = koji_hub.answers(
            session, lambda calls: [calls.listTagged(tag, latest=not version, inherit=False, package=package, strict=False)]
        )
        rows = koji_hub.listed(answer)
        fitting = [row for row in rows if version in ("", row["version"], f"{row['version']}-{row['release']}")]
        return koji_builds.packages(session, fitting[:1], release, arch)[0]


def _tagged(session: Any, value: str) -> tuple[str, list[koji_hub.Row]]:
    """The tag's name and its builds; of a larger tag the hub sends no more than `LIMIT`, and how many there are."""
    wanted = koji_hub.identity(value)
    found, answer = koji_hub.answers(
        session,
        lambda calls: [
            calls.getTag(wanted),
            calls.countAndFilterResults("listTagged", tag=wanted, latest=True, inherit=False, filterOpts={"limit": LIMIT}),
        ],
    )
    if (tag := koji_hub.row(found)) is None:
        reasons = [f"There is no tag {value} in Koji"]
        raise koji_hub.unknown(reasons, "the hub knows none, or it was removed", "correct its name, or name the builds")
    count, rows = koji_hub.listed(answer)
    if not rows:
        raise _refused(tag["name"], "no build is tagged with it; what it inherits does not count")
    if count > LIMIT:
        raise _refused(tag["name"], f"it holds {count} builds and at most {LIMIT} are taken")
    return str(tag["name"]), sorted(rows, key=lambda row: str(row["nvr"]))


def _refused(name: str, cause: str) -> Exception:
    return koji_hub.unknown([f"Tag {name} can't be used"], cause, "name another tag, or the builds themselves")
