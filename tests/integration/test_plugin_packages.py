# SPDX-License-Identifier: MIT
"""Source package on the demo's repositories and Koji, and the catalog that it asks."""

from __future__ import annotations

import pathlib
import re
from collections.abc import Iterator

import pytest
import requests

from demo import builds
from ondemand import errors, plugins, references, releases
from ondemand_plugins.sources import packages
from ondemand_web.packages import pools
from ondemand_web.packages.catalog import Catalog
from tests import source_parts

CANDIDATE_FIRST = (releases.Level.CANDIDATE, releases.Level.TESTING, releases.Level.STABLE)


@pytest.fixture
def release(distribution: pathlib.Path, servers: str, tmp_path: pathlib.Path) -> releases.Release:
    """The demo release."""
    return source_parts.demo_release(tmp_path / "site", distribution, servers)


@pytest.fixture
def catalog(release: releases.Release, tmp_path: pathlib.Path) -> Iterator[Catalog]:
    """What the demo's repositories hold."""
    with requests.Session() as session:
        yield Catalog(release, "x86_64", tmp_path / "snapshots", session, pools.Pools())


def resolve(release: releases.Release, catalog: Catalog, text: str) -> plugins.Resolution:
    """What a reference becomes."""
    return packages.Packages().resolve(references.parse(text), release, "x86_64", catalog)


def test_a_name_is_the_build_in_the_stable_repositories_with_all_its_packages(
    release: releases.Release, catalog: Catalog
) -> None:
    found = resolve(release, catalog, "ondemand-hello-data")
    (build,) = found.builds
    assert build.nvr == "ondemand-hello-1.0-1.demo1" and found.install == ("ondemand-hello-data",)
    assert [rpm.name for rpm in build.rpms] == ["ondemand-hello", "ondemand-hello-data", "ondemand-hello-doc"]
    assert {rpm.origin for rpm in build.rpms} == {"main"}
    assert all(requests.head(rpm.urls[0], timeout=30).headers["Content-Length"] == str(rpm.size) for rpm in build.rpms)


def test_a_newer_one_elsewhere_is_told(release: releases.Release, catalog: Catalog) -> None:
    (warning,) = resolve(release, catalog, "ondemand-hello").warnings
    assert warning.startswith("updates-testing has a newer build, ondemand-hello-1.1-1.demo1")


@pytest.mark.parametrize(
    ("text", "nvr", "origin"),
    [
        ("ondemand-hello-1.0", "ondemand-hello-1.0-1.demo1", "main"),
        ("ondemand-hello-1.1", "ondemand-hello-1.1-1.demo1", "updates-testing"),
        ("package:ondemand-hello-1.1-1.demo1", "ondemand-hello-1.1-1.demo1", "updates-testing"),
        ("ondemand-hello-doc-2.0", "ondemand-hello-2.0-1.demo1", "koji"),
        ("ondemand-broken", "ondemand-broken-1.0-1.demo1", "koji"),
    ],
)
def test_what_stable_has_not_is_sought_at_the_further_levels(
    release: releases.Release, catalog: Catalog, text: str, nvr: str, origin: str
) -> None:
    (build,) = resolve(release, catalog, text).builds
    assert build.nvr == nvr and {rpm.origin for rpm in build.rpms} == {origin}


def test_the_release_says_in_which_order(release: releases.Release, catalog: Catalog) -> None:
    other = release.model_copy(update={"package_order": CANDIDATE_FIRST})
    assert resolve(other, catalog, "ondemand-hello").builds[0].nvr == builds.NAMES["koji_build"]
    assert resolve(other, catalog, "ondemand-greeting").builds[0].nvr == "ondemand-greeting-1.1-1.demo1"
    assert resolve(other, catalog, "bash").builds[0].rpms[0].origin == "main"


@pytest.mark.parametrize("text", ["ondemand-nothing", "ondemand-hello-7.0"])
def test_what_no_level_has_is_refused(release: releases.Release, catalog: Catalog, text: str) -> None:
    with pytest.raises(errors.UnknownReference, match="none in stable, testing, candidate"):
        resolve(release, catalog, text)


@pytest.mark.parametrize(
    ("text", "offer"),
    [
        ("ondemand-helo", "(near it: ondemand-hello, "),
        ("ondemand-hello-99", "(near it: ondemand-hello-1.1-1.demo1, ondemand-hello-1.0-1.demo1)"),
        ("zzz-none", "; correct its name and version, or name a build"),
    ],
)
def test_what_may_have_been_meant_is_offered(release: releases.Release, catalog: Catalog, text: str, offer: str) -> None:
    with pytest.raises(errors.UnknownReference, match=re.escape(offer)):
        resolve(release, catalog, text)


def test_a_release_without_a_candidate_tag_asks_no_koji(release: releases.Release, catalog: Catalog) -> None:
    other = release.model_copy(update={"candidate_tag": None, "koji_hub": "http://127.0.0.1:9/kojihub"})
    with pytest.raises(errors.UnknownReference):
        resolve(other, catalog, "ondemand-nothing")


def test_repositories_that_were_not_read_are_said(release: releases.Release, tmp_path: pathlib.Path) -> None:
    with requests.Session() as session:
        unread = Catalog(release, "x86_64", tmp_path / "none", session, pools.Pools(), kept=True)
        with pytest.raises(errors.SourceUnavailable, match="has not read that repository yet"):
            resolve(release, unread, "bash")
