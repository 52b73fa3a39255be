# SPDX-License-Identifier: MIT
"""The locks of boot ISOs and DVDs: from an installer's template and a tree, over a made universe."""

from __future__ import annotations

import pathlib
from collections.abc import Iterator

import pytest

from ondemand import build_requests, errors, locks, releases
from ondemand_web.packages import checking
from tests import universe_parts
from tests.universe_parts import Made

MAIN = (
    Made("anaconda", requires=("python",)),
    Made("python"),
    Made("kernel"),
    Made("grub2-tools", "3"),
    Made("fedora-release", provides=("system-release",)),
    Made("fedora-release-server", provides=("system-release",)),
    Made("generic-release", provides=("system-release",)),
    Made("fedora-logos"),
    Made("good-firmware"),
    Made("sound-firmware"),
    Made("shell"),
    Made("editor", requires=("(left or right)",)),
    Made("left", conflicts=("right",)),
    Made("right", conflicts=("left",)),
    Made("extra", requires=("python",)),
    Made("tools"),
    Made("lost", requires=("nowhere",)),
)
COMPS = """<comps>
<group><id>core</id><name>Core</name><packagelist><packagereq type="mandatory">shell</packagereq></packagelist></group>
<group><id>main</id><name>Main</name><packagelist><packagereq type="mandatory">left</packagereq>
<packagereq type="optional">right</packagereq></packagelist></group>
<group><id>more</id><name>More</name><packagelist><packagereq type="default">extra</packagereq></packagelist></group>
<environment><id>all</id><name>All</name><grouplist><groupid>main</groupid></grouplist>
<optionlist><groupid>more</groupid><groupid>no-such</groupid></optionlist></environment></comps>"""
TEMPLATE = """<%page args="basearch, product"/>
<% NEWEST = "3" %>
## a comment of Mako's
# and one of the template's
installpkg anaconda
%if basearch == "x86_64":
    installpkg grub2-tools>=${NEWEST} {kernel,python}
%else:
    installpkg no-such-thing
%endif
installpkg --optional *-firmware nothing-like-it \\
           --except sound*
-installpkg neither
run_pkg_transaction
"""
TOOL = Made("tools", "2", requires=("left",))
BUILDS = (TOOL, Made("python", "2"), Made("kernel", "9", conflicts=("anaconda",)))
PRESET = "%packages\n@^all\neditor\n%end\n"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[releases.Release, universe_parts.Source]]:
    """A release with installers, and the builds that are in no repository."""
    held = universe_parts.files({}, BUILDS)
    held |= {f"main/{path}": data for path, data in universe_parts.repository(MAIN, COMPS).items()}
    templates = tmp_path_factory.mktemp("templates")
    (templates / "runtime-install.tmpl").write_text(TEMPLATE)
    with universe_parts.served(held) as url:
        installer = {"templates": str(templates), "product": "Fedora", "variant": "Server"}
        release = universe_parts.release(url, "main").model_dump()
        release["image_types"] = {
            name: {"backend": "lorax", "preset": "server", "installer": installer} for name in ("boot", "dvd")
        }
        yield (
            releases.Release.model_validate(release),
            universe_parts.Source(url, {made.nvr: [made] for made in BUILDS}),
        )


Place = tuple[releases.Release, universe_parts.Source]


def _check(place: Place, folder: pathlib.Path, kind: str, *builds: str, preset: str = PRESET, **more: object) -> locks.Lock:
    request = build_requests.validate({"release": "made", "image_type": kind, "builds": builds, **more})
    return checking.check(request, place[0], preset, {"koji": place[1]}, folder)[0]


def _names(packages: tuple[locks.LockedPackage, ...]) -> set[str]:
    return {package.name for package in packages}


RUNTIME = {
    "anaconda",
    "python",
    "kernel",
    "grub2-tools",
    "fedora-release-server",
    "fedora-logos",
    "good-firmware",
}


def test_a_boot_iso_holds_the_installer_s_runtime_and_not_the_kickstart_s_packages(place: Place, tmp_path: pathlib.Path) -> None:
    lock = _check(place, tmp_path, "boot")
    assert _names(lock.packages) == RUNTIME and lock.tree == ()
    assert {"grub2-tools >= 3", "fedora-release-server", "good-firmware"} < set(lock.requested)


