# SPDX-License-Identifier: MIT
"""What the proof of installation media says of their installer, and what its reader may see of the host."""

from __future__ import annotations

import dataclasses
import pathlib
from typing import Any

import pytest

from ondemand import errors, locks
from ondemand_consumer import attempts, fetching, media, namespaces, verification
from tests import builder_parts, master_parts

PUBLISHED = {"images/install.img": "ab" * 32}


def attempt(folder: pathlib.Path) -> attempts.Attempt:
    """An attempt at a remastered boot ISO without further packages."""
    lock = builder_parts.make_lock().model_copy(
        update={"image_type": "boot", "packages": (), "boot_iso": locks.BootIso(urls=(), sha256="ab" * 32)}
    )
    return builder_parts.make_attempt(folder, lock)


@pytest.mark.parametrize(
    ("further", "end"),
    [
        ({}, "the installer is the published one, byte for byte."),
        ({media.UPDATES: "cd" * 32}, "byte for byte, and runs modules out of images/updates.img instead of its own."),
    ],
)
def test_the_proof_tells_of_modules_that_the_installer_runs_instead_of_its_own(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, further: dict[str, str], end: str
) -> None:
    monkeypatch.setattr(media, "_read", lambda _, image, *folders: {**PUBLISHED, **(further if folders else {})})
    proof, error = media.contains(attempt(tmp_path), tmp_path / "image.iso", ())
    assert error is None and proof.how.endswith(end) and proof.facts["updates"] is bool(further)


def test_an_installer_made_for_the_image_is_held_to_the_lock_without_its_tree(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = master_parts.LOCK.packages[0].model_copy(update={"wanted": True})
    tree = (own.model_copy(update={"name": "only-in-the-tree"}),)
    lock = builder_parts.make_lock().model_copy(update={"image_type": "dvd", "packages": (own,), "tree": tree})
    files = [
        fetching.Fetched(package=package, path=tmp_path, sha256="ab" * 32, header="cd" * 32, from_cache=False)
        for package in lock.contents
    ]
    said = {name: getattr(own, name) for name in ("name", "epoch", "version", "release", "arch")}
    there = [verification.Installed(**said, header="cd" * 32)]
    read = {f"Packages/{tree[0].filename}": "ab" * 32, **PUBLISHED}
    monkeypatch.setattr(media, "_read", lambda _, image, *folders: read)
    monkeypatch.setattr(verification, "read", lambda _, image: there)
    made = builder_parts.make_attempt(tmp_path, lock)
    proof, error = media.contains(made, tmp_path / "image.iso", files)
    assert error is None
    assert proof.how.partition("; the installer was made for this image. Of the installer: ")[2] == verification._BY_DATABASE
    assert (proof.facts["database"], proof.facts["closed"], proof.facts["installer_packages"]) == (True, False, 1)
    assert proof.facts["wanted"].keys() == {own.nevra, tree[0].nevra}
    there.clear()
    proof, error = media.contains(made, tmp_path / "image.iso", files)
    assert isinstance(error, errors.WrongContents) and proof.facts["differences"] == [f"in the installer, missing: {own.nevra}"]


def test_what_reads_an_image_sees_as_little_of_the_host_as_its_tools(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: dict[str, Any] = {}
    monkeypatch.setattr(namespaces, "run", lambda argv, **words: asked.update(words) or 0)
    made = dataclasses.replace(attempt(tmp_path), hidden=(pathlib.Path("/secret"),))
    media.contains(made, tmp_path / "image.iso", ())
    assert asked["hidden"] == (pathlib.Path("/secret"),)
