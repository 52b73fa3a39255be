# SPDX-License-Identifier: MIT
"""A build's record as the API gives it, for tests of mails. Tests no thing itself."""

from __future__ import annotations

from typing import Any

from ondemand.proofs import ProofKind

NOW = "2026-11-24T00:00:00Z"
ERROR = {"code": "tool-failed", "class": "content", "sentence": "kiwi failed, because of this; do that.", "details": []}


def build(state: str) -> dict[str, Any]:
    """The record of build 7 in a final state."""
    ended = state in ("succeeded", "failed")
    step = {"step": "build", "state": "done", "started_at": NOW, "ended_at": NOW}
    attempt = {"number": 1, "builder": "one", "started_at": NOW, "ended_at": NOW, "steps": [step]}
    return {
        "id": 7,
        "state": state,
        "owner": "alice",
        "request": {"release": "f44", "title": "A title"},
        "page": "http://m/builds/7",
        "created_at": NOW,
        "changed_at": NOW,
        "ended_at": NOW,
        "error": ERROR if state in ("failed", "refused") else None,
        "attempts": [attempt] if ended else [],
        "proofs": [{"kind": kind.value, "held": True, "how": "It was seen."} for kind in ProofKind] if ended else [],
        "artifacts": [_file("a.iso", "image"), _file("CHECKSUM", "checksum")] if state == "succeeded" else [],
    }


def _file(name: str, role: str) -> dict[str, Any]:
    return {"name": name, "role": role, "size": 3, "sha256": "a" * 64, "url": f"http://m/builds/7/files/{name}"}
