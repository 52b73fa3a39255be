# SPDX-License-Identifier: MIT
"""What no plan could be made for is refused at the check already, where the tools' versions are not known."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from ondemand import build_requests, errors, plugins, registry
from ondemand.locks import BootIso, Lock
from tests import builder_parts
from tests import master_parts as parts

ISO = BootIso(urls=(), sha256="ab" * 32, size=1_000_000_000)
KICKSTART = "lang C\n%packages\nbash\n%end\n"
LARGE = parts.LOCK.packages[0].model_copy(update={"size": 4 * 10**9})
DVD = parts.LOCK.model_copy(update={"image_type": "dvd", "packages": (), "tree": (parts.LOCK.packages[0],), "boot_iso": ISO})


def draft(backend: str, image_type: str = "live", lock: Lock = parts.LOCK, **changes: Any) -> plugins.Draft:
    """As the master makes one: it knows no versions."""
    release = builder_parts.make_assignment(lock).release
    kind = {"backend": backend, "preset": "p", "installer": {"boot_iso": "http://f.invalid/os", "product": "Fedora"}}
    request = {"release": "demo", "image_type": image_type, **changes.pop("request", {})}
    return plugins.Draft(
        request=build_requests.validate(request),
        release=release.model_validate({**release.model_dump(), "image_types": {image_type: kind}}),
        lock=lock,
        kickstart=changes.pop("kickstart", KICKSTART),
        label="LABEL-7",
        options=changes.pop("options", {}),
        **changes,
    )


def judge(backend: str, asked: plugins.Draft) -> None:
    plugins.check(registry.load(plugins.BACKENDS, backend)(), asked)


@pytest.mark.parametrize(
    ("backend", "fields", "said"),
    [
        ("kiwi", {"options": {"frobnicate": 1}}, "options of backend kiwi"),
        ("livecd", {"request": {"title": "It's"}}, "boot menu"),
        ("livecd", {"options": {"menu_timeout": 0}}, "options of backend livecd"),
        ("livemedia", {}, "dracut-live"),
        ("livemedia", {"kickstart": f"autopart\n{KICKSTART}"}, "autopart"),
        ("lorax", {"image_type": "boot", "options": {"rootfs_type": "fat"}}, "options of backend lorax"),
        ("remaster", {"image_type": "boot"}, "boot.iso that release demo published"),
        ("dvd", {"image_type": "dvd", "lock": DVD.model_copy(update={"boot_iso": None})}, "boot.iso that release demo published"),
        ("dvd", {"image_type": "dvd", "lock": DVD.model_copy(update={"tree": ()})}, "without a tree"),
        ("lorax_dvd", {"image_type": "dvd", "lock": DVD}, "is what release demo published"),
        ("dvd", {"image_type": "dvd", "lock": DVD.model_copy(update={"tree": (LARGE,)})}, "a medium «dvd» holds 4.70"),
    ],
)
def test_a_request_that_the_backend_can_t_do_with_is_refused(backend: str, fields: dict[str, Any], said: str) -> None:
    with pytest.raises(errors.InvalidRequest, match=said):
        judge(backend, draft(backend, **fields))


@pytest.mark.parametrize(
    ("backend", "fields"),
    [
        ("kiwi", {}),
        ("livecd", {}),
        ("lorax", {"image_type": "boot"}),
        ("dvd", {"image_type": "dvd", "lock": DVD}),
        ("lorax_dvd", {"image_type": "dvd", "lock": DVD.model_copy(update={"boot_iso": None})}),
        ("remaster", {"image_type": "boot", "lock": DVD}),
    ],
)
def test_what_it_can_do_passes(backend: str, fields: dict[str, Any]) -> None:
    judge(backend, draft(backend, **fields))


@pytest.mark.parametrize(
    ("backend", "image_type", "versions"),
    [
        ("livecd", "live", {"livecd-creator": "27.0"}),
        ("lorax", "boot", {"lorax": "39.0"}),
        ("dvd", "dvd", {"xorriso": "1.3.9"}),
        ("remaster", "boot", {"xorriso": "1.3.9"}),
    ],
)
def test_a_tool_too_old_for_the_backend_is_another_builder_s_affair(
    backend: str, image_type: str, versions: dict[str, str]
) -> None:
    with pytest.raises(errors.ToolMissing):
        judge(backend, draft(backend, image_type, DVD, versions=versions))


def test_an_option_that_the_version_lacks_is_told_before_anything_is_fetched() -> None:
    asked = draft("livecd", options={"pkgverify_level": "digest"}, versions={"livecd-creator": "31.0"})
    judge("livecd", dataclasses.replace(asked, versions={}))
    with pytest.raises(errors.InvalidRequest, match=r"31\.0 has no --pkgverify-level"):
        judge("livecd", asked)


def test_a_stranger_s_backend_without_a_check_tells_in_its_plan() -> None:
    class Plain:
        name = "plain"

    plugins.check(Plain(), draft("plain"))  # type: ignore[arg-type]
