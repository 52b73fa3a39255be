# SPDX-License-Identifier: MIT
"""Source `package`: a package's name, with or without a version, becomes the build that the release has of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import ClassVar

from ondemand import errors, plugins, references, releases
from ondemand_plugins.sources import koji_tags


class Packages:
    """Asks the catalog of the release's repositories, and Koji for the release's candidate tag."""

    kind: ClassVar[str] = "package"

    def resolve(
        self, reference: references.Reference, release: releases.Release, arch: str, catalog: plugins.Catalog
    ) -> plugins.Resolution:
        """The newest build at the first level of the release's order that has the package at that version.

        All of its packages belong to the build. Raises errors.UnknownReference and errors.SourceUnavailable.
        """
        for name, version in _readings(reference.value):
            known = catalog.named(name)
            for level in release.package_order:
                build = _at(level, known, name, version, release, arch, catalog)
                if build is not None:
                    install = (name,) if any(rpm.name == name for rpm in build.rpms) else ()
                    warnings = () if version else tuple(_newer(known, level, build))
                    return plugins.Resolution(
                        reference=reference, builds=(build,), warnings=warnings, install=install
                    )
        raise errors.UnknownReference(
            f"There is no package {reference.value} for {arch}",
            cause=f"release {release.name} has none in {', '.join(release.package_order)}",
            remedy="correct its name and version, or name a build",
        )


def _readings(value: str) -> Iterator[tuple[str, str]]:
    """How a text can be read as name and version: dashes may be part of the name."""
    yield value, ""
    words = value.split("-")
    for last in range(1, min(3, len(words))):
        yield "-".join(words[:-last]), "-".join(words[-last:])


def _at(
    level: releases.Level,
    known: Sequence[plugins.CatalogPackage],
    name: str,
    version: str,
    release: releases.Release,
    arch: str,
    catalog: plugins.Catalog,
) -> plugins.SourceBuild | None:
    if level is releases.Level.CANDIDATE:
        if not release.candidate_tag or not release.koji_hub:
            return None
        source = known[0].source.rsplit("-", 2)[0] if known else name
        return next(iter(koji_tags.newest(source, release.candidate_tag, release, arch, version)), None)
    role = releases.Role(level.value)
    fitting = (p for p in known if p.role is role and version in ("", p.rpm.version, f"{p.rpm.version}-{p.rpm.release}"))
    if (first := next(fitting, None)) is None:
        return None
    return plugins.SourceBuild(nvr=first.source, rpms=tuple(p.rpm for p in catalog.built_as(first.source, role)))


def _newer(
    known: Sequence[plugins.CatalogPackage], level: releases.Level, build: plugins.SourceBuild
) -> Iterator[str]:
    """That another level has a newer one, where it can be told without asking Koji."""
    if known and level is not releases.Level.CANDIDATE and known[0].source != build.nvr:
        first = known[0]
        yield f"{first.rpm.origin} has a newer build, {first.source}: name it to take it."
