# SPDX-License-Identifier: MIT
"""Backend `livemedia`: the kickstart names the frozen repository and the lock, and no option is one that the version lacks."""

from __future__ import annotations

from typing import Any

import pytest

from ondemand import errors, kickstarts, plugins, registry
from ondemand.locks import Lock, Rules
from ondemand_plugins.backends import livemedia
from tests import lorax_parts as parts
from tests import master_parts

TOOL = "livemedia-creator"
KICKSTART = """\
lang C.UTF-8
url --url=file:///work/repository
repo --name=locked --baseurl=file:///work/repository

%packages
@core
bash
%end

%post
echo %packages of a text
%end
"""


def lock(*names: str, **changes: Any) -> Lock:
    (bash,) = master_parts.LOCK.packages
    packages = tuple(bash.model_copy(update={"name": name}) for name in ("bash", "dracut-live", *names))
    return master_parts.LOCK.model_copy(update={"packages": packages, **changes})


def plan(version: str = "40.0", kickstart: str = KICKSTART, packages: Lock | None = None, **changes: Any) -> plugins.Plan:
    given = {"kickstart": kickstart, "lock": packages or lock(), **changes}
    return livemedia.LivemediaBackend().plan(parts.order("live", "livemedia", {TOOL: version}, **given))


def words(*given: Any, **changes: Any) -> list[str]:
    (command,) = plan(*given, **changes).commands
    return list(command.argv)


def written(**changes: Any) -> kickstarts.Kickstart:
    return kickstarts.parse(plan(**changes).files["build.ks"], "F44")


def test_it_is_found_by_its_entry_point() -> None:
    assert registry.load(plugins.BACKENDS, "livemedia") is livemedia.LivemediaBackend


def test_it_makes_an_iso_without_a_virtual_machine_and_without_network() -> None:
    assert words()[:3] == [TOOL, "--make-iso", "--no-virt"]
    assert not any(command.network for command in plan().commands)


def test_the_kickstart_installs_the_lock_from_the_frozen_repository() -> None:
    made = written(packages=lock("zsh"))
    assert made.packages == ("bash", "dracut-live", "zsh")
    assert not made.groups and not made.core
    assert {address for place in made.places for address in place.addresses} == {"file:///work/repository"}
    assert "url" in made.commands


def test_the_scripts_stay() -> None:
    (script,) = written().scripts
    assert "%packages of a text" in script.text


def test_languages_and_documentation_are_as_the_lock_says() -> None:
    rules = Rules(languages=("de", "pt_BR"), documentation=False)
    made = written(packages=lock(rules=rules))
    assert made.rules == rules


def test_a_kickstart_without_a_root_gets_one_that_holds_the_lock() -> None:
    assert "part / --fstype=ext4 --size=2048\n" in plan().files["build.ks"]
    assert "--size=2048" not in plan(kickstart=f"part / --size=9000\n{KICKSTART}").files["build.ks"]


@pytest.mark.parametrize("command", ["text", "graphical", "cmdline", "autopart"])
def test_a_command_that_the_tool_refuses_is_refused(command: str) -> None:
    with pytest.raises(errors.InvalidRequest, match=command):
        plan(kickstart=f"{command}\n{KICKSTART}")


def test_without_dracut_live_it_is_refused() -> None:
    with pytest.raises(errors.InvalidRequest, match="without the package dracut-live"):
        plan(packages=master_parts.LOCK)


def test_every_option_of_a_plan_is_one_of_each_version_s_parser() -> None:
    options = {"templates": "/templates", "extra_boot_args": "console=ttyS0"}
    for version, known in parts.KNOWN.items():
        kind = "erofs" if "--rootfs-type" in known[TOOL] else "squashfs-ext4"
        for more in ({}, {"rootfs_type": kind}):
            assert parts.options(words(version, options=options | more)) <= known[TOOL], version


def test_a_file_system_that_the_version_lacks_is_refused() -> None:
    with pytest.raises(errors.InvalidRequest, match=r"livemedia-creator 40\.0 makes no root of type «erofs»"):
        plan(options={"rootfs_type": "erofs"})


def test_profile_test_compresses_quickly() -> None:
    assert parts.values(words(), "--compression") == ["lz4"]
    assert parts.values(words(profile="release"), "--compression") == ["xz"]


def test_its_logs_and_anaconda_s_are_collected() -> None:
    assert {"logs/program.log", "logs/anaconda/*"} <= set(plan().logs)
