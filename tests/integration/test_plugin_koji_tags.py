# SPDX-License-Identifier: MIT
"""Source tag against the demo's look-alike hub, through the koji client."""

from __future__ import annotations

import pathlib
from typing import Any

import pytest

from demo import builds
from ondemand import errors, plugins, references, releases
from ondemand_plugins.sources import koji_tags
from tests import source_parts

SIDE_TAG = f"tag:{builds.NAMES['side_tag']}"


@pytest.fixture
def release(distribution: pathlib.Path, servers: str, tmp_path: pathlib.Path) -> releases.Release:
    """The demo release."""
    return source_parts.demo_release(tmp_path / "site", distribution, servers)


def resolve(release: releases.Release, text: str = SIDE_TAG, arch: str = "x86_64") -> plugins.Resolution:
    """What a reference becomes."""
    return koji_tags.KojiTags().resolve(references.parse(text), release, arch, source_parts.NoCatalog())


def test_a_side_tag_has_its_own_builds_and_none_that_it_inherits(release: releases.Release) -> None:
    found = resolve(release)
    assert [build.nvr for build in found.builds] == ["ondemand-greeting-3.0-1.demo1", "ondemand-libs-3.0-1.demo1"]
    assert all(build.rpms and not build.scratch for build in found.builds)


def test_an_id_names_the_same_tag(release: releases.Release) -> None:
    assert resolve(release, "tag:106").builds == resolve(release).builds


@pytest.mark.parametrize(
    ("text", "word"),
    [("tag:nothing", "no tag nothing in Koji"), ("tag:4711", "no tag 4711"), ("tag:demo-build", "no build is tagged with it")],
)
def test_a_tag_without_builds_is_refused(release: releases.Release, text: str, word: str) -> None:
    with pytest.raises(errors.UnknownReference, match=word):
        resolve(release, text)


def test_a_tag_that_has_nothing_for_the_architecture_is_refused(release: releases.Release) -> None:
    with pytest.raises(errors.UnknownReference, match="none of its 2 builds has packages for s390x"):
        resolve(release, arch="s390x")


def test_a_build_of_another_architecture_is_left_out_and_said(release: releases.Release) -> None:
    found = resolve(release, f"tag:{builds.NAMES['tag']}", "s390x")
    assert [build.nvr for build in found.builds] == [builds.NAMES["koji_build"]]
    assert builds.NAMES["signed_koji_build"] in found.warnings[-1]


def crowded(records: dict[str, Any]) -> None:
    """Adds as many builds to the side tag as one may hold."""
    for number in range(koji_tags.LIMIT):
        more = {"id": 9000 + number, "package_name": f"p{number}", "name": f"p{number}", "nvr": f"p{number}-1-1"}
        records["builds"].append({**records["builds"][0], **more})
        records["tagged"].append({"tag": builds.NAMES["side_tag"], "build_id": 9000 + number, "create_event": 1})


def test_a_tag_of_a_whole_distribution_is_refused(
    release: releases.Release, distribution: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    refused = pytest.raises(errors.UnknownReference, match="holds 502 builds and at most 500")
    with source_parts.other_koji(tmp_path, distribution, crowded) as address, refused:
        resolve(release.model_copy(update={"koji_hub": f"{address}/kojihub"}))


def test_a_hub_that_is_away_refuses_nothing(release: releases.Release) -> None:
    with pytest.raises(errors.SourceUnavailable, match="does not answer"):
        resolve(release.model_copy(update={"koji_hub": "http://127.0.0.1:9/kojihub"}))
