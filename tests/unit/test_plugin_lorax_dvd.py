# SPDX-License-Identifier: MIT
"""Backend `lorax_dvd`: lorax makes the boot.iso, our own program the DVD out of it; each gets its own options alone."""

from __future__ import annotations

import pathlib
from typing import Any

import pytest

from ondemand import errors, plugins, registry, releases
from ondemand.locks import BootIso
from ondemand_plugins.backends import dvd, installer_media, lorax, lorax_dvd
from tests import lorax_parts as parts
from tests import master_parts

INSTALLER = releases.Installer(templates="/templates", product="Fedora", variant="Server")
TREE = master_parts.LOCK.packages[0].model_copy(update={"name": "nano", "size": 5000, "wanted": True, "build": "nano-8-1"})


def order(installer: releases.Installer | None = INSTALLER, **changes: Any) -> plugins.Order:
    lock = changes.pop("lock", {})
    made = parts.order("dvd", "lorax_dvd", {"lorax": "40.0", "xorriso": "1.5.4"}, installer=installer, **changes)
    return plugins.Order(
        **{
            **vars(made),
            "lock": made.lock.model_copy(update={"image_type": "dvd", "tree": (TREE,), **lock}),
            "kickstart": "url --url=file:///work/repository\nlang C.UTF-8\n%packages\nnano\n%end\n",
            "tree": pathlib.Path("/work/tree"),
        }
    )


def job(made: plugins.Plan) -> installer_media.Job:
    return installer_media.Job.model_validate_json(made.files["job.json"])


def test_it_is_found_by_its_entry_point() -> None:
    assert registry.load(plugins.BACKENDS, "lorax_dvd") is lorax_dvd.LoraxDvdBackend


def test_lorax_runs_first_and_the_dvd_begins_from_what_it_left() -> None:
    made = lorax_dvd.LoraxDvdBackend().plan(order())
    first, second = made.commands
    assert first.argv[0] == "lorax" and "ondemand_plugins.backends.installer_media" in second.argv
    told = job(made)
    assert told.source == pathlib.Path("/work/build/result/images/boot.iso")
    assert made.image == "medium/*.iso" and told.target == pathlib.Path("/work/build/medium/image.iso")
    assert not any(command.network for command in made.commands)


def test_the_installer_is_of_the_lock_s_packages_and_the_dvd_carries_the_tree() -> None:
    made = lorax_dvd.LoraxDvdBackend().plan(order())
    words = made.commands[0].argv
    assert "--installpkgs=bash" in words and "--installpkgs=nano" not in words
    told = job(made)
    assert told.tree == pathlib.Path("/work/tree") and [item.nevra for item in told.wanted if item.installed] == [TREE.nevra]
    assert "harddrive --partition=LABEL=LABEL-7 --dir=/\n" in made.files["ks.cfg"]


def test_each_of_both_gets_its_own_options() -> None:
    made = lorax_dvd.LoraxDvdBackend().plan(order(options={"rootfs_size": 3, "sharedir": "/t", "medium": "bd", "automatic": True}))
    assert parts.values(list(made.commands[0].argv), "--rootfs-size") == ["3"]
    assert job(made).medium == "bd" and job(made).words == ("inst.ks=hd:LABEL=LABEL-7:/ks.cfg",)
    names = set(lorax_dvd.Options.model_fields)
    assert names == set(lorax.Options.model_fields) | set(dvd.Options.model_fields)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"options": {"frobnicate": 1}}, "options of backend lorax_dvd"),
        ({"options": {"medium": "tape"}}, "medium"),
        ({"installer": None}, "names no installer"),
        ({"lock": {"tree": ()}}, "without a tree"),
        ({"lock": {"tree": (TREE.model_copy(update={"size": 5 * 10**9}),)}}, "a medium «dvd» holds 4.70"),
        ({"lock": {"boot_iso": BootIso(urls=(), sha256="ab" * 32)}}, "is what release demo published"),
    ],
)
def test_what_it_can_t_do_with_is_refused(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(errors.InvalidRequest, match=said):
        lorax_dvd.LoraxDvdBackend().plan(order(**changes))


@pytest.mark.parametrize("versions", [{"lorax": "39.0", "xorriso": "1.5.4"}, {"lorax": "40.0", "xorriso": "1.3.9"}])
def test_a_tool_too_old_is_another_builder_s_affair(versions: dict[str, str]) -> None:
    made = plugins.Order(**{**vars(order()), "versions": versions})
    with pytest.raises(errors.ToolMissing):
        lorax_dvd.LoraxDvdBackend().plan(made)


def test_it_needs_the_tools_and_the_disk_of_both() -> None:
    backend, lock = lorax_dvd.LoraxDvdBackend(), order().lock
    assert {*lorax.LoraxBackend.tools, *dvd.DvdBackend.tools} == set(backend.tools) and {"lorax", "xorriso"} <= set(backend.probes)
    large = lock.model_copy(update={"tree": (TREE.model_copy(update={"size": 4 * 10**9}),)})
    assert backend.disk(large) == lorax.LoraxBackend().disk(lock.model_copy(update={"tree": ()})) + dvd.DvdBackend().disk(large)


def test_what_the_tree_is_not_to_offer_stays_in_the_installer() -> None:
    made = lorax_dvd.LoraxDvdBackend().plan(order(remove_packages=["bash"]))
    assert not any(word.startswith("--excludepkgs") for word in made.commands[0].argv)


def test_the_installer_counts_against_the_medium_though_it_is_not_made_yet() -> None:
    big = order().lock.packages[0].model_copy(update={"installed_size": 30 * 10**9})
    with pytest.raises(errors.InvalidRequest, match=r"a medium «dvd» holds 4\.70"):
        lorax_dvd.LoraxDvdBackend().plan(order(lock={"packages": (big,)}))
