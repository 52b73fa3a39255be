# SPDX-License-Identifier: MIT
"""RPM files on this disk that anybody may have made: held to their own digests before anything believes them.

Runs no rpm and verifies no signature: that is the builder's work, with rpmkeys.
"""

from __future__ import annotations

import hashlib
import os
import pathlib
import re
from typing import Any, BinaryIO

from ondemand import errors
from ondemand_web.packages import downloads, headers

PIECE = 1 << 20
_NAMES = {
    "name": r"[A-Za-z0-9_][A-Za-z0-9._+-]{0,200}",
    "version": r"[A-Za-z0-9._+~^]{1,100}",
    "release": r"[A-Za-z0-9._+~^]{1,100}",
    "arch": r"[a-z0-9_]{1,30}",
}
_LARGEST_EPOCH = 2**31 - 1
_INSTALLED = 1 << 40
"""Bytes that the installed files of one package may take."""
_LONGEST = 4096
"""Characters that one of its dependencies may have; rich ones are nested."""
_SIZES, _SHA1, _SHA256, _MD5 = (270, 1000), 269, 273, 1004
_PAYLOAD, _PAYLOAD_KIND = 5092, 5093
_KINDS = {2: "sha1", 8: "sha256", 9: "sha384", 10: "sha512"}
"""Hash algorithms as OpenPGP numbers them."""
_SOURCE_RPM, _IS_SOURCE = 1044, 1106
_SOURCE_ARCHES = ("src", "nosrc")


def header(path: pathlib.Path) -> headers.Header:
    """What the file says of itself; raises downloads.Missing where it is gone, and errors.WrongDigest for no RPM."""
    try:
        with path.open("rb") as file:
            return headers.parse(_front(file))
    except FileNotFoundError as error:
        raise downloads.Missing(str(path)) from error
    except ValueError as error:
        raise _damaged(str(error)) from error


def verified(path: pathlib.Path) -> headers.Header:
    """The header of a binary RPM, none of whose digests is missing or wrong.

    Raises errors.WrongDigest for what is no RPM, cut or damaged, and errors.InvalidRequest for one that no image
    can hold.
    """
    try:
        with path.open("rb") as file:
            data = _front(file)
            front, found = headers.opened(data), headers.parse(data)
            _usable(data, front, found)
            _whole(file, data, front, found)
    except ValueError as error:
        raise _damaged(str(error)) from error
    return found


def _front(file: BinaryIO) -> bytes:
    data, needed = b"", headers.FIRST
    while len(data) < needed:
        more = file.read(needed - len(data))
        if not more and len(data) < headers.bytes_needed(data):
            raise ValueError("it ends before its header does")
        data += more
        needed = headers.bytes_needed(data)
    return data[:needed]


def _usable(data: bytes, front: headers.Front, found: headers.Header) -> None:
    """Refuses what no image can hold, and names that lead astray: they become names of files."""
    for part, pattern in _NAMES.items():
        if not re.fullmatch(pattern, getattr(found, part)):
            raise _refused(f"«{getattr(found, part)[:80]}» is no {part} that a package may have")
    if found.epoch > _LARGEST_EPOCH or found.installed_size > _INSTALLED:
        raise _refused("its epoch or size is larger than any package's")
    if any(len(r.name) > _LONGEST for relations in found.relations.values() for r in relations):
        raise _refused(f"one of its dependencies has more than {_LONGEST} characters")
    source = data[6:8] == b"\0\1" or _IS_SOURCE in front.main or _SOURCE_RPM not in front.main
    if source or found.arch in _SOURCE_ARCHES:
        raise errors.InvalidRequest(
            f"{found.name}-{found.version}-{found.release} is a source RPM",
            cause="images are made of binary ones",
            remedy="upload what was built from it",
        )


def _whole(file: BinaryIO, data: bytes, front: headers.Front, found: headers.Header) -> None:
    """Holds the file to its size and to every digest in it that covers the main header and the payload."""
    size = os.fstat(file.fileno()).st_size
    if any(tag in front.signature for tag in _SIZES) and size != found.file_size:
        raise ValueError(f"it has {size} bytes and its own header speaks of {found.file_size}")
    main = data[front.start : front.end]
    _compare("header", hashlib.sha256(main), _word(front.signature, _SHA256))
    _compare("header", hashlib.sha1(main, usedforsecurity=False), _word(front.signature, _SHA1))
    numbers = front.main.get(_PAYLOAD_KIND, [8])
    kind = next((name for number, name in _KINDS.items() if numbers == [number]), None)
    if kind is None:
        raise ValueError("the digest of its payload is of an unknown kind")
    payload, both = hashlib.new(kind), hashlib.md5(main, usedforsecurity=False)
    file.seek(front.end)
    while piece := file.read(PIECE):
        payload.update(piece)
        both.update(piece)
    promised, old = _word(front.main, _PAYLOAD), found.sigmd5
    if not (promised or old) or not (old or {_SHA256, _SHA1} & front.signature.keys()):
        raise ValueError("it holds no digest of its header or payload")
    _compare("payload", payload, promised)
    _compare("header or payload", both, old)


def _word(values: dict[int, headers.Value], tag: int) -> str:
    value = values.get(tag)
    return value[0] if isinstance(value, list) and value and isinstance(value[0], str) else ""


def _compare(what: str, real: Any, promised: str) -> None:
    if promised and real.hexdigest() != promised.lower():
        raise ValueError(f"its {what} does not fit the {real.name.upper()} in it")


def _refused(cause: str) -> errors.InvalidRequest:
    return errors.InvalidRequest("This RPM is not taken", cause=cause, remedy="build it anew with a usual one")


def _damaged(cause: str) -> errors.WrongDigest:
    return errors.WrongDigest("The file is no whole RPM", cause=cause, remedy="look at it with `rpm -K` and send it again")
