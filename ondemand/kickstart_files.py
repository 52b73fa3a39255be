# SPDX-License-Identifier: MIT
"""The two kickstarts of a build, each labelled at its head: what it was made from, and how others can make it. Pure."""

from __future__ import annotations

from typing import Any

from ondemand import kickstarts, locks
from ondemand.releases import Release, Role

SIDE_ADDRESS = "file:///srv/side"
"""Where published.ks looks for the side repository: files of an image have no folder, so it comes as `side.tar`."""

_BUILD = """\
# build.ks of build {build}: what the image was made from.
# Its only repository is the builder's frozen one, of exactly the packages in lock.json; it is gone with the builder's work.
# To make the image elsewhere take published.ks.
"""
_PUBLISHED = """\
# published.ks of build {build}: to make the image, or nearly so, from the real repositories of {title}.
# They move on: a package that was updated there since the build comes newer. Only lock.json says what the image holds.
"""
_SIDE = """\
# Repository «side» has {count} packages: all that the image has from outside the stable repositories, and those of the
# wanted builds. It comes as side.tar: tar -xf side.tar -C /srv; or put it elsewhere and correct its address below.
# They are excluded from all other repositories.
"""
_NO_SIDE = "# There is no side repository: all packages come from the stable ones, and none was asked for by its build.\n"
_UNSIGNED = "# {count} of them are not signed by a trusted key; lock.json says which.\n"


def side(lock: locks.Lock, release: Release) -> tuple[locks.LockedPackage, ...]:
    """The side repository's packages, by name: the wanted ones, and all from outside the stable repositories, be they
    in the image or further ones of the wanted builds."""
    stable = {repository.id for repository in release.repositories if repository.role is Role.STABLE}
    found = (package for package in lock.everything if package.wanted or package.origin not in stable)
    return tuple(sorted(found, key=lambda package: package.nevra))


def build_text(text: str, release: Release, build_id: int, repository: str) -> str:
    """`build.ks`: the flattened kickstart `text` with the frozen repository's URL as its only source."""
    frozen = [{"name": "locked", "baseurl": repository}]
    return _BUILD.format(build=build_id) + kickstarts.with_repositories(text, release.kickstart_syntax, frozen)


def published_text(text: str, release: Release, build_id: int, lock: locks.Lock) -> str:
    """`published.ks`: the release's stable repositories without the side repository's packages, and that one first."""
    packages = side(lock, release)
    names = sorted({package.name for package in packages})
    head = _PUBLISHED.format(build=build_id, title=" ".join(release.title.split()))
    head += _SIDE.format(count=len(packages)) if packages else _NO_SIDE
    if unsigned := sum(not package.signed for package in packages):
        head += _UNSIGNED.format(count=unsigned)
    sources: list[dict[str, Any]] = [{"name": "side", "baseurl": SIDE_ADDRESS}] if packages else []
    sources += [
        {"name": repository.id, "baseurl": repository.url(lock.arch), "excludepkgs": names}
        for repository in release.repositories
        if repository.role is Role.STABLE
    ]
    return head + kickstarts.with_repositories(text, release.kickstart_syntax, sources)
