# SPDX-License-Identifier: MIT
"""Debian's names, versions and dependencies become RPM's."""

from __future__ import annotations

import pathlib
import re
import stat

import pytest

from demo import base_system, builds, distribution, lists, originals, packages, relations


@pytest.mark.parametrize(
    "debian, expected",
    [
        ("2.36-9+deb12u14", ("", "2.36", "9+deb12u14.demo1")),
        ("1:4.13+dfsg1-1", ("1", "4.13+dfsg1", "1.demo1")),
        ("252.39-1~deb12u2", ("", "252.39", "1~deb12u2.demo1")),
        ("4.4.3-P1-2", ("", "4.4.3.P1", "2.demo1")),
        ("20230311", ("", "20230311", "0.demo1")),
    ],
)
def test_a_debian_version_becomes_epoch_version_and_release(debian: str, expected: tuple[str, str, str]) -> None:
    assert relations.version_parts(debian) == expected


def test_names_that_fedoras_tools_look_for_are_used() -> None:
    assert relations.rpm_name("linux-image-6.1.0-56-cloud-amd64") == "kernel-core"
    assert relations.rpm_name("libc6") == "glibc"
    assert relations.rpm_name("bash") == "bash"


def test_dependencies_outside_the_distribution_are_left_out() -> None:
    fields = {"Depends": "libc6 (>= 2.34), debconf | cdebconf, adduser", "Pre-Depends": "libfoo:any (= 1:2.0-3)"}
    assert relations.requirements(fields, {"libc6", "libfoo"}) == ["libfoo = 1:2.0", "glibc >= 2.34"]


def test_alternatives_that_are_both_there_become_a_rich_dependency() -> None:
    assert relations.requirements({"Depends": "mawk | gawk"}, {"mawk", "gawk"}) == ["(mawk or gawk)"]


def test_upper_bounds_are_not_carried_over() -> None:
    assert relations.requirements({"Depends": "dracut-core (<< 059-4+b)"}, {"dracut-core"}) == ["dracut"]


def test_the_debian_name_stays_as_a_provided_name() -> None:
    fields = {"Package": "libssl3t64", "Version": "3.5-1", "Provides": "libssl3 (= 3.5-1)"}
    assert relations.provides(fields) == ["libssl3 = 3.5-1.demo1"]


def test_folders_are_moved_under_usr_and_documentation_is_left_out(tmp_path: pathlib.Path) -> None:
    tree = tmp_path / "tree"
    for name in ("bin/tool", "usr/bin/other", "usr/share/doc/tool/README", "lib/libtool.so"):
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_text(name)
    packages.merge_usr(tree)
    packages.leave_out(tree, ["usr/share/doc"])
    found = sorted(str(path.relative_to(tree)) for path in tree.rglob("*") if path.is_file())
    assert found == ["usr/bin/other", "usr/bin/tool", "usr/lib/libtool.so"]


def test_file_lists_name_every_file_once_and_only_unusual_folders(tmp_path: pathlib.Path) -> None:
    tree = tmp_path / "tree"
    (tree / "etc").mkdir(parents=True)
    (tree / "etc" / "tool.conf").write_text("")
    (tree / "var" / "lib" / "tool").mkdir(parents=True)
    (tree / "var" / "lib" / "tool").chmod(stat.S_IRWXU)
    (tree / "var" / "lib" / "a%b").write_text("")
    lines = packages.file_lines(tree)
    files = sorted(line for line in lines if "%dir" not in line)
    assert files == [
        '"/var/lib/a%%b"',
        '%config(noreplace) "/etc/tool.conf"',
    ]
    assert '%dir "/var/lib/tool"' in lines


def test_a_spec_lists_what_the_package_holds() -> None:
    source = next(source for source in base_system.sources() if source.name == "ondemand-boot-proof")
    text = originals.spec(source)
    assert "%attr(755,root,root) /usr/libexec/ondemand-boot-proof" in text
    assert "%%{NAME}-%%{EPOCHNUM}" in text


def test_the_keymap_that_the_console_is_set_to_is_there() -> None:
    made = [package for source in base_system.sources() for package in source.packages]
    files = {path: text for package in made for path, text in package.files.items()}
    keymap = files["/etc/vconsole.conf"].strip().removeprefix("KEYMAP=")
    assert f"/usr/lib/kbd/keymaps/{keymap}.map" in files


def test_the_story_names_only_builds_that_exist() -> None:
    known = {build.source.nvr for build in builds.builds()}
    named = {nvr for update in builds.updates() if update.content_type == "rpm" for nvr in update.nvrs}
    assert named <= known
    assert {value for key, value in builds.NAMES.items() if key.endswith("_build")} <= known


def test_no_two_builds_share_their_name_version_and_release() -> None:
    nvrs = [build.source.nvr for build in builds.builds()]
    assert len(nvrs) == len(set(nvrs))


def test_lists_have_no_doubled_words() -> None:
    for path in (pathlib.Path(lists.__file__).parent / "files").glob("*.txt"):
        words = lists.words(path.name)
        assert len(words) == len(set(words)), path.name


def test_every_module_that_shapes_the_distribution_is_an_input_of_its_hash() -> None:
    here = pathlib.Path(distribution.__file__).parent
    for name in distribution.INPUTS:
        for found in re.findall(r"^from demo import (\([^)]*\)|.*)$", (here / f"{name}.py").read_text(), re.M):
            assert set(re.findall(r"\w+", found)) <= set(distribution.INPUTS), name
