# SPDX-License-Identifier: MIT
"""Media and virtual machines for the demo's installer, and what it installed: no network, one serial line, disks that are given."""

from __future__ import annotations

import contextlib
import dataclasses
import pathlib
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator

import requests

from ondemand.builds import BuildRecord
from ondemand_consumer import console, machines

INSTALLING, STARTING = 2400.0, 900.0
"""Seconds for an emulated machine that shares its cores."""
NAMES = ("ondemand-greeting", "ondemand-hello", "ondemand-libs")
DISK = 4 * 1024**3
RELEASED = b"demo-installer: the disk is written and released"


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


@dataclasses.dataclass(frozen=True, kw_only=True)
class Installed:
    """A medium that the service made, the disk that it filled by itself, and what its installer and its whole console said meanwhile."""

    record: BuildRecord
    disk: pathlib.Path
    said: list[str]
    text: str

    def phases(self) -> list[str]:
        """The phases that the installer named, in their order."""
        return list(dict.fromkeys(line.split(": ")[1].split(",")[0] for line in self.said))


def image(record: BuildRecord, folder: pathlib.Path) -> pathlib.Path:
    """The published image, fetched."""
    (artifact,) = (item for item in record.artifacts if item.role == "image")
    path = folder / artifact.name
    with requests.get(artifact.url, timeout=60, stream=True) as answer, path.open("wb") as file:
        shutil.copyfileobj(answer.raw, file)
    return path


def install(record: BuildRecord, folder: pathlib.Path, *discs: pathlib.Path) -> Installed:
    """Starts the medium in a machine with an empty disk and further `discs`, until the disk is released: an emulated machine
    takes minutes to end by itself."""
    disk = folder / "disk"
    with disk.open("wb") as file:
        file.truncate(DISK)
    drives = [f"file={disk},cache=unsafe", *(f"file={disc},readonly=on" for disc in discs)]
    with machine(folder / "one", image(record, folder), *drives, credentials={}) as (process, serial):
        def over() -> bool:
            said = serial.read_bytes() if serial.exists() else b""
            return process.poll() is not None or RELEASED in said or b"demo-installer: error" in said

        text = follow(serial, console.Console(token=""), over, INSTALLING)
    assert "demo-installer: finished" in text and RELEASED.decode() in text, text[-3000:]
    said = [line for line in text.splitlines() if line.startswith("demo-installer: ")]
    return Installed(record=record, disk=disk, said=said, text=text)


def start(made: Installed, folder: pathlib.Path) -> None:
    """Boots the disk alone: it runs, and has the wanted builds by NEVRA and header digest."""
    said = console.Console(token=machines.token())
    credentials = {"ondemand.token": said.token, "ondemand.wanted": " ".join(NAMES)}
    with machine(folder / "other", made.disk, credentials=credentials) as (process, serial):
        text = follow(serial, said, lambda: bool(said.blocks) or process.poll() is not None, STARTING)
    wanted = {item.nevra: item.checksums["header-sha256"] for item in made.record.wanted}
    wanted = {nevra: digest for nevra, digest in wanted.items() if nevra.rsplit("-", 2)[0] in NAMES}
    assert said.blocks, text[-3000:]
    assert said.packages == wanted and len(wanted) == len(NAMES) and said.root.startswith("ext4") and said.state == "running"
