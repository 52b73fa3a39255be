# SPDX-License-Identifier: MIT
"""What references would become, as the API tells it before anything is built. Records only."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import pydantic

from ondemand import build_requests, errors
from ondemand.build_requests import BuildRequest, ImageType, OwnDescription, PackageName, Url, Word
from ondemand.builds import Failure, Record

REFUSED = "refused"
"""The trust of a package for which a request would be refused."""
Text = Annotated[str, pydantic.Field(min_length=1, max_length=1000)]


class ResolveRequest(pydantic.BaseModel, frozen=True, extra="forbid"):
    """Which references to look up, for which release and architecture.

    With an `image_type` it is told, too, which packages that image would install; what the image holds beside them is said
    as in a request for one.
    """

    release: Word
    arch: Word = "x86_64"
    references: tuple[Text, ...] = pydantic.Field(min_length=1, max_length=100)
    image_type: ImageType | None = None
    preset: Word | None = None
    kickstart: str | None = pydantic.Field(default=None, min_length=1, max_length=build_requests.TEXT)
    kickstart_url: Url | None = None
    description: OwnDescription | None = None
    add_packages: tuple[PackageName, ...] = pydantic.Field(default=(), max_length=500)
    remove_packages: tuple[PackageName, ...] = pydantic.Field(default=(), max_length=500)
    add_groups: tuple[Word, ...] = pydantic.Field(default=(), max_length=100)
    remove_groups: tuple[Word, ...] = pydantic.Field(default=(), max_length=100)

    @pydantic.model_validator(mode="after")
    def _whole(self) -> ResolveRequest:
        if self.image_type is None and self.model_fields_set & _OF_AN_IMAGE:
            raise ValueError("what an image holds is only told of with an image_type, which is missing")
        if self.image_type is not None:
            try:
                self.image()
            except errors.InvalidRequest as error:
                raise ValueError("; ".join(error.details)) from error
        return self

    def image(self, references: Sequence[str] = ()) -> BuildRequest:
        """The request for the image with these references; raises errors.InvalidRequest."""
        fields = {name: getattr(self, name) for name in ("release", "arch", "image_type", *_OF_AN_IMAGE)}
        return build_requests.validate({**fields, "builds": tuple(references)})


_OF_AN_IMAGE = frozenset(
    {"preset", "kickstart", "kickstart_url", "description", "add_packages", "remove_packages", "add_groups", "remove_groups"}
)


class ResolvedUpdate(Record):
    """The update that brought a package into its repository; `kind` and `severity` in Bodhi's words."""

    alias: str
    kind: str = ""
    severity: str = ""


class ResolvedPackage(Record):
    """A package of a build: `origin` is where it would come from, `size` bytes or -1, `trust` as in a lock or REFUSED.

    `in_image` is whether the image would install it, None where that was not asked or is not known.
    """

    nevra: str
    origin: str
    trust: str
    size: int
    update: ResolvedUpdate | None = None
    in_image: bool | None = None


class ResolvedBuild(Record):
    """A build with its packages for the architecture and noarch; the NVR of a `scratch` build identifies nothing.

    `newer` are the NVRs of newer builds of the package, `offer` what `add_packages` needs for a build on which nothing in
    the image depends.
    """

    nvr: str
    scratch: bool
    packages: tuple[ResolvedPackage, ...]
    newer: tuple[str, ...] = ()
    offer: tuple[str, ...] = ()


class ResolvedReference(Record):
    """What one reference becomes, or in `error` why not; `partial` says that it may be told a little later.

    `reference` is its full form `kind:value`, None for a text that is none.
    """

    text: str
    reference: str | None = None
    identity: str = ""
    builds: tuple[ResolvedBuild, ...] = ()
    warnings: tuple[str, ...] = ()
    error: Failure | None = None
    partial: bool = False


class ResolvedImage(Record):
    """The image with all references that can be looked up: how many packages it holds, or in `error` why there is none."""

    image_type: ImageType
    packages: int = 0
    error: Failure | None = None
    partial: bool = False


class ResolveRecord(Record):
    """The answer: each different reference once, in the order asked; `partial` when any part of it is."""

    release: str
    arch: str
    references: tuple[ResolvedReference, ...]
    image: ResolvedImage | None = None
    warnings: tuple[str, ...] = ()
    partial: bool
