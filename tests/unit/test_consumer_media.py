# SPDX-License-Identifier: MIT
"""What the proof of media made out of a published boot.iso says, and what its reader may see of the host."""

from __future__ import annotations

import dataclasses
import pathlib
from typing import Any

import pytest

from ondemand import locks
from ondemand_consumer import attempts, media, namespaces
from tests import builder_parts

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


def test_what_reads_an_image_sees_as_little_of_the_host_as_its_tools(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: dict[str, Any] = {}
    monkeypatch.setattr(namespaces, "run", lambda argv, **words: asked.update(words) or 0)
    made = dataclasses.replace(attempt(tmp_path), hidden=(pathlib.Path("/secret"),))
    media.contains(made, tmp_path / "image.iso", ())
    assert asked["hidden"] == (pathlib.Path("/secret"),)
