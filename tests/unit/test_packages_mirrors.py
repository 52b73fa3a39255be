# SPDX-License-Identifier: MIT
"""Metalinks and mirror lists: what they name, and what becomes of those that are none."""

from __future__ import annotations

import pathlib
from typing import Any

import pytest
import requests

from ondemand import deadlines, errors, releases
from ondemand_web.packages import mirrors, places, snapshots
from tests import mirror_parts

NEW, OLD = b"<repomd>new</repomd>", b"<repomd>old</repomd>"


def test_a_metalink_names_mirrors_by_preference_and_the_states_they_may_have() -> None:
    found = mirrors.of_metalink(mirror_parts.metalink(NEW, "http://one/x", "https://two/y", older=(OLD,)))
    assert found.urls == ("http://one/x", "https://two/y")
    assert [found.age(data) for data in (NEW, OLD, b"other")] == [0, 1, None]


def test_a_mirror_list_has_one_address_a_line() -> None:
    text = b"# repo = fedora-44 arch = x86_64\nhttps://one/$basearch/os/\n\nrsync://two/\nhttp://three\n"
    found = mirrors.of_list(text, "x86_64")
    assert found.urls == ("https://one/x86_64/os", "http://three") and found.age(b"any") == 0


def test_a_metalink_in_place_of_a_list_is_read_as_one() -> None:
    assert mirrors.of_list(mirror_parts.metalink(NEW, "http://one"), "x86_64").states


@pytest.mark.parametrize(
    "data",
    [b"", b"<html>hello</html>", b"not well formed <", mirror_parts.metalink(NEW), b"<metalink/>"],
)
def test_what_is_no_list_is_said_to_be_none(data: bytes) -> None:
    for read in (mirrors.of_metalink, mirrors.of_list):
        with pytest.raises(ValueError):
            read(data, "x86_64")


def test_a_metalink_without_a_strong_digest_is_refused() -> None:
    weak = mirror_parts.metalink(NEW, "http://one").replace(b'"sha256"', b'"sha1"')
    with pytest.raises(ValueError, match="no SHA-256"):
        mirrors.of_metalink(weak)


def test_the_base_url_comes_last_and_alone_when_the_metalink_is_away() -> None:
    with mirror_parts.serving({"link": mirror_parts.metalink(NEW, "http://one")}) as server, deadlines.session() as session:
        repository = releases.Repository(id="main", metalink=f"{server.url}/link", baseurl=("http://base/{arch}/",))
        assert mirrors.find(repository, "x86_64", session).urls == ("http://one", "http://base/x86_64")
        server.fault = "html"
        assert mirrors.find(repository, "x86_64", session) == mirrors.Mirrors(urls=("http://base/x86_64",))


def test_without_a_base_url_a_metalink_that_is_away_is_told() -> None:
    with mirror_parts.serving({}, fault="503") as server, deadlines.session() as session:
        repository = releases.Repository(id="main", metalink=f"{server.url}/link")
        with pytest.raises(errors.SourceUnavailable, match="/link can't be read, because the server answered 503"):
            mirrors.find(repository, "x86_64", session)


@pytest.mark.parametrize(
    ("trust", "middle"),
    [("signed:0123456789ABCDEF", "data/signed/89abcdef/noarch"), ("repository-digest", "noarch")],
)
def test_koji_is_the_last_address_of_a_stable_package(trust: str, middle: str, tmp_path: pathlib.Path) -> None:
    part = snapshots.Part(href="p", sha256="", size=1)
    common: dict[str, Any] = {"repository": "main", "sha256": "", "folder": tmp_path, "primary": part, "filelists": None, "comps": None}
    snapshot = snapshots.Snapshot(url="http://one", mirrors=("http://two",), **common)
    place = places.Place(snapshot=snapshot, trust=trust, session=requests.Session(), koji="http://koji")
    urls = place.urls("Packages/x/x-doc-1-2.noarch.rpm", "x-1-2")
    assert urls[:2] == ("http://one/Packages/x/x-doc-1-2.noarch.rpm", "http://two/Packages/x/x-doc-1-2.noarch.rpm")
    assert urls[2:] == (f"http://koji/packages/x/1/2/{middle}/x-doc-1-2.noarch.rpm",)
    assert len(place.urls("Packages/x/x-doc-1-2.noarch.rpm")) == 2
