# SPDX-License-Identifier: MIT
"""Which packages of the looked-up references an image would install, and how to have those that nothing in it needs.

Solves as the check does, on repositories as they were read last; makes no build.
"""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar

from ondemand import errors, locks, plugins, references, releases
from ondemand.build_requests import BuildRequest, ImageType
from ondemand.builds import Failure
from ondemand.resolutions import ResolvedBuild, ResolvedImage, ResolvedReference

log = logging.getLogger(__name__)
Check = Callable[[BuildRequest, Mapping[str, plugins.Source]], locks.Lock]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Image:
    """The image that someone has in mind: `request` makes its request with references, `check` its lock.

    What `owner` may not ask for is told so.
    """

    kind: ImageType
    owner: str
    request: Callable[[Sequence[str]], BuildRequest]
    check: Check


@dataclasses.dataclass(frozen=True, kw_only=True)
class Contents:
    """What the image with `references` would hold, or why there can be none; `nevras` are written without epoch."""

    packages: int = 0
    nevras: frozenset[str] = frozenset()
    references: frozenset[str] = frozenset()
    error: errors.OndemandError | None = None


class Known:
    """Gives back what was looked up a moment ago, so that no source is asked twice."""

    kind: ClassVar[str] = "known"

    def __init__(self, found: Mapping[str, plugins.Resolution]) -> None:
        """`found` by the full form of its reference; builds that the image does not need shall be left out."""
        self._found = {name: dataclasses.replace(each, required=False) for name, each in found.items()}

    def resolve(
        self, reference: references.Reference, release: releases.Release, arch: str, catalog: plugins.Catalog
    ) -> plugins.Resolution:
        """What the reference became."""
        return self._found[str(reference)]


def contents(image: Image, found: Sequence[plugins.Resolution]) -> Contents:
    """The image with these references."""
    by_name = {str(each.reference): each for each in found}
    try:
        known = dict.fromkeys((each.reference.kind for each in found), Known(by_name))
        lock = image.check(image.request(tuple(by_name)), known)
    except errors.OndemandError as error:
        return Contents(error=error)
    except Exception:
        log.exception("solving an image for a look broke")
        return Contents(error=errors.ServiceError("Solving the image broke", cause="of an error in the service itself"))
    return Contents(
        packages=len(lock.packages),
        nevras=frozenset(_without_epoch(package.nevra) for package in lock.packages),
        references=frozenset(by_name),
    )


def told(kind: ImageType, of: Contents) -> ResolvedImage:
    """What of the contents stands in the answer."""
    error = Failure.model_validate(of.error.as_dict()) if of.error else None
    partial = of.error.retryable if of.error else False
    return ResolvedImage(image_type=kind, packages=of.packages, error=error, partial=partial)


def marked(found: ResolvedReference, of: Contents) -> ResolvedReference:
    """The reference with what of it the image would install; told in words where that is nothing."""
    if of.error or (found.reference or "") not in of.references:
        return found
    builds = tuple(_marked(build, of.nevras) for build in found.builds)
    absent = tuple(_offer(build) for build in builds if build.offer)
    return found.model_copy(update={"builds": builds, "warnings": (*found.warnings, *absent)})


def _marked(build: ResolvedBuild, held: frozenset[str]) -> ResolvedBuild:
    packages = tuple(p.model_copy(update={"in_image": _without_epoch(p.nevra) in held}) for p in build.packages)
    offer = () if any(package.in_image for package in packages) else _best(build)
    return build.model_copy(update={"packages": packages, "offer": offer})


def _best(build: ResolvedBuild) -> tuple[str, ...]:
    """The package that bears the source's name, else the one with the shortest name; never all, as they may conflict."""
    source = build.nvr.rsplit("-", 2)[0]
    names = sorted({package.nevra.rsplit("-", 2)[0] for package in build.packages}, key=lambda name: (name != source, len(name), name))
    return tuple(names[:1])


def _offer(build: ResolvedBuild) -> str:
    (name,) = build.offer
    return f"{build.nvr} is not in this image: nothing depends on it; to install it add {name} to add_packages (--add {name})."


def _without_epoch(nevra: str) -> str:
    name, evr, tail = nevra.rsplit("-", 2)
    return f"{name}-{evr.rpartition(':')[2]}-{tail}"
