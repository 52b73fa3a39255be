# SPDX-License-Identifier: MIT
"""Reads the digests that name an RPM out of its file: lead, signature header, main header; bounded.

It believes no digest that the file states about itself: every one is computed over the bytes.
"""

from __future__ import annotations

import hashlib
import pathlib
import struct
from typing import BinaryIO

from ondemand import errors

_LEAD = b"\xed\xab\xee\xdb"
_MAGIC = b"\x8e\xad\xe8\x01"
_MOST_ENTRIES = 0xFFFF
_MOST_BYTES = 256 * 1024**2
_PIECE = 1024**2


def digests(path: pathlib.Path, *, sigmd5: bool = True) -> dict[str, str]:
    """The file's checksums by a lock's kinds, in one reading; MD5 only with `sigmd5`.

    `header-sha256` is SHA-256 of the main header's bytes, which RPM calls SHA256HEADER; `sigmd5` MD5 of main header
    and payload, Koji's `payloadhash`. Raises errors.WrongDigest for no RPM.
    """
    whole, payload = hashlib.sha256(), hashlib.md5(usedforsecurity=False)
    with path.open("rb") as file:
        _skip_to_main(file, path.name)
        header = _section(file, path.name)
        length = file.tell()
        file.seek(0)
        whole.update(file.read(length))
        payload.update(header)
        while piece := file.read(_PIECE):
            whole.update(piece)
            if sigmd5:
                payload.update(piece)
    found = {"sha256": whole.hexdigest(), "header-sha256": hashlib.sha256(header).hexdigest()}
    return {**found, "sigmd5": payload.hexdigest()} if sigmd5 else found


def sha256(path: pathlib.Path) -> str:
    """SHA-256 of the whole file, whatever it is."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _skip_to_main(file: BinaryIO, name: str) -> None:
    if file.read(96)[:4] != _LEAD:
        raise _no_rpm(name, "it does not begin as one")
    size = len(_section(file, name))
    file.seek(-size % 8, 1)


def _section(file: BinaryIO, name: str) -> bytes:
    intro = file.read(16)
    if len(intro) != 16 or intro[:4] != _MAGIC:
        raise _no_rpm(name, "a header in it does not begin as one")
    entries, size = struct.unpack(">II", intro[8:])
    if entries > _MOST_ENTRIES or size > _MOST_BYTES:
        raise _no_rpm(name, "a header in it is larger than RPM allows")
    body = file.read(entries * 16 + size)
    if len(body) != entries * 16 + size:
        raise _no_rpm(name, "it ends in the middle of a header")
    return intro + body


def _no_rpm(name: str, cause: str) -> errors.WrongDigest:
    return errors.WrongDigest(
        f"The file {name} is no RPM",
        cause=cause,
        remedy="look at its URL; a mirror may have answered with a page",
    )
