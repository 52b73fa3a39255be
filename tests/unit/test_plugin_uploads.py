# SPDX-License-Identifier: MIT
"""Source upload: an RPM by its digest, from what the catalog knows of it."""

from __future__ import annotations

import pathlib

import pytest

from ondemand import errors, plugins, references, releases
from ondemand_plugins.sources import uploads
from tests import source_parts, universe_parts

DIGEST = "ab" * 32


class _Catalog(source_parts.NoCatalog):
    """Knows one upload."""

    def __init__(self, arch: str) -> None:
        self.rpm = plugins.SourceRpm(
            name="ball",
            epoch=1,
            version="2",
            release="3",
            arch=arch,
            urls=("http://m/x.rpm",),
            checksums={"sha256": DIGEST},
            file=pathlib.Path("x"),
        )

    def upload(self, sha256: str) -> plugins.SourceRpm | None:
        """It, or none."""
        return self.rpm if sha256 == DIGEST else None


def resolve(digest: str = DIGEST, arch: str = "noarch") -> plugins.Resolution:
    """What an upload becomes for x86_64."""
    release: releases.Release = universe_parts.release("http://m", "main")
    return uploads.Uploads().resolve(references.parse(f"upload:{digest}"), release, "x86_64", _Catalog(arch))


@pytest.mark.parametrize("arch", ["noarch", "x86_64"])
def test_it_is_one_build_of_one_package_to_be_installed(arch: str) -> None:
    found = resolve(arch=arch)
    (build,) = found.builds
    assert (build.nvr, build.scratch, found.install) == ("ball-2-3", True, ("ball",))
    assert build.rpms[0].arch == arch and found.identity == f"upload:{DIGEST}"


def test_one_that_is_not_there_is_told_with_what_to_do() -> None:
    with pytest.raises(errors.UnknownReference, match=r"never uploaded here, or was swept since; upload the file again\.$"):
        resolve("0" * 64)


def test_one_for_another_architecture_is_refused() -> None:
    with pytest.raises(errors.UnknownReference, match=r"ball-2-3\.aarch64 can't be used, because the image is for x86_64"):
        resolve(arch="aarch64")
