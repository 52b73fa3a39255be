# SPDX-License-Identifier: MIT
"""Backend `dvd`: the plan is one run of our own program, told what to put together; too much for a medium is refused before."""

from __future__ import annotations

import pathlib
import sys
from typing import Any

import pytest

from ondemand import build_requests, errors, kickstarts, plugins, registry
from ondemand.locks import BootIso, Lock
from ondemand_plugins.backends import dvd, installer_media
from tests import builder_parts
from tests import master_parts as parts

BASH = parts.LOCK.packages[0].model_copy(update={"size": 5000, "wanted": True, "build": "bash-5.3-1"})
LOCK = parts.LOCK.model_copy(
    update={"image_type": "dvd", "packages": (), "tree": (BASH,), "boot_iso": BootIso(urls=(), sha256="ab" * 32, size=1_000_000_000)}
)
KICKSTART = "url --url=file:///work/repository\nlang C.UTF-8\ncdrom\n%packages\nbash\n%end\n"


def order(lock: Lock = LOCK, **changes: Any) -> plugins.Order:
    """What a builder would hand to the backend."""
    release = builder_parts.make_assignment(lock).release
    installer = {"boot_iso": "http://f.invalid/{arch}/os", "product": "Fedora", "variant": "Server"}
    kinds = {kind: {"backend": "dvd", "preset": "server", "installer": installer} for kind in ("dvd", "boot")}
    values: dict[str, Any] = {
        "build_id": 7,
        "attempt": 1,
        "request": build_requests.validate({"release": "demo", "image_type": lock.image_type}),
        "release": release.model_validate({**release.model_dump(), "image_types": kinds}),
        "lock": lock,
        "kickstart": KICKSTART,
        "label": "LABEL-7",
        "repository": pathlib.Path("/work/repository"),
        "work": pathlib.Path("/work/build"),
        "options": {},
        "boot_iso": pathlib.Path("/work/boot.iso"),
        "tree": pathlib.Path("/work/tree"),
        "versions": {"xorriso": "1.5.4"},
    }
    return plugins.Order(**{**values, **changes})


def job(made: plugins.Plan) -> installer_media.Job:
    """What the program is told."""
    return installer_media.Job.model_validate_json(made.files["job.json"])


def test_it_is_found_by_its_entry_point() -> None:
    assert registry.load(plugins.BACKENDS, "dvd") is dvd.DvdBackend


def test_the_plan_is_one_run_of_our_own_program_without_network() -> None:
    made = dvd.DvdBackend().plan(order())
    (command,) = made.commands
    assert command.argv == (sys.executable, "-m", "ondemand_plugins.backends.installer_media", "job.json") and not command.network
    assert made.image == "medium/*.iso"


def test_the_program_is_told_label_tree_wanted_packages_and_what_the_dvd_says_of_itself() -> None:
    told = job(dvd.DvdBackend().plan(order()))
    assert (told.label, told.source, told.tree) == ("LABEL-7", pathlib.Path("/work/boot.iso"), pathlib.Path("/work/tree"))
    assert told.about and (told.about.product, told.about.variant, told.about.version) == ("Fedora", "Server", "1")
    assert [(item.nevra, item.installed) for item in told.wanted] == [(BASH.nevra, True)]
    assert told.limit == dvd.MEDIA["dvd"]


def test_the_kickstart_takes_the_dvd_alone_whatever_drive_it_is_in() -> None:
    text = dvd.DvdBackend().plan(order()).files["ks.cfg"]
    assert text.count("harddrive --partition=LABEL=LABEL-7 --dir=/\n") == 1
    assert not {"url", "repo", "cdrom"} & {line.split()[0] for line in text.splitlines() if line.strip()}
    assert kickstarts.parse(text, "F44").packages == ("bash",)


def test_a_tree_that_the_medium_can_t_hold_is_refused_in_a_sentence() -> None:
    large = LOCK.model_copy(update={"tree": (BASH.model_copy(update={"size": 4 * 10**9}),)})
    with pytest.raises(errors.InvalidRequest, match=r"needs 5.00 GB and a medium «dvd» holds 4.70; ask for fewer packages"):
        dvd.DvdBackend().plan(order(large))
    for medium in ("dvd-dl", "bd", "none"):
        assert job(dvd.DvdBackend().plan(order(large, options={"medium": medium}))).medium == medium


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"options": {"medium": "tape"}}, "medium"),
        ({"options": {"kernel_command_line": "a;b"}}, "kernel_command_line"),
        ({"boot_iso": None}, "published"),
        ({"tree": None}, "tree"),
    ],
)
def test_what_it_can_t_work_with_is_an_error_before_anything_runs(changes: dict[str, Any], word: str) -> None:
    with pytest.raises(errors.InvalidRequest, match=word):
        dvd.DvdBackend().plan(order(**changes))


def test_no_boot_entry_logs_to_a_serial_line_by_itself() -> None:
    told = job(dvd.DvdBackend().plan(order()))
    assert told.words == () and "console=ttyS0,115200" in told.spoken


def test_an_image_installs_by_itself_only_where_the_operator_says_so() -> None:
    made = dvd.DvdBackend().plan(order(options={"kernel_command_line": "quiet"}))
    assert job(made).words == ("quiet",) and "ks.cfg" in made.files
    made = dvd.DvdBackend().plan(order(options={"automatic": True, "kernel_command_line": "quiet"}))
    assert job(made).words == ("quiet", "inst.ks=hd:LABEL=LABEL-7:/ks.cfg")


def test_its_disk_is_the_image_s() -> None:
    assert 1_000_000_000 < dvd.DvdBackend().disk(LOCK) < 1_500_000_000
