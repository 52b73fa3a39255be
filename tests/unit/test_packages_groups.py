# SPDX-License-Identifier: MIT
"""Groups become package names."""

from __future__ import annotations

from ondemand_web.packages import groups

ONE = """<comps><group><id>core</id><name>Core</name><packagelist><packagereq type="mandatory">bash</packagereq>
<packagereq type="optional">zsh</packagereq></packagelist></group></comps>"""
TWO = """<comps><group><id>web</id><name>Web</name><packagelist><packagereq type="default">curl</packagereq>
</packagelist></group><environment><id>server</id><name>Server</name><grouplist><groupid>core</groupid>
<groupid>gone</groupid></grouplist></environment></comps>"""


def test_mandatory_and_default_packages_are_taken() -> None:
    found = groups.Groups([ONE, TWO]).expand(["core", "Web"], None)
    assert found.packages == ("bash", "curl") and found.unknown == ()


def test_an_environment_brings_its_groups_and_tells_which_are_missing() -> None:
    found = groups.Groups([ONE, TWO]).expand([], "server")
    assert found.packages == ("bash",) and found.unknown == ("gone",)


def test_an_environment_may_stand_among_the_groups_and_a_group_of_that_name_comes_first() -> None:
    assert groups.Groups([ONE, TWO]).expand(["server", "web"], None).packages == ("bash", "curl")
    assert groups.Groups([ONE, TWO.replace('<id>web</id>', '<id>server</id>')]).expand(["server"], None).packages == ("curl",)


def test_unknown_names_are_told() -> None:
    known = groups.Groups([ONE, "", "no xml"])
    assert known.expand(["nothing"], "none").unknown == ("none", "nothing")
    assert known.names() == ["core"]
