# SPDX-License-Identifier: MIT
"""Presets are named with where they come from and the digest of what they are."""

from __future__ import annotations

import hashlib
import pathlib
import shutil

import pytest

from ondemand import errors, presets
from tests import preset_parts as parts

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def folder(tmp_path: pathlib.Path) -> pathlib.Path:
    made = shutil.copytree(parts.FOLDER, tmp_path / "presets")
    (made / "plain.ks").write_text("lang C\n%include more.ks\n")
    (made / "more.ks").write_text("timezone UTC\n")
    return made


def test_a_kickstart_s_digest_is_of_its_flattened_text(folder: pathlib.Path) -> None:
    (folder / "plain.toml").write_text(f'title = "Plain"\nupstream = "https://x.example/ks"\ncommit = "{COMMIT}"\n')
    found = presets.load(folder, "plain", "x86_64")
    assert found.text == "lang C\ntimezone UTC\n" and found.description is None
    assert (found.preset.kind, found.preset.title, found.preset.commit) == ("kickstart", "Plain", COMMIT)
    assert found.preset.sha256 == hashlib.sha256(found.text.encode()).hexdigest()


def test_a_kickstart_needs_no_file_that_tells_of_it(folder: pathlib.Path) -> None:
    found = presets.load(folder, "plain", "x86_64").preset
    assert (found.name, found.upstream, found.commit) == ("plain", None, None)


def test_a_kiwi_description_asks_in_a_kickstart_s_words(folder: pathlib.Path) -> None:
    found = presets.load(folder, "demo-console", "x86_64")
    assert found.description and found.preset.sha256 == found.description.digest() == parts.description().digest()
    assert (found.preset.kind, found.preset.profile, found.preset.commit) == ("kiwi", "Console-Live", COMMIT)
    assert "%packages --nocore\n@core\n@live\nfilesystem\nondemand-hello\n" in found.text


def test_a_change_in_the_folder_is_seen(folder: pathlib.Path) -> None:
    before = presets.load(folder, "demo-console", "x86_64").preset.sha256
    (folder / "demo-descriptions" / "welcome.txt").write_text("Come in.\n")
    assert presets.load(folder, "demo-console", "x86_64").preset.sha256 != before


def test_one_that_is_not_there_is_told_with_those_that_are(folder: pathlib.Path) -> None:
    with pytest.raises(errors.UnknownImageType, match="no preset «absent»; ask for one of: demo-console, more, plain"):
        presets.load(folder, "absent", "x86_64")


def test_all_are_told_of_and_a_broken_file_hides_no_other(folder: pathlib.Path) -> None:
    (folder / "plain.toml").write_text("title = ")
    told = {str(each["name"]): (each["kind"], each["title"], each["commit"]) for each in presets.every(folder)}
    assert told["demo-console"] == ("kiwi", "A console, from a kiwi description", COMMIT)
    assert told["plain"] == ("kickstart", None, None) and sorted(told) == ["demo-console", "more", "plain"]


@pytest.mark.parametrize("text", ["title = ", "surprise = 1\n", 'commit = "main"\n', 'folder = "../x"\n', 'upstream = "javascript:x"\n'])
def test_a_file_that_can_not_be_used_is_named(folder: pathlib.Path, text: str) -> None:
    (folder / "plain.toml").write_text(text)
    with pytest.raises(errors.InvalidRequest, match=r"preset file plain\.toml can't be used"):
        presets.load(folder, "plain", "x86_64")
