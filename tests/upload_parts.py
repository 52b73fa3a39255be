# SPDX-License-Identifier: MIT
"""Parts for the tests of uploads: small whole RPM files, made byte by byte, and hostile ones. Tests no thing itself."""

from __future__ import annotations

import hashlib
import struct
from typing import Any

from flask.testing import FlaskClient

from ondemand.uploads import TYPE

Tags = dict[int, tuple[int, int, bytes]]
URL = "/api/v1/uploads"


def section(tags: Tags) -> bytes:
    """A header section with these tags: number to (type, count, value)."""
    index, store = b"", b""
    for tag, (kind, count, value) in tags.items():
        store += bytes(-len(store) % 8)
        index += struct.pack(">IIII", tag, kind, len(store), count)
        store += value
    return b"\x8e\xad\xe8\x01" + bytes(4) + struct.pack(">II", len(tags), len(store)) + index + store


def text(*words: str) -> tuple[int, int, bytes]:
    """A value of one or more strings."""
    return 8, len(words), b"".join(word.encode() + b"\0" for word in words)


def number(value: int, width: int = 4) -> tuple[int, int, bytes]:
    """A value of one number."""
    return (4 if width == 4 else 5), 1, value.to_bytes(width, "big")


def rpm(name: str = "ball", arch: str = "noarch", payload: bytes = b"payload", **changes: Any) -> bytes:
    """A whole RPM file; `main` and `signature` of `changes` are tags that it has besides, None takes one away."""
    digest = hashlib.sha256(payload).hexdigest()
    main: dict[int, Any] = {1000: text(name), 1001: text("1"), 1002: text("1"), 1022: text(arch), 1044: text("ball-1-1.src.rpm")}
    main |= {5092: text(digest), 5093: number(8), **changes.get("main", {})}
    header = section({tag: value for tag, value in main.items() if value})
    signature: dict[int, Any] = {
        269: text(hashlib.sha1(header).hexdigest()),
        273: text(hashlib.sha256(header).hexdigest()),
        1000: number(len(header + payload)),
        1004: (7, 16, hashlib.md5(header + payload).digest()),
        **changes.get("signature", {}),
    }
    lead: bytes = b"\xed\xab\xee\xdb\3\0" + changes.get("kind", b"\0\0") + bytes(88)
    front = lead + section({tag: value for tag, value in signature.items() if value})
    return front + bytes(-len(front) % 8) + header + payload


def send(web: FlaskClient, body: bytes, token: str = "", kind: str = TYPE) -> tuple[int, dict[str, Any]]:
    """Status and body of the answer to an upload."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    answer = web.post(URL, data=body, content_type=kind, headers=headers)
    return answer.status_code, answer.get_json()
