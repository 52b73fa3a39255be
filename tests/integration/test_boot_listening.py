# SPDX-License-Identifier: MIT
"""GRUB itself, under BIOS and UEFI: its kernel is told to log to the serial line where the boot proof's disk is, else not."""

from __future__ import annotations

import pathlib
import subprocess

import pytest

from ondemand_consumer import console, firmware, machines
from ondemand_consumer.firmware import Firmware
from ondemand_plugins.backends import boot_files
from tests import boot_iso_parts, builder_parts

pytestmark = pytest.mark.slow
SPOKEN = ("console=ttyS0,115200", "loglevel=7")
MODULES = ("test", "echo", "serial", "terminal", "halt", "search", "search_label")
# Without its own command `linux` this GRUB takes the function, which says what the command would have been told.
MENU = """\
serial --unit=0 --speed=115200
terminal_output serial
function linux { echo [ $@ ]; halt; }
set timeout=0
"""
ENTRY = """\
menuentry 'Install' {
	linux /vmlinuz inst.stage2=hd:LABEL=New quiet
}
"""


@pytest.mark.parametrize("kind", [Firmware.BIOS, Firmware.UEFI])
@pytest.mark.parametrize("listening", [True, False])
def test_the_default_entry_is_told_to_speak_only_where_somebody_listens(tmp_path: pathlib.Path, kind: Firmware, listening: bool) -> None:
    builder_parts.need(machines.program())
    menu = (MENU + boot_files.edited(ENTRY, "New", (), SPOKEN)).replace("{", "{{").replace("}", "}}")
    image = boot_iso_parts.boot_iso(tmp_path, menu=menu, modules=MODULES)
    text = said(tmp_path, image, kind, machines.listening_disk(tmp_path) if listening else None)
    words = ("/vmlinuz", "inst.stage2=hd:LABEL=New", "quiet", *(SPOKEN if listening else ()))
    assert "".join(text.split()).endswith(f"[{''.join(words)}]") and "error:" not in text, text


def said(folder: pathlib.Path, image: pathlib.Path, kind: Firmware, listener: pathlib.Path | None) -> str:
    """What the serial line heard until the machine halted."""
    serial, described = folder / "serial", firmware.available()
    words = machines.argv(
        image,
        acceleration=machines.TCG,
        memory=512,
        console=serial,
        firmware=folder / "firmware",
        qmp=folder / "qmp",
        credentials={},
        extra=firmware.words(described[kind], folder) if kind in described else (),
        listener=listener,
    )
    subprocess.run(words, cwd=folder, timeout=600, check=True, capture_output=True)
    return console.clean(serial.read_text("utf-8", "replace"))
