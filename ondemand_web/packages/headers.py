# SPDX-License-Identifier: MIT
"""RPM headers of wanted builds: reads the front of a remote RPM file and what it says of itself.

Reads no payload, and verifies no signature: that is the builder's work, with rpmkeys.
"""

from __future__ import annotations

import dataclasses
import hashlib
import pathlib
import struct
import tempfile

import requests

from ondemand import deadlines, errors
from ondemand_web.packages import downloads, keys

LIMIT = 32 * 1024 * 1024
"""Bytes that the front of an RPM file may have."""
FIRST = 128 * 1024
_LEAD, _LEAD_MAGIC, _MAGIC = 96, b"\xed\xab\xee\xdb", b"\x8e\xad\xe8\x01"
_INTEGERS = {2: 1, 3: 2, 4: 4, 5: 8}
_SIGNATURE_TAGS = (268, 267, 1002, 1005)

_BROKEN = "its header is broken"

Value = str | bytes | list[str] | list[int]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Relation:
    """A dependency: `flags` as RPM has them (2 less, 4 greater, 8 equal)."""

    name: str
    flags: int = 0
    version: str = ""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Header:
    """What an RPM says of itself. Sizes are bytes, digests hex, `relations` by kind (`requires`)."""

    name: str
    epoch: int
    version: str
    release: str
    arch: str
    installed_size: int
    file_size: int
    header_sha256: str
    sigmd5: str
    signed_by: str | None
    relations: dict[str, tuple[Relation, ...]]
    files: tuple[str, ...]

    @property
    def evr(self) -> str:
        """`[epoch:]version-release`."""
        return f"{self.epoch}:{self.version}-{self.release}" if self.epoch else f"{self.version}-{self.release}"


class Incomplete(Exception):
    """The bytes end before the main header does; `needed` is how many there must be at least."""

    def __init__(self, needed: int) -> None:
        super().__init__(needed)
        self.needed = needed


def fetch(url: str, folder: pathlib.Path, identity: str, session: requests.Session) -> Header:
    """The header of the RPM at `url`, kept in `folder` when `identity` (its sigmd5, for instance) is known.

    Raises downloads.Missing for a 404, errors.SourceUnavailable, and errors.WrongDigest for what is no RPM.
    """
    kept = folder / f"{hashlib.sha256(f'{identity} {url}'.encode()).hexdigest()}.header"
    if identity and kept.exists():
        return parse(kept.read_bytes())
    data = _front(url, session)
    header = parse(data)
    if identity:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".new-", delete=False) as out:
            out.write(data)
        pathlib.Path(out.name).replace(kept)
    return header


def _front(url: str, session: requests.Session) -> bytes:
    """The bytes of the file up to the end of its main header; also from a server that ignores Range."""
    data, needed = bytearray(), FIRST
    try:
        while len(data) < needed:
            wanted = {"Range": f"bytes={len(data)}-{needed - 1}", "Accept-Encoding": "identity"}
            bounded = deadlines.Deadline(downloads.SHORTEST + (needed - len(data)) / downloads.SLOWEST)
            with bounded, session.get(url, headers=wanted, stream=True, timeout=downloads.TIMEOUT) as answer:
                if answer.status_code in (404, 410):
                    raise downloads.Missing(url)
                if answer.status_code not in (200, 206, 416):
                    raise downloads.unavailable(url, f"the server answered {answer.status_code}")
                whole = answer.status_code != 206
                if whole:
                    data.clear()
                for chunk in answer.iter_content(64 * 1024):
                    data += chunk
                    if len(data) >= needed and len(data) >= (needed := bytes_needed(data)):
                        break
            needed = bytes_needed(data)
            if whole and len(data) < needed:
                raise ValueError("it ends before its header does")
    except requests.RequestException as error:
        raise downloads.unavailable(url, f"the connection failed ({type(error).__name__})") from error
    except ValueError as error:
        raise _no_rpm(url, str(error)) from error
    return bytes(data[:needed])


def bytes_needed(data: bytes | bytearray) -> int:
    """How long the front of this RPM file is, as far as its bytes tell; raises ValueError for what is no RPM."""
    try:
        return _main_header(data)[1]
    except Incomplete as error:
        if error.needed > LIMIT:
            raise ValueError(f"its header is larger than {LIMIT} bytes") from error
        return error.needed


def _no_rpm(url: str, cause: str) -> errors.WrongDigest:
    return errors.WrongDigest(
        f"{url} is no RPM file", cause=cause, remedy="name another build, or ask who keeps that server"
    )


def _section(data: bytes | bytearray, start: int) -> int:
    """Where the header section at `start` ends; raises Incomplete, and ValueError for what is no header."""
    if len(data) < start + 16:
        raise Incomplete(start + 16)
    if data[start : start + 4] != _MAGIC:
        raise ValueError("it has no RPM header where one must be")
    entries, store = struct.unpack_from(">II", data, start + 8)
    return int(start + 16 + 16 * entries + store)


