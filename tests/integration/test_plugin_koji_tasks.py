# SPDX-License-Identifier: MIT
"""Source task against the demo's look-alike hub, through the koji client."""

from __future__ import annotations

import pathlib
from typing import Any

import pytest
import requests

from demo import koji_files
from ondemand import errors, plugins, references, releases
from ondemand_plugins.sources import koji_tasks
from tests import source_parts

TASK = f"task:{koji_files.SCRATCH_TASK}"


@pytest.fixture
def release(distribution: pathlib.Path, servers: str, tmp_path: pathlib.Path) -> releases.Release:
    """The demo release."""
    return source_parts.demo_release(tmp_path / "site", distribution, servers)


def resolve(release: releases.Release, text: str = TASK, arch: str = "x86_64") -> plugins.Resolution:
    """What a reference becomes."""
    return koji_tasks.KojiTasks().resolve(references.parse(text), release, arch, source_parts.NoCatalog())


def resolve_changed(
    release: releases.Release, distribution: pathlib.Path, folder: pathlib.Path, **fields: Any
) -> plugins.Resolution:
    """What the scratch build's reference becomes where its task has other `fields`."""

    def change(records: dict[str, Any]) -> None:
        next(task for task in records["tasks"] if task["id"] == koji_files.SCRATCH_TASK).update(fields)

    with source_parts.other_koji(folder, distribution, change) as address:
        hub = f"{address}/kojihub"
        return resolve(release.model_copy(update={"koji_hub": hub, "koji_topurl": address}))


def test_a_scratch_build_has_its_packages_for_the_architecture(release: releases.Release) -> None:
    (build,) = resolve(release).builds
    assert build.nvr == "ondemand-hello-2.1-1.demo1" and build.scratch
    assert [(rpm.name, rpm.arch) for rpm in build.rpms] == [
        ("ondemand-hello", "x86_64"),
        ("ondemand-hello-data", "noarch"),
        ("ondemand-hello-doc", "noarch"),
    ]
    assert all(requests.head(rpm.urls[0], timeout=30).headers["Content-Length"] == str(rpm.size) for rpm in build.rpms)


def test_its_identity_is_the_task_and_what_lies_there(release: releases.Release) -> None:
    first = resolve(release).identity
    assert first.startswith(f"{TASK}@") and resolve(release).identity == first


def test_a_build_for_another_architecture_leaves_the_noarch_packages(release: releases.Release) -> None:
    (build,) = resolve(release, arch="s390x").builds
    assert {rpm.arch for rpm in build.rpms} == {"noarch"}


@pytest.mark.parametrize(
    ("text", "word"),
    [("task:99999999", "no task 99999999"), (f"task:{koji_files.SCRATCH_CHILD}", f"its parent, task:{koji_files.SCRATCH_TASK}")],
)
def test_what_is_no_build_task_is_refused(release: releases.Release, text: str, word: str) -> None:
    with pytest.raises(errors.UnknownReference, match=word):
        resolve(release, text)


@pytest.mark.parametrize(
    ("fields", "word"),
    [
        ({"state": 1}, "has not ended yet"),
        ({"state": 5}, "it is failed"),
        ({"state": 3}, "it is canceled"),
        ({"method": "image"}, "a task of kind image"),
    ],
)
def test_a_task_that_built_nothing_is_refused(
    release: releases.Release, distribution: pathlib.Path, tmp_path: pathlib.Path, fields: dict[str, Any], word: str
) -> None:
    with pytest.raises(errors.UnknownReference, match=word):
        resolve_changed(release, distribution, tmp_path, **fields)


def test_files_that_were_removed_are_said(
    release: releases.Release, distribution: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    def elsewhere(records: dict[str, Any]) -> None:
        next(task for task in records["tasks"] if task["id"] == koji_files.SCRATCH_CHILD)["id"] = 9199

    refused = pytest.raises(errors.UnknownReference, match="removed after their time")
    with source_parts.other_koji(tmp_path, distribution, elsewhere) as address, refused:
        resolve(release.model_copy(update={"koji_hub": f"{address}/kojihub"}))


def test_a_hub_that_is_away_refuses_nothing(release: releases.Release) -> None:
    with pytest.raises(errors.SourceUnavailable, match="does not answer"):
        resolve(release.model_copy(update={"koji_hub": "http://127.0.0.1:9/kojihub"}))
