# SPDX-License-Identifier: MIT
"""What an image would install is marked package by package; of a build that it does not need one package is offered."""

from __future__ import annotations

import pytest

from ondemand import errors
from ondemand.resolutions import ResolvedBuild, ResolvedPackage, ResolvedReference
from ondemand_web.packages import presence


def reference(nvr: str, *nevras: str) -> ResolvedReference:
    """A reference to one build with these packages."""
    packages = tuple(ResolvedPackage(nevra=nevra, origin="koji", trust="koji-digest", size=1) for nevra in nevras)
    build = ResolvedBuild(nvr=nvr, scratch=False, packages=packages)
    return ResolvedReference(text=nvr, reference=f"koji:{nvr}", builds=(build,))


def contents(*nevras: str, of: str) -> presence.Contents:
    """What an image with that build holds."""
    return presence.Contents(packages=len(nevras), nevras=frozenset(nevras), references=frozenset({f"koji:{of}"}))


@pytest.mark.parametrize(
    ("nvr", "names", "offer"),
    [
        ("bash-5-1", ("bash-doc", "bash", "bash-devel"), "bash"),
        ("python-requests-2-1", ("python3-requests+socks", "python3-requests"), "python3-requests"),
        ("pair-1-1", ("pair-b", "pair-a"), "pair-a"),
    ],
)
def test_the_package_that_stands_for_the_build_is_offered(nvr: str, names: tuple[str, ...], offer: str) -> None:
    found = presence.marked(reference(nvr, *(f"{name}-1-1.noarch" for name in names)), contents(of=nvr))
    assert found.builds[0].offer == (offer,)
    assert found.warnings[0].endswith(f"to install it add {offer} to add_packages (--add {offer}).")


def test_an_epoch_that_the_source_does_not_know_is_no_other_package() -> None:
    found = presence.marked(reference("a-1-1", "a-1-1.x86_64", "b-2:1-1.x86_64"), contents("a-1-1.x86_64", "b-1-1.x86_64", of="a-1-1"))
    assert [package.in_image for package in found.builds[0].packages] == [True, True] and found.builds[0].offer == ()


@pytest.mark.parametrize("of", [presence.Contents(error=errors.Unsolvable("no")), contents(of="other-1-1")])
def test_what_was_not_solved_is_not_known(of: presence.Contents) -> None:
    told = reference("a-1-1", "a-1-1.x86_64")
    assert presence.marked(told, of) == told


def test_a_check_that_breaks_is_an_error_of_the_service() -> None:
    def broken(*_: object) -> None:
        raise KeyError("mistake")

    image = presence.Image(kind="live", owner="you", request=broken, check=broken)  # type: ignore[arg-type]
    assert isinstance(presence.contents(image, []).error, errors.ServiceError)