def _main_header(data: bytes | bytearray) -> tuple[int, int]:
    """Where the main header begins and ends."""
    if len(data) >= 4 and data[:4] != _LEAD_MAGIC:
        raise ValueError("it does not begin as one")
    start = (_section(data, _LEAD) + 7) // 8 * 8
    end = _section(data, start)
    if len(data) < end:
        raise Incomplete(end)
    return start, end


@dataclasses.dataclass(frozen=True, kw_only=True)
class Front:
    """The front of an RPM file: the values of both headers by their tags, and where the main one begins and ends."""

    signature: dict[int, Value]
    main: dict[int, Value]
    start: int
    end: int


def opened(data: bytes) -> Front:
    """The front of an RPM file; raises Incomplete, and ValueError for what is no RPM."""
    start, end = _main_header(data)
    return Front(signature=_values(data, _LEAD), main=_values(data, start), start=start, end=end)


def parse(data: bytes) -> Header:
    """The header in the front of an RPM file; raises Incomplete, and ValueError for what is no RPM."""
    front = opened(data)
    signature, main, start, end = front.signature, front.main, front.start, front.end
    epoch, size = _numbers(main, 1003), _numbers(main, 5009) or _numbers(main, 1009)
    body = _numbers(signature, 270) or _numbers(signature, 1000)
    packets = (signature.get(tag) for tag in _SIGNATURE_TAGS)
    packet = next((value for value in packets if isinstance(value, bytes)), b"")
    md5 = signature.get(1004, b"")
    return Header(
        name=_text(main, 1000),
        epoch=epoch[0] if epoch else 0,
        version=_text(main, 1001),
        release=_text(main, 1002),
        arch=_text(main, 1022),
        installed_size=size[0] if size else -1,
        file_size=start + body[0] if body else -1,
        header_sha256=hashlib.sha256(data[start:end]).hexdigest(),
        sigmd5=md5.hex() if isinstance(md5, bytes) else "",
        signed_by=keys.of_signature(packet) if packet else None,
        relations={kind: _relations(main, *tags) for kind, tags in _RELATIONS.items()},
        files=_files(main),
    )


_RELATIONS = {
    "provides": (1047, 1112, 1113),
    "requires": (1049, 1048, 1050),
    "conflicts": (1054, 1053, 1055),
    "obsoletes": (1090, 1114, 1115),
    "recommends": (5046, 5048, 5047),
    "suggests": (5049, 5051, 5050),
    "supplements": (5052, 5054, 5053),
    "enhances": (5055, 5057, 5056),
}


def _values(data: bytes, start: int) -> dict[int, Value]:
    entries, length = struct.unpack_from(">II", data, start + 8)
    base = start + 16 + 16 * entries
    store = data[base : base + length]
    found: dict[int, Value] = {}
    used = 0
    for number in range(entries):
        tag, kind, offset, count = struct.unpack_from(">IIII", data, start + 16 + 16 * number)
        width = _INTEGERS.get(kind, 1)
        # Values lie side by side: more than the store has can only be told by reading the same bytes again and again.
        if offset + width * count > length or used + width * count > length:
            raise ValueError(_BROKEN)
        used += width * count
        if kind in _INTEGERS:
            pieces = (store[offset + i * width : offset + (i + 1) * width] for i in range(count))
            found[tag] = [int.from_bytes(piece, "big") for piece in pieces]
        elif kind == 7:
            found[tag] = store[offset : offset + count]
        elif kind in (6, 8, 9):
            found[tag], size = _strings(store, offset, count)
            used += size - count
    return found


def _strings(store: bytes, offset: int, count: int) -> tuple[list[str], int]:
    """The strings and how many bytes they take."""
    found, begin = [], offset
    for _ in range(count):
        end = store.find(b"\0", offset)
        if end < 0:
            raise ValueError(_BROKEN)
        found.append(store[offset:end].decode("utf-8", "replace"))
        offset = end + 1
    return found, offset - begin


def _text(values: dict[int, Value], tag: int) -> str:
    value = values.get(tag)
    if not isinstance(value, list) or not value or not isinstance(value[0], str):
        raise ValueError(f"its header has no tag {tag}")
    return value[0]


def _numbers(values: dict[int, Value], tag: int) -> list[int]:
    value = values.get(tag, [])
    return [item for item in value if isinstance(item, int)] if isinstance(value, list) else []


def _texts(values: dict[int, Value], tag: int) -> list[str]:
    value = values.get(tag, [])
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


def _relations(main: dict[int, Value], names: int, flags: int, versions: int) -> tuple[Relation, ...]:
    columns = _texts(main, names), _numbers(main, flags), _texts(main, versions)
    if len({len(column) for column in columns}) > 1:
        raise ValueError(_BROKEN)
    return tuple(
        Relation(name=name, flags=flag & 14, version=version)
        for name, flag, version in zip(*columns, strict=True)
        if not name.startswith("rpmlib(")
    )


def _files(main: dict[int, Value]) -> tuple[str, ...]:
    folders = _texts(main, 1118)
    indexes, names = _numbers(main, 1116), _texts(main, 1117)
    if len(indexes) != len(names):
        raise ValueError(_BROKEN)
    return tuple(folders[i] + name for i, name in zip(indexes, names, strict=True) if i < len(folders))
