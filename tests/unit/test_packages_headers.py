# SPDX-License-Identifier: MIT
"""RPM headers: read whole or refused, whatever the bytes are."""

from __future__ import annotations

import struct

import pytest

from ondemand_web.packages import headers


def section(tags: dict[int, tuple[int, int, bytes]]) -> bytes:
    """A header section with these tags: number to (type, count, value)."""
    index, store = b"", b""
    for tag, (kind, count, value) in tags.items():
        index += struct.pack(">IIII", tag, kind, len(store), count)
        store += value
    return b"\x8e\xad\xe8\x01" + bytes(4) + struct.pack(">II", len(tags), len(store)) + index + store


def front(**changes: bytes) -> bytes:
    """The front of an RPM file."""
    signature = section({1004: (7, 4, b"\xde\xad\xbe\xef"), 1000: (4, 1, struct.pack(">I", 1000))})
    main = section(
        {
            1003: (4, 1, struct.pack(">I", 3)),
            1000: (6, 1, changes.get("name", b"small") + b"\0"),
            1001: (6, 1, b"1.2\0"),
            1002: (6, 1, b"3\0"),
            1022: (6, 1, b"noarch\0"),
            1049: (8, 2, b"rpmlib(X)\0lib\0"),
            1048: (4, 2, struct.pack(">II", 1 << 24, 12)),
            1050: (8, 2, b"1\0002\0"),
        }
    )
    head = b"\xed\xab\xee\xdb" + bytes(92) + signature
    return head + bytes(-len(head) % 8) + main


def test_a_header_says_what_it_is() -> None:
    header = headers.parse(front())
    assert (header.name, header.evr, header.arch) == ("small", "3:1.2-3", "noarch")
    assert header.sigmd5 == "deadbeef" and header.signed_by is None and len(header.header_sha256) == 64
    assert header.relations["requires"] == (headers.Relation(name="lib", flags=12, version="2"),)


def test_every_cut_is_incomplete_and_says_how_much_is_needed() -> None:
    whole = front()
    for length in range(len(whole)):
        with pytest.raises(headers.Incomplete) as caught:
            headers.parse(whole[:length])
        assert length < caught.value.needed <= len(whole)


@pytest.mark.parametrize("data", [b"<html>" * 100, b"\xed\xab\xee\xdb" + b"x" * 400])
def test_what_is_no_rpm_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError):
        headers.parse(data)


def test_a_broken_index_is_refused() -> None:
    whole = bytearray(front())
    at = whole.rindex(struct.pack(">II", 1000, 6)) + 8
    whole[at : at + 4] = b"\x7f\xff\xff\xff"
    with pytest.raises(ValueError, match="broken"):
        headers.parse(bytes(whole))


@pytest.mark.parametrize("kind", [4, 7, 8])
def test_an_index_that_reads_the_same_bytes_again_and_again_is_refused(kind: int) -> None:
    tags = dict.fromkeys(range(7000, 7100), (kind, 25, b""))
    main = section({**tags, 8000: (7, 100, bytes(100))}).replace(struct.pack(">II", 25, 0), struct.pack(">II", 0, 25))
    head = b"\xed\xab\xee\xdb" + bytes(92) + section({})
    with pytest.raises(ValueError, match="broken"):
        headers.parse(head + main)


def test_lists_of_unequal_length_are_broken() -> None:
    with pytest.raises(ValueError, match="broken"):
        headers.parse(front().replace(struct.pack(">II", 1048, 4), struct.pack(">II", 1040, 4)))
