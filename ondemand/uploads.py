# SPDX-License-Identifier: MIT
"""Uploads: RPM files that a tester brings himself. Records only."""

from __future__ import annotations

import datetime
from typing import Annotated

import pydantic

from ondemand.builds import Record

TYPE = "application/x-rpm"
"""The media type of an upload's body."""
KIND = "upload"
"""The kind of reference that names an upload, and the origin that people are told."""
TRUST = "uploaded"
"""Trust of an uploaded RPM that no key of the release has signed."""
Sha256 = Annotated[str, pydantic.Field(pattern=r"^[0-9a-f]{64}$")]


class UploadRecord(Record):
    """An uploaded RPM. `reference` is what a request names it by; `size` in bytes; `signed_by` the id of a key.

    It is kept until `kept_until`, and longer when a request uses it.
    """

    reference: str
    sha256: str
    nevra: str
    size: int
    signed_by: str | None = None
    owner: str
    url: str
    created_at: datetime.datetime
    last_used_at: datetime.datetime
    kept_until: datetime.datetime


class UploadList(Record):
    """An owner's uploads, the newest first; `used` bytes of at most `limit`, each RPM of at most `max_rpm`."""

    uploads: tuple[UploadRecord, ...]
    used: int
    limit: int
    max_rpm: int


def reference(sha256: str) -> str:
    """What a request names the upload by."""
    return f"{KIND}:{sha256}"
