# SPDX-License-Identifier: MIT
"""Finds and mounts, for reading only, what a place names: a folder or file on a disk, on a disc or in memory.

There is no network here: what an address of HTTP names is taken by its path from a disc with the label MIRROR.
"""

from __future__ import annotations

import pathlib
import time
import urllib.parse

from demo.installer import programs

REPOSITORY = pathlib.Path("/run/install/repo")
"""Where Fedora's installer has its own medium mounted, and kickstarts expect it."""
MIRROR = "MIRROR"
"""Label of the disc that stands for every server of packages."""
_MOUNTS = pathlib.Path("/run/demo-installer")
_PATIENCE = 30.0
"""Seconds to wait for a device to appear."""


class Media:
    """The media of one installation; `stage2` is where the runtime comes from, as inst.stage2= says."""

    def __init__(self, stage2: str) -> None:
        self._mounted: dict[pathlib.Path, pathlib.Path] = {}
        self._stage2 = stage2

    def mount_stage2(self) -> None:
        """Mount the runtime's own medium where file:///run/install/repo looks for it."""
        if self._stage2:
            root = self.path(self._stage2.partition("/")[0].rstrip(":") + ":/")
            REPOSITORY.mkdir(parents=True, exist_ok=True)
            programs.run("mount", "--bind", root, REPOSITORY)

    def path(self, place: str) -> pathlib.Path:
        """Return the path of `place`: hd:DEVICE:/path, cdrom[:DEVICE][:/path], file:/path, http://HOST/path. Raises Problem."""
        kind, _, rest = place.partition(":")
        if kind == "file":
            return pathlib.Path(urllib.parse.unquote(urllib.parse.urlsplit(place).path))
        device, _, inside = rest.partition(":")
        if kind == "cdrom":
            if device.startswith("/") and not inside and not device.startswith("/dev/"):
                device, inside = "", device
            if not device and self._stage2:
                device = self._stage2.split(":")[1]
            return self._mount(device or "/dev/sr0") / inside.lstrip("/")
        if kind == "hd" and device:
            return self._mount(device) / inside.lstrip("/")
        if kind in ("http", "https") and by_label(MIRROR).exists():
            return self._mount(f"LABEL={MIRROR}") / urllib.parse.unquote(urllib.parse.urlsplit(place).path).lstrip("/")
        raise programs.Problem(
            f"{place} can't be reached: this installer knows hd:, cdrom and file: and has no network; name a medium,"
            f" or attach a disc with the label {MIRROR} that holds it."
        )

    def _mount(self, name: str) -> pathlib.Path:
        device = _device(name)
        if device not in self._mounted:
            target = _MOUNTS / f"medium-{len(self._mounted)}"
            target.mkdir(parents=True)
            programs.run("mount", "-o", "ro", device, target)
            self._mounted[device] = target
        return self._mounted[device]


def by_label(label: str) -> pathlib.Path:
    """Return udev's link for a file system's label, whether or not it is there."""
    return pathlib.Path("/dev/disk/by-label") / label.replace(" ", "\\x20")


def _device(name: str) -> pathlib.Path:
    for prefix, folder in (("LABEL=", "label"), ("CDLABEL=", "label"), ("UUID=", "uuid")):
        if name.startswith(prefix):
            link = pathlib.Path("/dev/disk") / f"by-{folder}" / name.removeprefix(prefix).replace(" ", "\\x20")
            break
    else:
        link = pathlib.Path("/dev") / name.removeprefix("/dev/")
    until = time.monotonic() + _PATIENCE
    while not link.exists():
        if time.monotonic() > until:
            raise programs.Problem(f"No medium answers to {name}: attach it, or mend the name on the boot line.")
        time.sleep(0.5)
    return link.resolve()
