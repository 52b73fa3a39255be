# SPDX-License-Identifier: MIT
"""What the proof of a boot says of who spoke, and of which packages."""

from __future__ import annotations

import pathlib
from typing import Any

import pytest

from ondemand.locks import BootIso, LockedPackage
from ondemand_consumer import boot, console, firmware, machines
from tests import builder_parts, master_parts

SPEAKER = master_parts.LOCK.packages[0].model_copy(update={"name": console.PROOF_PACKAGE, "wanted": False})
PLAIN = SPEAKER.model_copy(update={"name": "plain"})
WANTED = SPEAKER.model_copy(update={"name": "wanted", "wanted": True})


def boot_of(folder: pathlib.Path, *packages: LockedPackage, asked: bool = True, **fields: Any) -> boot._Boot:
    lock = builder_parts.make_lock().model_copy(update={"packages": packages, **fields})
    attempt = builder_parts.make_attempt(folder, lock)
    return boot._Boot(attempt, folder / "i", (), folder / "s", machines.TCG, firmware.Firmware.BIOS, None, asked=asked)


@pytest.mark.parametrize(
    ("packages", "fields", "said"),
    [
        ((SPEAKER, WANTED), {}, boot._SPOKEN),
        ((SPEAKER, PLAIN), {}, boot._SPOKEN_UNASKED),
        ((SPEAKER, PLAIN), {"tree": (WANTED,)}, boot._SPOKEN_ELSEWHERE),
        ((SPEAKER, WANTED), {"tree": (WANTED,)}, boot._SPOKEN),
        ((SPEAKER, WANTED), {"asked": False}, boot._SPOKEN_WITHOUT_DATABASE),
        ((PLAIN, WANTED), {}, boot._MARKED),
        ((), {"tree": (SPEAKER, WANTED), "boot_iso": BootIso(urls=(), sha256="ab" * 32)}, boot._INSTALLER),
    ],
)
def test_who_spoke_is_said_and_of_what(
    tmp_path: pathlib.Path, packages: tuple[LockedPackage, ...], fields: dict[str, Any], said: str
) -> None:
    assert boot_of(tmp_path, *packages, **fields).how == said


@pytest.mark.parametrize(
    ("fields", "listens"), [({}, False), ({"tree": (WANTED,)}, True), ({"boot_iso": BootIso(urls=(), sha256="ab" * 32)}, True)]
)
def test_the_proof_s_own_disk_is_there_for_media_alone(tmp_path: pathlib.Path, fields: dict[str, Any], listens: bool) -> None:
    assert boot_of(tmp_path, SPEAKER, **fields)._medium is listens
