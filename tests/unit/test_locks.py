# SPDX-License-Identifier: MIT
"""The lock as a record: what was kept earlier can still be read, and is still the same lock."""

from __future__ import annotations

import hashlib
import json

from ondemand import locks
from tests import builder_parts

PACKAGE = locks.LockedPackage(
    name="bash", version="1", release="1", arch="noarch", origin="main", urls=(), checksums={}, trust="uploaded"
)
LOCK = builder_parts.make_lock(PACKAGE)


def test_a_lock_from_before_the_side_repository_was_whole_keeps_its_digest() -> None:
    old = {name: value for name, value in LOCK.model_dump(mode="json").items() if name != "side"}
    text = json.dumps(old, sort_keys=True, separators=(",", ":"))
    assert locks.Lock.model_validate(old).digest() == hashlib.sha256(text.encode()).hexdigest()


def test_another_side_repository_is_another_lock() -> None:
    assert LOCK.model_copy(update={"side": (PACKAGE,)}).digest() != LOCK.digest()
