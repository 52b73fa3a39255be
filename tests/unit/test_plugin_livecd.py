# SPDX-License-Identifier: MIT
"""Backend `livecd`: the plan fits the tool's version, names the lock alone, and a title goes through as it is."""

from __future__ import annotations

import json
import pathlib
from typing import Any

import pytest

from ondemand import build_requests, errors, kickstarts, plugins, registry
from ondemand.locks import Lock
from ondemand_plugins.backends import livecd
from tests import builder_parts
from tests import master_parts as parts

TABLES = json.loads((pathlib.Path(__file__).parents[1] / "data" / "livecd_options.json").read_text())
VERSIONS, NEWEST = list(TABLES), list(TABLES)[-1]
EVERYWHERE: dict[str, Any] = {"flat_squashfs": True, "base_on": "/srv/old.iso"}
NEW: dict[str, Any] = {"boot_loader": "isolinux", "initramfs_compression": "zstd", "pkgverify_level": "digest"}
SCRIPT = "lang C.UTF-8\n%packages\n@core\n%end\n%post\necho 'repo --name=x'\n%end\n"


def plan(
    options: dict[str, Any] | None = None,
    *,
    version: str = NEWEST,
    kickstart: str = SCRIPT,
    lock: Lock = parts.LOCK,
    label: str = "LABEL-7",
    **request: Any,
) -> plugins.Plan:
    order = plugins.Order(
        build_id=7,
        attempt=1,
        request=build_requests.validate({"release": "f44", **request}),
        release=builder_parts.make_assignment(parts.LOCK).release,
        lock=lock,
        kickstart=kickstarts.with_repositories(kickstart, "F44", [{"name": "locked", "baseurl": "file:///work/repository"}]),
        label=label,
        repository=pathlib.Path("/work/repository"),
        work=pathlib.Path("/work/build"),
        options=options or {},
        versions={livecd.TOOL: version},
    )
    return livecd.LivecdBackend().plan(order)


def words(made: plugins.Plan) -> tuple[str, ...]:
    (command,) = made.commands
    assert command.argv[0] == livecd.TOOL and not command.network
    return command.argv[1:]


def value(made: plugins.Plan, option: str) -> str:
    argv = words(made)
    return argv[argv.index(option) + 1]


def written(made: plugins.Plan) -> kickstarts.Kickstart:
    return kickstarts.parse(made.files["tool.ks"], "F44")


def test_it_is_found_by_its_entry_point() -> None:
    assert registry.load(plugins.BACKENDS, "livecd") is livecd.LivecdBackend


def test_the_only_source_is_the_frozen_repository_and_the_packages_are_the_lock() -> None:
    found = written(plan())
    assert [(place.command, place.addresses) for place in found.places] == [("repo", ("file:///work/repository",))]
    assert (found.packages, found.groups, found.core) == (("bash",), (), False)


def test_a_package_of_another_architecture_is_asked_for_as_such() -> None:
    (bash,) = parts.LOCK.packages
    both = (bash, bash.model_copy(update={"arch": "i686"}))
    assert written(plan(lock=parts.LOCK.model_copy(update={"packages": both}))).packages == ("bash", "bash.i686")


def test_the_tool_works_below_the_work_folder_where_what_it_leaves_is_swept() -> None:
    made = plan()
    assert value(made, "--tmpdir") == "/work/build/tmp" and value(made, "--cache") == "/work/build/cache"
    assert set(made.folders) == {"tmp", "cache"} and made.image == "*.iso"


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("profile", ["test", "release"])
def test_every_option_of_a_plan_is_one_of_that_version_s_own_parser(version: str, profile: str) -> None:
    argv = words(plan({**EVERYWHERE, **(NEW if version == NEWEST else {})}, version=version, profile=profile))
    known = TABLES[version]["options"]
    while argv:
        takes = known[argv[0]]["takes"] is not None
        assert not takes or argv[1] in (known[argv[0]]["choices"] or argv)
        argv = argv[1 + takes :]


