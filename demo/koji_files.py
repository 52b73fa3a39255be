# SPDX-License-Identifier: MIT
"""Puts built packages where Koji keeps them: plain copies, signed copies by key, and files of scratch tasks.

Follows koji.PathInfo's layout by hand, so that a mistake in either shows in the tests that use both.
"""

from __future__ import annotations

import collections.abc
import dataclasses
import hashlib
import pathlib
import shutil

from demo import builds, rpms, signing

SCRATCH_TASK = 9100
SCRATCH_CHILD = 9101


@dataclasses.dataclass(frozen=True, kw_only=True)
class Signature:
    """One copy of a file: `key_id` are Koji's eight digits, "" for the unsigned copy; digests are of the whole file."""

    key_id: str
    sha256: str
    md5: str


Signatures = dict[str, list[Signature]]


def build_folder(folder: pathlib.Path, build: builds.Build) -> pathlib.Path:
    """Return Koji's folder of a build."""
    source = build.source
    return folder / "packages" / source.name / source.version / source.release


def signed_path(folder: pathlib.Path, build: builds.Build, rpm: rpms.Rpm, key: signing.Key) -> pathlib.Path:
    """Return the place of the copy of `rpm` that carries the signature of `key`."""
    return build_folder(folder, build) / "data" / "signed" / key.key_id / rpm.arch / rpm.path.name


def task_folder(folder: pathlib.Path, task: int) -> pathlib.Path:
    """Return Koji's folder of a task's output."""
    return folder / "work" / "tasks" / str(task % 10000) / str(task)


def place(
    folder: pathlib.Path,
    own: collections.abc.Sequence[tuple[builds.Build, list[rpms.Rpm]]],
    keys: collections.abc.Mapping[builds.Trust, signing.Key],
) -> Signatures:
    """Copy every build to its place and sign what is signed; return signatures by NVRA.

    What the stranger signed carries that signature in the plain copy too, as an imported package does.
    """
    to_sign: dict[builds.Trust, list[pathlib.Path]] = {trust: [] for trust in keys}
    for build, found in own:
        for rpm in found:
            plain, *signed = _targets(folder, build, rpm, keys)
            for target in (plain, *signed):
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(rpm.path, target)
            if signed:
                to_sign[build.trust] += [plain, *signed] if build.trust is builds.Trust.STRANGER else signed
    for trust, paths in to_sign.items():
        signing.sign(keys[trust], paths)
    for build, _ in own:
        if build.place is builds.Place.SCRATCH:
            (task_folder(folder, SCRATCH_CHILD) / "build.log").write_text("The scratch build succeeded.\n")
    return {
        rpm.path.name.removesuffix(".rpm"): _copies(folder, build, rpm, keys)
        for build, found in own
        if build.place is not builds.Place.SCRATCH
        for rpm in found
    }


def _copies(
    folder: pathlib.Path,
    build: builds.Build,
    rpm: rpms.Rpm,
    keys: collections.abc.Mapping[builds.Trust, signing.Key],
) -> list[Signature]:
    plain, *signed = _targets(folder, build, rpm, keys)
    copies = [] if build.trust is builds.Trust.STRANGER else [_signature(plain, "")]
    return copies + [_signature(path, keys[build.trust].key_id) for path in signed]


def _targets(
    folder: pathlib.Path,
    build: builds.Build,
    rpm: rpms.Rpm,
    keys: collections.abc.Mapping[builds.Trust, signing.Key],
) -> list[pathlib.Path]:
    if build.place is builds.Place.SCRATCH:
        return [task_folder(folder, SCRATCH_CHILD) / rpm.path.name]
    plain = build_folder(folder, build) / rpm.arch / rpm.path.name
    return [plain, signed_path(folder, build, rpm, keys[build.trust])] if build.trust in keys else [plain]


def _signature(path: pathlib.Path, key_id: str) -> Signature:
    content = path.read_bytes()
    md5 = hashlib.md5(content, usedforsecurity=False).hexdigest()
    return Signature(key_id=key_id, sha256=hashlib.sha256(content).hexdigest(), md5=md5)
