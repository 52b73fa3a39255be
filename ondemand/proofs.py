# SPDX-License-Identifier: MIT
"""The four proofs of an image and the artifacts that they speak of. Records only, no I/O."""

from __future__ import annotations

import enum
from typing import Any

import pydantic


class ProofKind(enum.StrEnum):
    """What is proven."""

    BUILT = "built"
    """The image tool made the image from the frozen repository."""
    CONTAINS = "contains"
    """The image's RPM database holds exactly the lock, by NEVRA and header digest."""
    BOOTS = "boots"
    """The image's own root said so after multi-user, in a virtual machine."""
    PUBLISHED = "published"
    """The stored files came back with the lock's size and digest."""


class Proof(pydantic.BaseModel, frozen=True, extra="forbid"):
    """One proof: whether it held, how it was found (one sentence) and the facts behind it."""

    kind: ProofKind
    held: bool
    how: str
    facts: dict[str, Any] = {}


class Artifact(pydantic.BaseModel, frozen=True, extra="forbid"):
    """A file of an attempt. `size` in bytes, `sha256` in lower-case hex, `role` what it is for."""

    name: str = pydantic.Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._+-]{0,199}$")
    role: str = pydantic.Field(pattern=r"^(image|checksum|packages|lock|kickstart|log|screenshot|manifest)$")
    size: int = pydantic.Field(ge=0)
    sha256: str = pydantic.Field(pattern=r"^[0-9a-f]{64}$")
