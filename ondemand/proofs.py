# SPDX-License-Identifier: MIT
"""The four proofs of an image and the artifacts that they speak of. Records only, no I/O."""

from __future__ import annotations

import enum
import json
from typing import Any

import pydantic

FILES = 64
"""Artifacts that an attempt may have."""
HOW = 2000
"""Characters that a proof's sentence may have."""
FACTS = 512 * 1024
"""Bytes that a proof's facts may have as JSON."""


LISTENER = "ondemand-proof"
"""The file on the small disk that is attached where an installer is proven to boot. A boot menu that finds it on one of GRUB's first
two disks has its kernel log to the serial line, so that no image logs there otherwise."""


class ProofKind(enum.StrEnum):
    """What is proven."""

    BUILT = "built"
    """The image tool made the image from the frozen repository."""
    CONTAINS = "contains"
    """The image holds what was locked, by NEVRA and digest: its RPM database, of media the RPMs that they carry; an image by a
    backend that is not closed holds every wanted build."""
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

    @property
    def fits(self) -> bool:
        """Whether a report may hold it."""
        return len(self.how) <= HOW and _size(self.facts) <= FACTS

    def fitting(self) -> Proof:
        """The proof as a report may hold it: the largest facts are left out where they are too much."""
        facts = dict(self.facts)
        for name in sorted(facts, key=lambda name: _size(facts[name]), reverse=True):
            if _size(facts) > FACTS:
                facts[name] = f"left out, as it has {_size(facts[name])} bytes"
        return self.model_copy(update={"how": self.how[:HOW], "facts": facts})


class Artifact(pydantic.BaseModel, frozen=True, extra="forbid"):
    """A file of an attempt. `size` in bytes, `sha256` in lower-case hex, `role` what it is for."""

    name: str = pydantic.Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._+-]{0,199}$")
    role: str = pydantic.Field(pattern=r"^(image|checksum|packages|lock|kickstart|log|screenshot|manifest|side|description)$")
    size: int = pydantic.Field(ge=0)
    sha256: str = pydantic.Field(pattern=r"^[0-9a-f]{64}$")


def _size(facts: Any) -> int:
    return len(json.dumps(facts).encode())
