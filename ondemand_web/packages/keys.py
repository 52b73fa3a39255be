# SPDX-License-Identifier: MIT
"""Key ids of OpenPGP keys and signatures. Reads packets; whether a signature holds is for rpmkeys to say."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Iterator

PUBLIC_KEY, PUBLIC_SUBKEY, SIGNATURE = 6, 14, 2
_ISSUER, _ISSUER_FINGERPRINT = 16, 33


def of_public_key(armored: str) -> tuple[str, ...]:
    """The key ids (16 hex digits, lower case) of an armored version 4 key and its subkeys; () for others."""
    found = []
    for tag, body in _packets(_dearmored(armored)):
        if tag in (PUBLIC_KEY, PUBLIC_SUBKEY) and body[:1] == b"\x04":
            head = b"\x99" + len(body).to_bytes(2, "big")
            found.append(hashlib.sha1(head + body, usedforsecurity=False).hexdigest()[-16:])
    return tuple(found)


def of_signature(packet: bytes) -> str | None:
    """The key id (16 hex digits, lower case) that a signature packet names; None where it names none."""
    for tag, body in _packets(packet):
        if tag == SIGNATURE and body[:1] == b"\x03":
            return body[7:15].hex() or None
        if tag == SIGNATURE and body[:1] == b"\x04":
            return _issuer(body)
    return None


def same(one: str, other: str) -> bool:
    """Whether two key ids mean the same key; Koji knows the last eight digits only."""
    return one[-8:].lower() == other[-8:].lower()


def _issuer(body: bytes) -> str | None:
    offset = 4
    for _ in ("hashed", "unhashed"):
        length = int.from_bytes(body[offset : offset + 2], "big")
        area = body[offset + 2 : offset + 2 + length]
        for kind, content in _subpackets(area):
            if kind in (_ISSUER, _ISSUER_FINGERPRINT) and len(content) >= 8:
                return content[-8:].hex()
        offset += 2 + length
    return None


def _subpackets(area: bytes) -> Iterator[tuple[int, bytes]]:
    while area:
        length, used = _length(area)
        if length < 1:
            return
        yield area[used] & 0x7F if len(area) > used else 0, area[used + 1 : used + length]
        area = area[used + length :]


def _packets(data: bytes) -> Iterator[tuple[int, bytes]]:
    while len(data) > 1 and data[0] & 0x80:
        if data[0] & 0x40:
            tag, (length, used) = data[0] & 0x3F, _length(data[1:])
        else:
            tag, size = (data[0] >> 2) & 0xF, 1 << (data[0] & 3)
            if size == 8:
                return
            length, used = int.from_bytes(data[1 : 1 + size], "big"), size
        yield tag, data[1 + used : 1 + used + length]
        data = data[1 + used + length :]


def _length(data: bytes) -> tuple[int, int]:
    """A new-format length and how many bytes it took."""
    first = data[0] if data else 0
    if first < 192:
        return first, 1
    if first < 255:
        return ((first - 192) << 8) + int.from_bytes(data[1:2], "big") + 192, 2
    return int.from_bytes(data[1:5], "big"), 5


def _dearmored(text: str) -> bytes:
    lines = [line.strip() for line in text.splitlines()]
    try:
        start = next(i for i, line in enumerate(lines) if line.startswith("-----BEGIN PGP PUBLIC KEY"))
        first = lines.index("", start) + 1
        end = next(i for i, line in enumerate(lines) if i > first and line.startswith(("=", "-----END")))
        return base64.b64decode("".join(lines[first:end]))
    except (StopIteration, ValueError, binascii.Error):
        return b""
