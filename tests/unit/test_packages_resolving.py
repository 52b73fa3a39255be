# SPDX-License-Identifier: MIT
"""What references became, held against each other and against the repositories."""

from __future__ import annotations

import dataclasses

from ondemand import plugins, references
from ondemand_web.packages import resolving

RPM = plugins.SourceRpm(
    name="tool", epoch=0, version="1", release="1", arch="x86_64", urls=("http://x/tool.rpm",), checksums={"sigmd5": "aa"}
)
BUILD = plugins.SourceBuild(nvr="tool-1-1", rpms=(RPM,), scratch=True)
SCRATCH = plugins.Resolution(reference=references.parse("task:1"), builds=(BUILD,))
KOJI = plugins.Resolution(reference=references.parse("tool-1-1"), builds=(dataclasses.replace(BUILD, scratch=False),))


def test_a_scratch_build_that_calls_itself_like_a_package_of_the_repositories_is_refused() -> None:
    (refused,) = resolving.clashes([SCRATCH], lambda nevra: nevra == ("tool", "1-1", "x86_64"))
    assert "task:1 holds tool-1-1.x86_64" in refused.sentence and "another package of that very name" in refused.sentence


def test_an_upload_is_welcome_that_is_the_repositories_own_file() -> None:
    rpm = dataclasses.replace(RPM, checksums={"sha256": "aa"})
    upload = dataclasses.replace(SCRATCH, builds=(dataclasses.replace(BUILD, rpms=(rpm,)),))
    assert not list(resolving.clashes([upload], lambda _: True, lambda _, sha256: sha256 == "aa"))
    assert list(resolving.clashes([upload], lambda _: True, lambda _, sha256: sha256 == "bb"))


def test_a_build_that_the_repositories_have_is_welcome() -> None:
    assert not list(resolving.clashes([KOJI], lambda _: True))


def test_the_same_package_twice_is_refused_only_with_other_bytes() -> None:
    other = dataclasses.replace(RPM, checksums={"sigmd5": "bb"})
    scratch = dataclasses.replace(SCRATCH, builds=(dataclasses.replace(BUILD, rpms=(other,)),))
    (refused,) = resolving.contradictions([KOJI, scratch])
    assert "tool is wanted at 1-1 (of tool-1-1) and at 1-1 (of task:1)" in refused.sentence
    assert not list(resolving.contradictions([KOJI, SCRATCH]))
