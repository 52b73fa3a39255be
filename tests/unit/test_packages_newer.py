# SPDX-License-Identifier: MIT
"""Which build is newer is decided as RPM decides it, and of what is told only the newer one."""

from __future__ import annotations

import pytest

from ondemand import plugins
from ondemand_web.packages import newer


def build(nvr: str, epoch: int = 0, *, scratch: bool = False) -> plugins.SourceBuild:
    """A build with one package of its name."""
    name, version, release = nvr.rsplit("-", 2)
    rpm = plugins.SourceRpm(name=name, epoch=epoch, version=version, release=release, arch="noarch", urls=(), checksums={})
    return plugins.SourceBuild(nvr=nvr, rpms=(rpm,), scratch=scratch)


def found(mine: plugins.SourceBuild, nvr: str, epoch: int = 0) -> str:
    """What is newer than `mine` where a source got that build last."""
    name = nvr.rsplit("-", 2)[0]
    latest = newer.than(mine, {name: plugins.LatestBuild(nvr=nvr, epoch=epoch, where="tag")})
    return latest.nvr if latest else ""


@pytest.mark.parametrize(
    ("mine", "other", "is_newer"),
    [
        ("bash-5.3-1.fc44", "bash-5.3-2.fc44", True),
        ("bash-5.3-1.fc44", "bash-5.10-1.fc44", True),
        ("bash-5.3-1.fc44", "bash-5.3-1.fc44", False),
        ("bash-5.3-2.fc44", "bash-5.3-1.fc44", False),
        ("bash-5.3~rc1-1.fc44", "bash-5.3-1.fc44", True),
        ("bash-5.3-1.fc44", "zsh-6-1.fc44", False),
    ],
)
def test_versions_are_ordered_as_rpm_orders_them(mine: str, other: str, is_newer: bool) -> None:
    assert found(build(mine), other) == (other if is_newer else "")


def test_an_epoch_outweighs_a_version() -> None:
    assert found(build("bash-5-1"), "bash-4-1", epoch=1) == "bash-4-1"
    assert found(build("bash-5-1", epoch=1), "bash-6-1") == ""


def test_a_subpackage_s_own_version_says_nothing_of_the_build_s_epoch() -> None:
    rpm = build("perl-Own-9-1", epoch=4).rpms[0]
    assert found(plugins.SourceBuild(nvr="perl-5-1", rpms=(rpm,)), "perl-6-1", epoch=4) == "perl-6-1"


def test_nothing_takes_the_place_of_a_scratch_build() -> None:
    scratch = build("bash-5-1", scratch=True)
    assert found(scratch, "bash-6-1") == "" and newer.packages([scratch]) == ()


def test_a_bounded_number_of_packages_is_asked_for() -> None:
    assert newer.packages(build(f"p{n:04}-1-1") for n in range(1000)) == tuple(f"p{n:04}" for n in range(newer.MOST))


def test_several_sources_are_asked() -> None:
    class One:
        def latest(self, names: object, release: object) -> dict[str, plugins.LatestBuild]:
            return {"a": plugins.LatestBuild(nvr="a-1-1", epoch=0, where="one")}

    class Two:
        def latest(self, names: object, release: object) -> dict[str, plugins.LatestBuild]:
            return {"b": plugins.LatestBuild(nvr="b-1-1", epoch=0, where="two")}

    assert {*newer.latest(("a", "b"), None, [One(), Two()])} == {"a", "b"}  # type: ignore[arg-type]
