# SPDX-License-Identifier: MIT
"""What a medium says of itself, in the forms that installers read."""

from __future__ import annotations

import configparser
import json

from ondemand_plugins.backends import media_files
from tests.tools import tree

MEDIUM = media_files.Medium(
    product="Fedora",
    short="Fedora",
    version="44",
    variant="Server",
    arch="x86_64",
    time=1_700_000_000.25,
    stage2="images/install.img",
    images={"kernel": "images/pxeboot/vmlinuz"},
    checksums={"images/install.img": "ab" * 32},
)


def test_treeinfo_names_the_runtime_the_repository_and_every_checksum() -> None:
    read = configparser.RawConfigParser()
    read.read_string(media_files.treeinfo(MEDIUM))
    assert read["stage2"]["mainimage"] == "images/install.img" and read["images-x86_64"]["kernel"] == "images/pxeboot/vmlinuz"
    assert read["variant-Server"]["repository"] == "." and read["general"]["packagedir"] == "Packages"
    assert read["checksums"]["images/install.img"] == "sha256:" + "ab" * 32
    assert read["tree"]["build_timestamp"] == "1700000000" and read.sections() == sorted(read.sections())


def test_a_medium_without_a_variant_is_called_after_its_product() -> None:
    assert "[variant-Fedora]" in media_files.treeinfo(MEDIUM.__class__(**{**vars(MEDIUM), "variant": ""}))


def test_discinfo_and_media_repo_name_the_same_moment() -> None:
    first = media_files.discinfo(MEDIUM).splitlines()[0]
    assert media_files.discinfo(MEDIUM) == "1700000000.250000\n44\nx86_64\n"
    assert f"mediaid={first}\n" in media_files.media_repo(MEDIUM, first)


def test_productmd_reads_both_files_and_writes_treeinfo_again_as_it_was() -> None:
    read = json.loads((tree.ROOT / "tests" / "data" / "productmd_forms.json").read_text("utf-8"))
    lines = [line for line in read["treeinfo"].splitlines() if not line.startswith(";")]
    assert lines == media_files.treeinfo(MEDIUM).splitlines()
    known = {"timestamp": MEDIUM.time, "description": MEDIUM.version, "arch": MEDIUM.arch, "disc_numbers": ["ALL"]}
    assert read["discinfo"] == known
