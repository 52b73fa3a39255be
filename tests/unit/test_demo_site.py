# SPDX-License-Identifier: MIT
"""The demo's release definition: DVDs and boot ISOs where the published tree was made, and each a definition that loads."""

from __future__ import annotations

import pathlib

import pytest

from demo import site
from ondemand import releases
from ondemand.build_requests import ImageType


@pytest.mark.parametrize("made", [False, True])
def test_media_are_offered_where_the_published_tree_is(tmp_path: pathlib.Path, made: bool) -> None:
    for name in ("keys/demo.asc", "repositories/main/.treeinfo")[: 1 + made]:
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_text("x")
    folder = site.write(tmp_path / "site", tmp_path, "http://127.0.0.1:1").folder
    types = releases.load(folder / "config" / "releases" / "demo.toml").image_types
    assert {kind: item.backend for kind, item in types.items() if kind is not ImageType.LIVE} == (
        {ImageType.DVD: "dvd", ImageType.BOOT: "remaster"} if made else {ImageType.DVD: "lorax_dvd", ImageType.BOOT: "lorax"}
    )
    assert all((folder / "config" / "presets" / f"{item.preset}.ks").exists() for item in types.values())
    automatic = {item.backend for item in types.values() if item.options.get("automatic")}
    assert automatic == ({"dvd", "remaster"} if made else {"lorax_dvd"})
