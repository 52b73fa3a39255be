# SPDX-License-Identifier: MIT
"""The lock as a record: what was kept earlier can still be read, and is still the same lock."""

from __future__ import annotations

import hashlib
import json

from ondemand import locks
from tests import builder_parts

PACKAGE = locks.LockedPackage(name="bash", version="1", release="1", arch="noarch", origin="main", urls=(), checksums={}, trust="uploaded")
LOCK = builder_parts.make_lock(PACKAGE)


def test_a_lock_from_before_the_side_repository_was_whole_keeps_its_digest() -> None:
    younger = ("tree", "side", "rules", "preset", "boot_iso", "groups")
    old = {name: value for name, value in LOCK.model_dump(mode="json").items() if name not in younger}
    text = json.dumps(old, sort_keys=True, separators=(",", ":"))
    assert locks.Lock.model_validate(old).digest() == hashlib.sha256(text.encode()).hexdigest()


def test_the_rules_are_said_in_one_sentence() -> None:
    assert locks.Rules(weak_dependencies=True).sentence == "Weak dependencies are installed."
    rules = locks.Rules(excluded=("vim",), multilib=locks.Multilib.ALL, languages=("de",), documentation=False)
    for part in ("Weak dependencies are left out", "every architecture", "left out: vim", "alone: de", "no documentation"):
        assert part in rules.sentence


def test_another_side_repository_is_another_lock() -> None:
    assert LOCK.model_copy(update={"side": (PACKAGE,)}).digest() != LOCK.digest()
    assert LOCK.model_copy(update={"rules": locks.Rules(weak_dependencies=True)}).digest() != LOCK.digest()
