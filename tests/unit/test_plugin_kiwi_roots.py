# SPDX-License-Identifier: MIT
"""A kiwi build's root from an earlier one: only packages are in it, and what an upgrade can't do is refused."""

from __future__ import annotations

import pathlib
from xml.etree import ElementTree

import pytest

from ondemand import plugins
from ondemand.locks import Rules
from tests import master_parts as parts
from tests import preset_parts
from tests.unit.test_plugin_kiwi import described, plan

SCRIPT = "%post\ntouch '/own'\n%end\nrootpw --iscrypted $6$secret\n"


def root(made: plugins.Plan) -> plugins.Root:
    assert made.root is not None
    return made.root


def change(*names: str, remove: tuple[str, ...] = ()) -> plugins.Change:
    files = tuple(pathlib.Path(f"/work/repository/{name}.rpm") for name in names)
    return plugins.Change(install=files, remove=remove, names=frozenset(names) | {name.partition(".")[0] for name in remove})


def test_nothing_of_a_user_gets_into_a_root_for_others() -> None:
    made = plan(SCRIPT, title="Own title")
    text = made.files["packages/config.xml"]
    assert [item.get("name") for item in ElementTree.fromstring(text).iter("package")] == ["bash"]
    assert not any(word in text for word in ("secret", "own", "Own", "7"))
    assert root(made).key == root(plan("lang C.UTF-8\n")).key


def test_what_decides_on_a_package_s_files_makes_another_root() -> None:
    bare = plan(lock=parts.LOCK.model_copy(update={"rules": Rules(languages=("de",), documentation=False)}))
    assert root(bare).key != root(plan()).key
    assert "<rpm-excludedocs>true" in bare.files["packages/config.xml"]


def test_an_earlier_root_is_renewed_by_rpm_without_network() -> None:
    upgrade, erase = root(plan()).renew(change("bash", remove=("hello.noarch",))) or ()
    assert upgrade.argv[:4] == ("rpm", "--root", "/work/build/result/build/image-root", "--upgrade")
    assert "/work/repository/bash.rpm" in upgrade.argv and erase.argv[-1] == "hello.noarch"
    assert not (upgrade.network or erase.network) and upgrade.environment == {"HOME": "/work/build/home"}


@pytest.mark.parametrize("name", ["kernel-core", "glibc", "filesystem", "systemd-libs"])
def test_some_packages_need_a_new_root(name: str) -> None:
    assert root(plan()).renew(change(name)) is None


def test_an_initramfs_is_sought_among_those_of_the_same_kernel_and_profile() -> None:
    keys = [made.initramfs.key for made in (plan(), plan(title="x"), plan(profile="release"), described()) if made.initramfs]
    assert keys[0] == keys[1] != keys[2] and keys[3]["backend"] == "kiwi"


@pytest.mark.parametrize(("version", "manager"), [("4.14.0", "dnf4"), ("5.2.6.2", "dnf5")])
def test_kiwi_is_told_which_dnf_the_host_has(version: str, manager: str) -> None:
    made, preset = (each(versions={"dnf": version}) for each in (plan, described))
    for name in ("description/config.xml", "packages/config.xml"):
        assert ElementTree.fromstring(made.files[name]).findtext("preferences/packagemanager") == manager
    assert f"<packagemanager>{manager}" in preset.files["description/Demo.kiwi"]


def test_a_preset_s_description_shares_the_roots_unless_it_leaves_out_files(tmp_path: pathlib.Path) -> None:
    text = (preset_parts.SOURCE / "Demo.kiwi").read_text()
    sparing = text.replace("<version>", "<rpm-excludedocs>true</rpm-excludedocs><version>", 1)
    folder = preset_parts.changed(tmp_path, Demo_kiwi=sparing)
    assert sparing != text and plan(description=preset_parts.description(folder)).root is None
    assert root(described()).key == root(plan()).key
