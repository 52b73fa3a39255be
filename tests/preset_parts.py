# SPDX-License-Identifier: MIT
"""Parts for tests of presets: the kiwi description in tests/data, as it lies or with files changed. Tests no thing itself."""

from __future__ import annotations

import pathlib
import shutil

from ondemand import description_packages, descriptions

FOLDER = pathlib.Path(__file__).resolve().parent / "data" / "kiwi_presets"
SOURCE = FOLDER / "demo-descriptions"
PROFILE = "Console-Live"


def changed(folder: pathlib.Path, **files: str) -> pathlib.Path:
    """A copy of the description in `folder`; a file's name is given as `components__live_xml`."""
    made = shutil.copytree(SOURCE, folder / "demo-descriptions")
    for name, text in files.items():
        path = made / name.replace("__", "/").replace("_", ".")
        path.write_text(text)
    return made


def description(folder: pathlib.Path = SOURCE, profile: str | None = PROFILE) -> descriptions.Description:
    """The description in a folder."""
    return descriptions.read(folder, "Demo.kiwi", profile)


def tree(folder: pathlib.Path = SOURCE, profile: str | None = PROFILE) -> description_packages.Tree:
    """Its tree for x86_64."""
    return description_packages.Tree(description(folder, profile), "x86_64")
