# SPDX-License-Identifier: MIT
"""A source tree of lorax is started by programs of its own names, and stays as it was."""

from __future__ import annotations

import pathlib
import subprocess

import pytest

from tests.tools import lorax_source

PROGRAM = """import sys
import pylorax
print(sys.argv[0].rpartition("/")[2], sys.argv[1:], pylorax.vernum)
"""
SPEC = "Name:           lorax\nVersion:        40.0\nRelease:        1%{?dist}\n"


@pytest.mark.parametrize("place", ["sbin", "bin"])
def test_the_programs_say_the_version_of_the_spec_file_and_get_their_words(tmp_path: pathlib.Path, place: str) -> None:
    source, folder = tmp_path / "source", tmp_path / "programs"
    (source / "src" / "pylorax").mkdir(parents=True)
    (source / "src" / place).mkdir()
    (source / "lorax.spec").write_text(SPEC)
    (source / "src" / "pylorax" / "__init__.py").write_text("import pylorax.version\nvernum = pylorax.version.num\n")
    for name in lorax_source.PROGRAMS:
        (source / "src" / place / name).write_text(PROGRAM)
    lorax_source.write(source, folder)
    said = subprocess.run((folder / "lorax", "-V"), capture_output=True, text=True, timeout=30, check=True).stdout
    assert said == "lorax ['-V'] 40.0-1\n"
    assert not list(source.rglob("__pycache__"))


def test_a_tree_without_a_version_is_none(tmp_path: pathlib.Path) -> None:
    (tmp_path / "lorax.spec").write_text("Name: lorax\n")
    with pytest.raises(ValueError, match="names no version"):
        lorax_source.version(tmp_path)
