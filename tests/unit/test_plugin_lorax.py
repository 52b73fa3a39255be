# SPDX-License-Identifier: MIT
"""Backend `lorax`: the plan names the frozen repository, every locked package, and no option that the version lacks."""

from __future__ import annotations

import pathlib
from typing import Any

import pytest

from ondemand import errors, plugins, registry, releases
from ondemand_plugins.backends import lorax, lorax_versions
from tests import lorax_parts as parts

INSTALLER = releases.Installer(templates="/templates", product="Fedora", variant="Server")


def plan(version: str = "40.0", installer: releases.Installer | None = INSTALLER, **changes: Any) -> plugins.Plan:
    order = parts.order("boot", "lorax", {"lorax": version}, installer=installer, **changes)
    return lorax.LoraxBackend().plan(order)


def words(*given: Any, **changes: Any) -> list[str]:
    (command,) = plan(*given, **changes).commands
    return list(command.argv)


def test_it_is_found_by_its_entry_point() -> None:
    assert registry.load(plugins.BACKENDS, "lorax") is lorax.LoraxBackend


def test_the_only_source_is_the_frozen_repository_and_the_network_is_off() -> None:
    said = words()
    assert parts.values(said, "--source") == ["file:///work/repository"]
    assert not set(said) & {"--repo", "--mirrorlist", "-m", "-s"}
    assert not any(command.network for command in plan().commands)


def test_what_the_installer_is_called_is_as_the_release_definition_says() -> None:
    said = words()
    assert [parts.values(said, option) for option in ("-p", "-v", "-r", "--variant")] == [["Fedora"], ["1"], ["1"], ["Server"]]
    assert parts.values(said, "--volid") == ["LABEL-7"] and parts.values(said, "--buildarch") == ["x86_64"]


def test_every_locked_package_goes_in_by_name_and_a_removed_one_stays_out() -> None:
    said = words(remove_packages=["nano"])
    assert "--installpkgs=bash" in said and "--excludepkgs=nano" in said


def test_all_that_it_writes_is_below_its_folder() -> None:
    said = words()
    places = [parts.values(said, option)[0] for option in ("--config", "--logfile", "--tmp", "--cachedir")]
    assert all(pathlib.PurePath(place).is_relative_to("/work/build") for place in (*places, said[-1]))


def test_every_option_of_a_plan_is_one_of_each_version_s_parser() -> None:
    options = {"rootfs_size": 3, "sharedir": "/templates", "isfinal": True, "verify": False, "branding": False}
    for version, known in parts.KNOWN.items():
        kind = "erofs" if "--rootfs-type" in known["lorax"] else "squashfs-ext4"
        for more in ({}, {"rootfs_type": kind, "macboot": True}):
            said = words(version, options=options | more, remove_packages=["a"])
            assert parts.options(said) <= known["lorax"], version


def test_which_version_has_which_option_is_as_the_parsers_say() -> None:
    for version, known in parts.KNOWN.items():
        for options in known.values():
            assert lorax_versions.has("--rootfs-type", version) is ("--rootfs-type" in options), version


def test_the_version_says_how_the_root_s_file_system_is_asked_for() -> None:
    assert "--squashfs-only" in words("40.0") and "--squashfs-only" in words("41.1")
    assert parts.values(words("41.2"), "--rootfs-type") == ["squashfs"]
    assert "--squashfs-only" not in words("40.0", options={"rootfs_type": "squashfs-ext4"})


@pytest.mark.parametrize("version", ["40.0", "40.6", "41.1"])
def test_a_file_system_that_the_version_lacks_is_refused(version: str) -> None:
    with pytest.raises(errors.InvalidRequest, match=f"lorax {version} makes no root of type «erofs»"):
        plan(version, options={"rootfs_type": "erofs"})


@pytest.mark.parametrize("version", ["", "39.1"])
def test_an_older_or_unknown_version_is_another_builder_s_affair(version: str) -> None:
    with pytest.raises(errors.ToolMissing, match=r"known from version 40\.0 on"):
        plan(version)


def test_an_unknown_option_is_refused() -> None:
    with pytest.raises(errors.InvalidRequest, match="rootfs_kind"):
        plan(options={"rootfs_kind": "erofs"})


def test_without_an_installer_it_is_refused() -> None:
    with pytest.raises(errors.InvalidRequest, match="names no installer"):
        plan(installer=None)


@pytest.mark.parametrize("name", ["Fedora' rm '", 'a"b', "a\\b", "@ROOT@"])
def test_a_product_that_would_leave_the_templates_quotes_is_refused(name: str) -> None:
    with pytest.raises(errors.InvalidRequest, match="between quotes"):
        plan(installer=INSTALLER.model_copy(update={"product": name}))


def test_profile_test_compresses_quickly_and_profile_release_as_lorax_does() -> None:
    quick, thorough = plan(), plan(profile="release")
    assert "type = lz4\nargs =\nbcj = off" in quick.files["lorax.conf"]
    assert "--dracut-arg=--compress zstd -1" in quick.commands[0].argv
    assert "type = xz\nargs =\nbcj = on" in thorough.files["lorax.conf"]
    assert not parts.options(thorough.commands[0].argv) & {"--dracut-arg", "--dracut-conf"}


def test_its_logs_are_collected() -> None:
    assert "logs/program.log" in plan().logs
