# SPDX-License-Identifier: MIT
"""What references would become, as the API tells it before anything is built. Records only."""

from __future__ import annotations

from typing import Annotated

import pydantic

from ondemand.build_requests import Word
from ondemand.builds import Failure, Record

REFUSED = "refused"
"""The trust of a package for which a request would be refused."""
Text = Annotated[str, pydantic.Field(min_length=1, max_length=1000)]


class ResolveRequest(pydantic.BaseModel, frozen=True, extra="forbid"):
    """Which references to look up, for which release and architecture."""

    release: Word
    arch: Word = "x86_64"
    references: tuple[Text, ...] = pydantic.Field(min_length=1, max_length=100)


class ResolvedPackage(Record):
    """A package of a build: `origin` is where it would come from, `size` bytes or -1, `trust` as in a lock or REFUSED."""

    nevra: str
    origin: str
    trust: str
    size: int


class ResolvedBuild(Record):
    """A build with its packages for the architecture and noarch; the NVR of a `scratch` build identifies nothing."""

    nvr: str
    scratch: bool
    packages: tuple[ResolvedPackage, ...]


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


class ResolveRecord(Record):
    """The answer: each different reference once, in the order asked; `partial` when any of them is."""

    release: str
    arch: str
    references: tuple[ResolvedReference, ...]
    partial: bool
