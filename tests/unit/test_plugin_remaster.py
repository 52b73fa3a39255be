# SPDX-License-Identifier: MIT
"""Backend `remaster`: the plan names the side repository and the wanted builds, the kickstart prefers that repository."""

from __future__ import annotations

import pathlib
from typing import Any

import pytest

from ondemand import errors, kickstarts, plugins, registry, releases
from ondemand_plugins.backends import installer_media, remaster
from tests.unit import test_plugin_dvd as dvd_parts

LOCK = dvd_parts.LOCK.model_copy(
    update={
        "image_type": "boot",
        "packages": (dvd_parts.BASH,),
        "tree": (),
        "side": (dvd_parts.BASH.model_copy(update={"name": "bash-doc"}),),
    }
)
SIDE = pathlib.Path("/work/side")


def plan(**changes: Any) -> plugins.Plan:
    """The plan for a release with one stable and one testing repository."""
    order = dvd_parts.order(LOCK, **{"tree": None, "side": SIDE, **changes})
    repositories = (
        releases.Repository(id="main", baseurl=("http://f.invalid/{arch}/main",)),
        releases.Repository(id="testing", baseurl=("http://f.invalid/testing",), role=releases.Role.TESTING),
    )
    release = order.release.model_copy(update={"repositories": repositories})
    return remaster.RemasterBackend().plan(plugins.Order(**{**vars(order), "release": release}))


def test_it_is_found_by_its_entry_point() -> None:
    assert registry.load(plugins.BACKENDS, "remaster") is remaster.RemasterBackend


def test_the_program_is_told_every_wanted_package_and_which_of_them_are_installed() -> None:
    told = installer_media.Job.model_validate_json(plan().files["job.json"])
    assert told.side == SIDE and told.tree is None and told.limit == -1
    assert {(item.nevra.split("-5")[0], item.installed) for item in told.wanted} == {("bash", True), ("bash-doc", False)}
    assert {item.rpm.parent for item in told.wanted} == {SIDE}


def test_the_side_repository_is_the_first_source_and_others_leave_its_packages_out() -> None:
    text = plan().files["ks.cfg"]
    assert "harddrive --partition=LABEL=LABEL-7 --dir=/side\n" in text and "testing" not in text
    (line,) = [line for line in text.splitlines() if line.startswith("repo ")]
    assert "http://f.invalid/x86_64/main" in line and "bash,bash-doc" in line
    assert "url" not in kickstarts.parse(text, "F44").commands


def test_without_wanted_builds_there_is_the_kickstart_alone() -> None:
    made = plan(side=None)
    assert "url --url" in made.files["ks.cfg"] and "harddrive" not in made.files["ks.cfg"]


def test_a_release_without_a_published_boot_iso_is_an_error_that_says_whose() -> None:
    with pytest.raises(errors.InvalidRequest, match=r"release demo published.*the operator gives `boot_iso`"):
        plan(boot_iso=None)
