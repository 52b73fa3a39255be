# SPDX-License-Identifier: MIT
"""What group packages of the benchmarks makes and reads: metadata from Debian's index, dnf's table."""

from __future__ import annotations

import xml.etree.ElementTree as etree

from tests.bench import debian_index, dnf_runs

INDEX = """\
Package: ball
Version: 1:2.0-rc1-3
Architecture: amd64
Depends: net (>= 4.2), racket:any | bat (<< 2-1), sun
Provides: toy (= 1)
Description: A ball & more
 of it

Package: net
Version: 5
Architecture: all
"""
_RPM = "{http://linux.duke.edu/metadata/rpm}"
TABLE = """\
 Package      Arch    Version       Repository  Size
====================================================
Installing:
 ball         noarch  1:1-2         stream      26 k
Installing dependencies:
 a-very-long-name-that-is-wrapped
              x86_64  2~rc1-1.el9   stream     1.2 M
     replacing  old.noarch 1-1
Skipping packages with conflicts:
 ball         noarch  1:0-1         stream      26 k

Transaction Summary
"""


def test_versions_are_split_as_rpm_has_them() -> None:
    assert debian_index.version("1:2.0-rc1-3") == ("1", "2.0.rc1", "3")
    assert debian_index.version("5") == ("0", "5", "")


def test_alternatives_become_a_rich_dependency() -> None:
    assert debian_index.relations("racket:any | bat (<< 2-1)") == ['<rpm:entry name="(racket or bat &lt; 0:2-1)"/>']


def test_a_version_becomes_flags() -> None:
    assert debian_index.relations("net (>= 4.2)") == ['<rpm:entry name="net" flags="GE" epoch="0" ver="4.2"/>']


def test_the_metadata_is_xml_with_every_package() -> None:
    root = etree.fromstring("".join(debian_index.primary(list(debian_index.stanzas(INDEX.splitlines())))))
    assert [(p[0].text, p[1].text) for p in root] == [("ball", "x86_64"), ("net", "noarch")]
    assert [e.get("name") for e in root[0].iter(f"{_RPM}entry")][:2] == ["ball", "toy"]


def test_earlier_versions_fill_up_to_the_count() -> None:
    found = debian_index.enough(debian_index.stanzas(INDEX.splitlines()), 3)
    assert [stanza["Version"] for stanza in found] == ["1:2.0-rc1-3", "5", "1:2.0-rc1-3~earlier"]


def test_dnf_s_table_is_read_without_what_it_skips() -> None:
    assert dnf_runs.table(TABLE) == {"ball-1:1-2.noarch", "a-very-long-name-that-is-wrapped-2~rc1-1.el9.x86_64"}
