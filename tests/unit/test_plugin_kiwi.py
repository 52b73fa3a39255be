# SPDX-License-Identifier: MIT
"""Backend `kiwi`: the plan names the frozen repository and the lock, and nothing of a user's text escapes."""

from __future__ import annotations

import pathlib
from typing import Any
from xml.etree import ElementTree

import pytest
from kiwi.xml_description import XMLDescription
from kiwi.xml_state import XMLState

from ondemand import build_requests, descriptions, errors, plugins, registry
from ondemand.locks import Lock, Rules
from ondemand_consumer import building
from ondemand_plugins.backends import kiwi
from tests import builder_parts, preset_parts
from tests import master_parts as parts


def plan(
    kickstart: str = "lang C.UTF-8\n",
    options: dict[str, Any] | None = None,
    description: descriptions.Description | None = None,
    lock: Lock = parts.LOCK,
    versions: dict[str, str] | None = None,
    **request: Any,
) -> plugins.Plan:
    order = plugins.Order(
        build_id=7,
        attempt=1,
        request=build_requests.validate({"release": "f44", **request}),
        release=builder_parts.make_assignment(parts.LOCK).release,
        lock=lock,
        kickstart=kickstart,
        label="LABEL-7",
        repository=pathlib.Path("/work/repository"),
        work=pathlib.Path("/work/build"),
        options=options or {},
        description=description,
        versions=versions or {},
    )
    return kiwi.KiwiBackend().plan(order)


def written(made: plugins.Plan) -> ElementTree.Element:
    return ElementTree.fromstring(made.files["description/config.xml"])


def test_it_is_found_by_its_entry_point() -> None:
    assert registry.load(plugins.BACKENDS, "kiwi") is kiwi.KiwiBackend


def test_the_only_repository_is_the_frozen_one_and_the_packages_are_the_lock() -> None:
    image = written(plan())
    assert [item.get("path") for item in image.iter("source")] == ["dir:///work/repository"]
    assert [item.get("name") for item in image.iter("package")] == ["bash"]


def test_a_package_of_another_architecture_is_asked_for_as_such() -> None:
    (bash,) = parts.LOCK.packages
    both = (bash, bash.model_copy(update={"arch": "i686"}))
    image = written(plan(lock=parts.LOCK.model_copy(update={"packages": both})))
    assert [item.get("name") for item in image.iter("package")] == ["bash", "bash.i686"]


def test_languages_and_documentation_are_as_the_lock_says() -> None:
    plain, bare = (
        plan(lock=parts.LOCK.model_copy(update={"rules": rules}))
        for rules in (Rules(), Rules(languages=("de", "pt_BR"), documentation=False))
    )
    assert "_install_langs" not in plain.files["home/.rpmmacros"]
    assert "%_install_langs de:pt_BR\n" in bare.files["home/.rpmmacros"]
    said = [written(made).findtext("preferences/rpm-excludedocs") for made in (plain, bare)]
    assert said == ["false", "true"]


def test_the_network_is_off() -> None:
    assert not any(command.network for command in plan().commands)


def test_every_folder_that_kiwi_writes_is_below_the_build_s_own() -> None:
    (command,) = plan().commands
    named = {word: value for word, value in zip(command.argv, command.argv[1:], strict=False) if word.endswith("-dir")}
    assert set(named) == {"--shared-cache-dir", "--target-dir"}
    assert all(value.startswith("/work/build/") for value in named.values())


def test_a_title_can_not_leave_its_element() -> None:
    title = "</specification><x/>&amp;"
    assert written(plan(title=title)).findtext("description/specification") == title


def test_the_profile_chooses_the_compression() -> None:
    kinds = [written(plan(profile=profile)).find("preferences/type") for profile in ("test", "release")]
    assert [kind.get("squashfscompression") for kind in kinds if kind is not None] == ["lz4", "xz"]


def test_the_iso_starts_from_uefi_as_well_where_the_lock_has_what_that_needs() -> None:
    (bash,) = parts.LOCK.packages
    chain = tuple(bash.model_copy(update={"name": name}) for name in ("shim-x64", "grub2-efi-x64", "kernel-core"))
    kinds = [written(plan(lock=parts.LOCK.model_copy(update={"packages": each}))).find("preferences/type") for each in ((bash,), chain)]
    assert [kind.get("firmware") for kind in kinds if kind is not None] == ["bios", "uefi"]


def test_the_kickstart_s_services_scripts_and_password_are_kept() -> None:
    text = "rootpw --iscrypted $6$x\nservices --enabled=sshd\n%post\ntouch '/a b'\n%end\n"
    made = plan(text)
    assert "systemctl enable sshd.service" in made.files["description/config.sh"]
    assert made.files["description/root/root/ondemand-post-0"] == "#!/bin/sh\ntouch '/a b'\n"
    user = written(made).find("users/user")
    assert user is not None
    assert (user.get("password"), user.get("pwdformat")) == ("$6$x", "encrypted")


@pytest.mark.parametrize("options", [{"surprise": 1}, {"firmware": "coreboot"}, {"kernel_command_line": 'a" b'}])
def test_an_unknown_option_is_refused(options: dict[str, Any]) -> None:
    with pytest.raises(errors.InvalidRequest, match="options of backend kiwi"):
        plan(options=options)


def described(**request: Any) -> plugins.Plan:
    """The plan of a preset's own description."""
    return plan(**request, description=preset_parts.description())


def kiwi_s_view(made: plugins.Plan, folder: pathlib.Path) -> XMLState:
    """What kiwi itself reads out of the plan's files."""
    building.prepare(folder, made)
    return XMLState(XMLDescription(str(folder / "description" / "Demo.kiwi")).load(), profiles=["Console-Live"], build_type="iso")


def test_of_a_preset_s_description_kiwi_installs_the_lock_from_the_frozen_repository_alone(tmp_path: pathlib.Path) -> None:
    state = kiwi_s_view(described(), tmp_path)
    assert [item.get_source().get_path() for item in state.get_repository_sections()] == ["dir:///work/repository"]
    assert (state.get_bootstrap_packages(), state.get_system_packages()) == (["bash"], [])
    assert state.get_collections() == state.get_bootstrap_collections() == state.get_system_ignore_packages() == []
    assert state.get_package_manager() == "dnf4" and not state.get_rpm_check_signatures()


def test_of_a_preset_s_description_all_else_stays(tmp_path: pathlib.Path) -> None:
    made = described(profile="release")
    state = kiwi_s_view(made, tmp_path)
    assert {name for name in made.executable if "initramfs" not in name} == {"description/config.sh"}
    assert made.binaries["description/root/etc/overlay"]
    assert (state.build_type.get_volid(), state.build_type.get_squashfscompression()) == ("LABEL-7", "xz")
    assert state.build_type.get_kernelcmdline() == "quiet console=tty0 console=ttyS0,115200"
    assert list(state.get_system_files()) == ["welcome.txt"]


def test_of_a_preset_s_description_a_test_is_compressed_quickly_under_its_profile(tmp_path: pathlib.Path) -> None:
    made = described(profile="test")
    assert kiwi_s_view(made, tmp_path).build_type.get_squashfscompression() == "lz4"
    words = made.commands[0].argv
    assert words[words.index("--profile") + 1] == "Console-Live" and words[words.index("--kiwi-file") + 1] == "Demo.kiwi"
    assert not made.commands[0].network
