# SPDX-License-Identifier: MIT
"""What a kiwi description asks for is what kiwi itself reads out of it; XML that reaches elsewhere is refused."""

from __future__ import annotations

import pathlib

import pytest
from kiwi.xml_description import XMLDescription
from kiwi.xml_state import XMLState

from ondemand import description_packages, descriptions, errors, kickstarts
from tests import preset_parts as parts


def test_it_is_what_kiwi_reads() -> None:
    state = XMLState(XMLDescription(str(parts.SOURCE / "Demo.kiwi")).load(), profiles=[parts.PROFILE], build_type="iso")
    found = parts.tree().selection()
    # kiwi adds its package manager, with which it would install from inside the image.
    assert {*state.get_bootstrap_packages(), *state.get_system_packages()} - {"dnf5"} == {*found.packages}
    assert state.get_collections() == [*found.groups] == ["core", "live"]
    assert state.get_system_ignore_packages() == [*found.excluded] == ["ondemand-*-debug*"]
    assert (state.get_collection_type() == "plusRecommended") is found.recommends is True
    assert {*state.profiles} == {*parts.tree().profiles} == {"Console-Live", "Live", "Common"}


def test_it_says_the_same_as_a_kickstart() -> None:
    read = kickstarts.parse(parts.tree().selection().kickstart(), "F44")
    assert (read.packages, read.groups, read.excluded) == (("filesystem", "ondemand-hello"), ("core", "live"), ("ondemand-*-debug*",))
    assert (read.language, read.keyboard, read.timezone) == ("C", "us", "UTC")


def test_without_a_profile_those_count_that_are_imported(tmp_path: pathlib.Path) -> None:
    text = (parts.SOURCE / "components" / "live.xml").read_text()
    imported = text.replace('name="Live"', 'name="Live" import="true"')
    source = parts.changed(tmp_path, components__live_xml=imported)
    assert parts.tree(source, None).profiles == ("Live",)
    with pytest.raises(errors.InvalidRequest, match="with no profile it makes no image of type iso"):
        parts.tree(profile=None).selection()


@pytest.mark.parametrize(
    ("profile", "said"),
    [("Nothing", "no profile «Nothing» for x86_64, only: Common, Console-Disk"), ("Console-Disk", "makes no image of type iso")],
)
def test_a_profile_that_makes_no_live_image_is_refused(profile: str, said: str) -> None:
    with pytest.raises(errors.InvalidRequest, match=said):
        parts.tree(profile=profile).selection()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('<!DOCTYPE image [<!ENTITY x SYSTEM "file:///etc/passwd">]><image>&x;</image>', "no plain XML"),
        ('<!DOCTYPE image [<!ENTITY a "aa"><!ENTITY b "&a;&a;">]><image>&b;</image>', "no plain XML"),
        ("<image><packages></image>", "no plain XML"),
        ('<image><include from="this://../../../etc/passwd"/></image>', "no further file of it"),
        ('<image><include from="file:///etc/passwd"/></image>', "no further file of it"),
        ('<image><include from="https://evil.example/x.xml"/></image>', "no further file of it"),
        ('<image><include from="this://./Demo.kiwi"/></image>', "no further file of it"),
        ('<image><packages type="delete"><package name="bash"/></packages></image>', "takes packages away again"),
        ('<image><packages type="image"><package name="-bash"/></packages></image>', "which is none"),
        ('<image><packages type="image"><package name="a&#10;%post"/></packages></image>', "which is none"),
    ],
)
def test_what_reaches_elsewhere_or_no_lock_can_hold_is_refused(tmp_path: pathlib.Path, text: str, said: str) -> None:
    source = parts.changed(tmp_path, teams__console_xml=text)
    with pytest.raises(errors.InvalidRequest, match=said):
        parts.tree(source, "Live").selection()


def test_includes_have_a_limit(tmp_path: pathlib.Path) -> None:
    lines = '<include from="this://./repositories/core.xml"/>' * 600
    with pytest.raises(errors.InvalidRequest, match="more than 500 times"):
        parts.tree(parts.changed(tmp_path, teams__console_xml=f"<image>{lines}</image>"))


def test_what_is_included_again_and_again_counts_each_time() -> None:
    files = {"config.xml": "<image>" + '<include from="this://a.xml"/>' * 500 + "</image>", "a.xml": f"<a>{'<b/>' * 11_000}</a>"}
    with pytest.raises(errors.InvalidRequest, match="over 100000 elements"):
        description_packages.Tree(descriptions.of_texts("own", files, None, None), "x86_64")
