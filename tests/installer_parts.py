# SPDX-License-Identifier: MIT
"""Media and a virtual machine for the demo's installer: no network, one serial line, disks that are given."""

from __future__ import annotations

import contextlib
import pathlib
import subprocess
import time
from collections.abc import Callable, Iterator

from ondemand_consumer import console, machines


def iso(target: pathlib.Path, volume: str, **content: pathlib.Path) -> pathlib.Path:
    """Writes a disc with `content` by name in its top folder; an underscore stands for the dot of a file."""
    words = ["xorriso", "-as", "mkisofs", "-quiet", "-R", "-J", "-V", volume, "-o", str(target), "-graft-points"]
    grafts = [f"{name.replace('_', '.')}={path}" for name, path in content.items()]
    subprocess.run([*words, *grafts], check=True, capture_output=True, timeout=120)
    return target


@contextlib.contextmanager
def machine(
    folder: pathlib.Path, image: pathlib.Path, *drives: str, credentials: dict[str, str]
) -> Iterator[tuple[subprocess.Popen[bytes], pathlib.Path]]:
    """A machine that boots `image` by its own boot loader, with `drives` beside it; also the file of its console."""
    folder.mkdir()
    serial = folder / "serial"
    words = machines.argv(
        image,
        acceleration=machines.TCG,
        memory=2048,
        console=serial,
        firmware=folder / "firmware",
        qmp=folder / "qmp",
        credentials=credentials,
    )
    # What it writes on its first disk is forgotten, too.
    words = [word.replace("readonly=on", "snapshot=on") for word in words]
    for drive in drives:
        words += ["-drive", f"{drive},if=virtio,format=raw"]
    with subprocess.Popen(words, cwd=folder) as process:
        try:
            yield process, serial
        finally:
            process.kill()


def follow(serial: pathlib.Path, said: console.Console, over: Callable[[], bool], seconds: float) -> str:
    """Reads the console until `over`, or for so long; returns all that it said."""
    until = time.monotonic() + seconds
    text = ""
    while True:
        # Asked before the last look, which then sees all that was said until that.
        ended = over() or time.monotonic() > until
        whole = console.clean(serial.read_text("utf-8", "replace")) if serial.exists() else ""
        said.feed(whole[len(text) :])
        text = whole
        if ended:
            return text
        time.sleep(1)