def test_packages_that_a_request_adds_go_into_a_boot_iso_s_runtime(place: Place, tmp_path: pathlib.Path) -> None:
    lock = _check(place, tmp_path, "boot", add_packages=["shell"], add_groups=["more"], remove_packages=["good-firmware"])
    assert _names(lock.packages) == (RUNTIME | {"shell", "extra"}) - {"good-firmware"}


def test_a_wanted_build_of_the_runtime_is_locked(place: Place, tmp_path: pathlib.Path) -> None:
    (wanted,) = _check(place, tmp_path, "boot", "python-2-1").wanted
    assert wanted.nevra == "python-2-1.noarch" and wanted.origin == locks.SIDE_REPOSITORY


def test_a_wanted_build_that_the_runtime_can_t_take_is_refused_with_both_names(place: Place, tmp_path: pathlib.Path) -> None:
    with pytest.raises(errors.Unsolvable, match=r"kernel-9-1.noarch .* conflicts with anaconda-1-1.noarch"):
        _check(place, tmp_path, "boot", "kernel-9-1")


def test_a_wanted_build_that_only_a_system_would_hold_is_not_in_a_boot_iso(place: Place, tmp_path: pathlib.Path) -> None:
    with pytest.raises(errors.Unsolvable, match="tools-2-1 is not in this image: nothing depends on it"):
        _check(place, tmp_path, "boot", "tools-2-1")


def test_a_dvd_s_tree_has_everything_that_can_be_chosen_though_it_does_not_fit_together(place: Place, tmp_path: pathlib.Path) -> None:
    lock = _check(place, tmp_path, "dvd")
    assert _names(lock.packages) == RUNTIME
    assert _names(lock.tree) == {"shell", "left", "right", "extra", "python", "editor"}
    assert len(lock.everything) == len({package.nevra for package in (*lock.packages, *lock.tree)}) == 12


def test_a_wanted_build_may_lie_in_the_tree_alone(place: Place, tmp_path: pathlib.Path) -> None:
    lock = _check(place, tmp_path, "dvd", "tools-2-1", add_packages=["tools"])
    assert [package.nevra for package in lock.wanted] == ["tools-2-1.noarch"]
    assert "tools" in _names(lock.tree) and "tools" not in _names(lock.packages)


def test_what_can_never_be_installed_from_a_tree_is_told_with_its_reason(place: Place, tmp_path: pathlib.Path) -> None:
    with pytest.raises(errors.RequestError) as caught:
        _check(place, tmp_path, "dvd", add_packages=["lost", "leftt"], add_groups=["mre"])
    text = "\n".join(caught.value.details)
    for part in ("lost-1-1.noarch (of main) needs nowhere", "«leftt»", "near it: left", "«mre»"):
        assert part in text


def test_the_same_request_has_the_same_lock(place: Place, tmp_path: pathlib.Path) -> None:
    assert _check(place, tmp_path, "dvd").digest() == _check(place, tmp_path, "dvd").digest()


def test_a_template_that_breaks_delays_with_a_sentence(place: Place, tmp_path: pathlib.Path) -> None:
    (tmp_path / "runtime-install.tmpl").write_text("installpkg ${nobody.knows}\n")
    release = _with_templates(place[0], tmp_path)
    with pytest.raises(errors.ServiceError, match=r"template runtime-install.tmpl of this release can't be used"):
        _check((release, place[1]), tmp_path, "boot")


def test_a_changed_template_is_read_anew(place: Place, tmp_path: pathlib.Path) -> None:
    release = _with_templates(place[0], tmp_path)
    for name in ("shell", "left"):
        (tmp_path / "runtime-install.tmpl").write_text(f"installpkg {name}\n")
        assert name in _names(_check((release, place[1]), tmp_path, "boot").packages)


def _with_templates(release: releases.Release, folder: pathlib.Path) -> releases.Release:
    boot = release.image_types[build_requests.ImageType.BOOT]
    assert boot.installer is not None
    installer = boot.installer.model_copy(update={"templates": str(folder)})
    made = {build_requests.ImageType.BOOT: boot.model_copy(update={"installer": installer})}
    return release.model_copy(update={"image_types": made})
