# SPDX-License-Identifier: MIT
"""Attempts at images of the demo release that follow each other on one builder, and what is in an image, file by file."""

from __future__ import annotations

import dataclasses
import hashlib
import pathlib
import shutil
import subprocess
from typing import Any

from demo import builds as story
from ondemand import build_requests, plugins
from ondemand_consumer import attempts, building, fetching, repository, verification
from ondemand_plugins.backends import kiwi
from ondemand_plugins.sources import bodhi_updates, koji_builds
from ondemand_web.packages import checking
from tests import builder_parts, source_parts

PRESET = pathlib.Path(__file__).parents[1] / "config" / "presets" / "demo-live.ks"
BEFORE, NEWER = (story.NAMES["update"],), (story.NAMES["update"], story.NAMES["koji_build"])


@dataclasses.dataclass(frozen=True, kw_only=True)
class Image:
    """An image as the builder's own steps made it; `reused` is what its proof says, `packages` what is in it."""

    path: pathlib.Path
    reused: list[dict[str, Any]]
    packages: list[verification.Installed]


class Builder:
    """Makes images of the demo release, with one cache for all; `servers` is the address of the demo's servers."""

    def __init__(self, folder: pathlib.Path, distribution: pathlib.Path, servers: str) -> None:
        self._folder = folder
        self._release = source_parts.demo_release(folder / "config", distribution, servers)

    def attempt(self, name: str, wanted: tuple[str, ...], **changes: Any) -> attempts.Attempt:
        """An attempt with these builds; `changes` are settings of the builder. All have one build's number and label."""
        request = build_requests.validate({"release": "demo", "builds": wanted, "add_packages": ["ondemand-greeting"]})
        sources: dict[str, plugins.Source] = {"koji": koji_builds.KojiBuilds(), "bodhi": bodhi_updates.BodhiUpdates()}
        lock, kickstart = checking.check(request, self._release, PRESET.read_text(), sources, self._folder / "snapshots")
        plain = builder_parts.make_attempt(self._folder / name, lock, cache=self._folder / "cache", **changes)
        parts = {"request": request, "release": self._release, "kickstart": kickstart.text}
        return dataclasses.replace(plain, assignment=plain.assignment.model_copy(update=parts))

    def image(self, name: str, wanted: tuple[str, ...], **changes: Any) -> Image:
        """The image of such an attempt, held to its lock."""
        attempt = self.attempt(name, wanted, **changes)
        files = fetching.fetch(attempt)
        repository.create(attempt)
        path, built = building.build(attempt, kiwi.KiwiBackend())
        proof, _ = verification.contains(attempt, path, files, closed=True)
        assert proof.held
        listed = verification.parse((attempt.proof / "packages").read_text(), attempt.assignment.lock)
        return Image(path=path, reused=built.facts["reused"], packages=listed)


def files(image: pathlib.Path, work: pathlib.Path) -> dict[str, tuple[object, ...]]:
    """Every path in the ISO, its root and its initramfs, with kind, mode, owner and digest or target."""
    iso, root, initramfs = work / "iso", work / "root", work / "initramfs"
    initramfs.mkdir(parents=True)
    builder_parts.run("xorriso", "-osirrox", "on", "-indev", str(image), "-extract", "/", str(iso))
    builder_parts.run("unsquashfs", "-no-progress", "-dest", str(root), str(iso / "LiveOS" / "squashfs.img"))
    _unpack(iso / "boot" / "x86_64" / "loader" / "initrd", root, initramfs)
    return {f"{tree.name}/{path.relative_to(tree)}": _entry(path) for tree in (iso, root, initramfs) for path in tree.rglob("*")}


def _entry(path: pathlib.Path) -> tuple[object, ...]:
    info = path.lstat()
    what = ""
    if path.is_symlink():
        what = str(path.readlink())
    elif path.is_file():
        what = hashlib.sha256(path.read_bytes()).hexdigest()
    return oct(info.st_mode), info.st_uid, info.st_gid, what


def _unpack(image: pathlib.Path, root: pathlib.Path, target: pathlib.Path) -> None:
    """As the kernel does it, by the root's own programs: one archive after the other."""
    data = image.read_bytes()
    last = data.rindex(b"070701", 0, data.rindex(b"070701")) if b"TRAILER!!!" in data[-20:] else len(data)
    place = root / "unpacked"
    place.mkdir()
    for number, piece in enumerate(filter(None, (data[:last], data[last:]))):
        if number == 0:
            # It complains of the zeros behind, which the kernel skips; cpio would of a piece too few.
            done = subprocess.run(("chroot", str(root), "zstd", "-dc"), input=piece, check=False, capture_output=True, timeout=120)
            piece = done.stdout
        argv = ("chroot", str(root), "cpio", "-idmu", "--quiet", "-D", "/unpacked")
        subprocess.run(argv, input=piece, check=True, capture_output=True, timeout=120)
    shutil.copytree(place, target, symlinks=True, dirs_exist_ok=True, ignore_dangling_symlinks=True, ignore=_devices)
    shutil.rmtree(place)


def _devices(folder: str, names: list[str]) -> list[str]:
    here = pathlib.Path(folder)
    return [name for name in names if (here / name).is_char_device() and not (here / name).is_symlink()]
