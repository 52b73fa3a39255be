# SPDX-License-Identifier: MIT
"""What remastering a boot ISO costs beside copying it: a 300 MB boot.iso with a 50 MB side repository and a kickstart.

Ours: step build of the product with backend `remaster`, in namespaces, from the fetched boot.iso to the finished image with its
boot records checked and its media checksum implanted; the installer's package list is read for a wanted build. Raw: `cp` of that
boot.iso and `md5sum` of the result. Both write to the same disk, which is synchronised before each run; they take turns.
"""

from __future__ import annotations

import dataclasses
import os
import pathlib
import shutil
import statistics
import subprocess
import time
from collections.abc import Iterator

from ondemand import build_requests, locks
from ondemand_consumer import attempts, building, cache, repository, rpm_headers
from ondemand_plugins.backends import remaster
from tests import boot_iso_parts, builder_parts
from tests.bench import figures

ROUNDS = 5
_ISO = 300 * 10**6
_SIDE = 50 * 10**6
_RPMS = 10
_TIMEOUT = 600


def measure(folder: pathlib.Path) -> Iterator[dict[str, float]]:
    """`remaster_s`, `remaster_raw_s` and `remaster_ratio`, medians of ROUNDS runs of each."""
    figures.announce(f"{ROUNDS} remastered boot ISOs and {ROUNDS} plain copies")
    folder.mkdir(parents=True, exist_ok=True)
    iso = boot_iso_parts.boot_iso(folder, filling=_ISO - 5 * 10**6)
    rpms = [builder_parts.make_rpm(folder, f"side{number}", size=_SIDE // _RPMS) for number in range(_RPMS)]
    ours, raw = [], []
    for number in range(ROUNDS):
        os.sync()
        ours.append(_ours(_attempt(folder / f"ours-{number}", iso, rpms)))
        shutil.rmtree(folder / f"ours-{number}")
        os.sync()
        raw.append(_raw(iso, folder / "copy.iso"))
    print(figures.spread("remaster", ours, "s"))
    print(figures.spread("cp and md5sum", raw, "s"), flush=True)
    middle = statistics.median(raw)
    yield {
        "remaster_s": statistics.median(ours),
        "remaster_raw_s": middle,
        "remaster_ratio": statistics.median(ours) / middle,
    }


def _attempt(folder: pathlib.Path, iso: pathlib.Path, rpms: list[pathlib.Path]) -> attempts.Attempt:
    """An attempt whose RPMs and boot.iso lie there as step fetch leaves them, and whose side repository is made."""
    packages = tuple(builder_parts.locked(rpm, "http://x", wanted=True, build="side-1-1", origin=locks.SIDE_REPOSITORY) for rpm in rpms)
    published = locks.BootIso(urls=(), sha256=rpm_headers.sha256(iso), size=iso.stat().st_size)
    lock = builder_parts.make_lock(*packages).model_copy(update={"image_type": "boot", "boot_iso": published})
    plain = builder_parts.make_attempt(folder, lock)
    request = build_requests.BuildRequest(release="demo", image_type=build_requests.ImageType.BOOT)
    attempt = dataclasses.replace(plain, assignment=plain.assignment.model_copy(update={"request": request}))
    cache.place(iso, attempt.boot_iso)
    for rpm in rpms:
        cache.place(rpm, attempt.repository / rpm.name)
    repository.create_side(attempt)
    return attempt


def _ours(attempt: attempts.Attempt) -> float:
    began = time.perf_counter()
    image, proof = building.build(attempt, remaster.RemasterBackend())
    taken = time.perf_counter() - began
    assert proof.held and image.stat().st_size > _ISO + _SIDE
    return taken


def _raw(iso: pathlib.Path, copy: pathlib.Path) -> float:
    began = time.perf_counter()
    subprocess.run(("cp", str(iso), str(copy)), check=True, timeout=_TIMEOUT)
    subprocess.run(("md5sum", str(copy)), check=True, timeout=_TIMEOUT, stdout=subprocess.DEVNULL)
    taken = time.perf_counter() - began
    copy.unlink()
    return taken