@pytest.mark.parametrize("version", VERSIONS)
def test_what_a_version_is_said_to_lack_is_what_its_parser_lacks(version: str) -> None:
    number = tuple(map(int, version.split(".")))
    said = {option: number >= since for option, since in livecd._SINCE.items()}
    assert said == {option: option in TABLES[version]["options"] for option in livecd._SINCE}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"pkgverify_level": "digest"}, "31.0 has no --pkgverify-level"),
        ({"initramfs_compression": "zstd"}, "31.0 has no --dracut-conf-args"),
        ({"boot_loader": "grub"}, "31.0 has no boot_loader = grub"),
    ],
)
def test_an_option_that_the_version_lacks_is_refused_before_anything_runs(options: dict[str, Any], said: str) -> None:
    with pytest.raises(errors.InvalidRequest, match=said):
        plan(options, version="31.0")


def test_isolinux_needs_no_option_where_there_is_nothing_else() -> None:
    assert "--syslinux" not in words(plan({"boot_loader": "isolinux"}, version="31.0"))
    assert "--syslinux" in words(plan({"boot_loader": "isolinux"}))


@pytest.mark.parametrize(
    "options",
    [{"unknown": 1}, {"pkgverify_level": "all"}, {"base_on": "../old.iso"}, {"test_compression": "xz -b 1M"}],
)
def test_options_that_do_not_fit_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(errors.InvalidRequest, match=next(iter(options))):
        plan(options)


@pytest.mark.parametrize("version", ["", "27.1", "none"])
def test_a_tool_of_unknown_age_is_not_driven(version: str) -> None:
    with pytest.raises(errors.ToolMissing, match="can't drive livecd-tools"):
        plan(version=version)


def test_a_title_goes_through_as_one_word() -> None:
    title = 'Bob "the $(reboot)" `id` \\ ; --nocleanup'
    made = plan(title=title)
    assert value(made, "--title") == value(made, "--product") == title


def test_a_title_that_would_end_the_quotes_of_grub_is_refused() -> None:
    with pytest.raises(errors.InvalidRequest, match="can't be put into the boot menu"):
        plan(title="Bob's")


@pytest.mark.parametrize("label", ["", "x" * 33, "two words", "quo'te", "a/b"])
def test_a_label_by_which_no_image_is_found_is_refused(label: str) -> None:
    with pytest.raises(errors.InvalidRequest, match="can't be the volume label"):
        plan(label=label)


def test_a_test_image_is_compressed_quickly_and_a_release_well() -> None:
    assert [value(plan(profile=each), "--compression-type") for each in ("test", "release")] == ["lz4", "xz"]


def test_the_initramfs_is_compressed_by_a_program_that_the_image_holds() -> None:
    (bash,) = parts.LOCK.packages
    lock = parts.LOCK.model_copy(update={"packages": (bash, bash.model_copy(update={"name": "zstd"}))})
    said = [value(made, "--dracut-conf-args") for made in (plan(), plan(lock=lock), plan(lock=lock, profile="release"))]
    assert said == ['+compress="gzip"', '+compress="zstd -1"', '+compress="zstd -19"']
    assert "--dracut-conf-args" not in words(plan(lock=lock, version="31.0"))


def test_a_flat_root_is_told_to_the_kernel_and_every_image_has_its_consoles() -> None:
    plain, flat = (plan({"flat_squashfs": each}).files["tool.ks"] for each in (False, True))
    assert "console=ttyS0,115200" in plain and "rd.live.overlay" not in plain
    assert 'console=ttyS0,115200 rd.live.overlay.overlayfs"' in flat


def test_selinux_is_enforcing_as_after_an_installation_where_there_is_a_policy() -> None:
    (bash,) = parts.LOCK.packages
    lock = parts.LOCK.model_copy(update={"packages": (bash, bash.model_copy(update={"name": "selinux-policy-targeted"}))})
    assert "selinux" not in plan().files["tool.ks"]
    assert "selinux --enforcing" in plan(lock=lock).files["tool.ks"]
    assert "selinux --permissive" in plan(lock=lock, kickstart=f"selinux --permissive\n{SCRIPT}").files["tool.ks"]


def test_dnf_is_told_the_release_which_a_host_that_is_no_fedora_can_not_say() -> None:
    (command,) = plan().commands
    assert command.environment == {"HOME": "/work/build/home", "DNF_VAR_releasever": "1"}
