# SPDX-License-Identifier: MIT
"""Step repo: repodata over exactly the locked RPMs, and the side repository for people. Adds and leaves out nothing.

The repodata are the same bytes for the same RPMs: their times are those of the newest package.
"""

from __future__ import annotations

import pathlib
import shutil
import tarfile
from collections.abc import Iterable
from typing import NamedTuple

import createrepo_c

from ondemand import errors, kickstart_files, locks, states
from ondemand_consumer import attempts, cache

SIDE = "side.tar"
"""The side repository as an artifact: folder `side` with the RPMs and their repodata."""


def create(attempt: attempts.Attempt) -> None:
    """Writes repodata into `attempt.repository`; raises errors.ContentError if not the lock."""
    lock = attempt.assignment.lock
    packages = _write(attempt, attempt.repository)
    _hold(packages, lock.packages)
    attempt.say(states.Step.REPO, f"one repository of exactly {len(packages)} packages")


def create_tree(attempt: attempts.Attempt) -> None:
    """Writes the repodata of a DVD's tree, with the lock's groups; nothing without a tree. Raises as `create` does."""
    lock = attempt.assignment.lock
    if lock.tree:
        _hold(_write(attempt, attempt.tree, attempt.packages, lock.groups), lock.tree)
        attempt.say(states.Step.REPO, f"a tree of exactly {len(lock.tree)} packages")


def create_side(attempt: attempts.Attempt) -> None:
    """Makes SIDE among the artifacts; nothing when no package belongs into it. Raises as `create` does.

    Its folder stays for a boot ISO that is remastered with it; no other image may take anything from there.
    """
    packages = kickstart_files.side(attempt.assignment.lock, attempt.assignment.release)
    if not packages:
        return
    folder = attempt.side
    for package in packages:
        if not (folder / package.filename).exists():
            fetched = attempt.repository / package.filename
            cache.place(fetched if fetched.exists() else attempt.packages / package.filename, folder / package.filename)
    written = _write(attempt, folder)
    _hold(written, packages)
    moment = max(package.time for package in written)
    with tarfile.open(attempt.artifacts / SIDE, "w", format=tarfile.GNU_FORMAT) as archive:
        for path in (folder, *sorted(folder.rglob("*"))):
            attempt.stop.check()
            _add(archive, path, str(path.relative_to(attempt.folder)), moment)
    if not attempt.assignment.lock.remastered:
        shutil.rmtree(folder)
    attempt.say(
        states.Step.REPO,
        f"a side repository of {len(packages)} packages, {len(attempt.assignment.lock.side)} of which are not in the image",
    )


class _Written(NamedTuple):
    """What an RPM says of itself: all that is kept of it, since a package's file list may take megabytes."""

    nevra: tuple[str, int, str, str, str]
    time: int
    """Of its building, in seconds since 1970."""


def _hold(written: Iterable[_Written], packages: Iterable[locks.LockedPackage]) -> None:
    seen = {package.nevra for package in written}
    wanted = {(p.name, p.epoch, p.version, p.release, p.arch) for p in packages}
    if seen != wanted:
        strange = ["-".join(map(str, names)) for names in sorted(seen ^ wanted)]
        raise errors.ContentError(
            f"The fetched RPMs are not those of the lock: {', '.join(strange[:10])}",
            cause="a file says another name or version of itself than its address",
            remedy="request the image again, so that it is solved anew",
        )


def _write(
    attempt: attempts.Attempt, folder: pathlib.Path, packages: pathlib.Path | None = None, groups: str = ""
) -> list[_Written]:
    """Writes repodata into `folder` over the RPMs there, or in `packages` below it; gives what they say of themselves."""
    files = sorted((packages or folder).glob("*.rpm"))
    found: list[_Written] = []
    with createrepo_c.RepositoryWriter(str(folder)) as writer:
        writer.set_num_of_pkgs(len(files))
        for file in files:
            attempt.stop.check()
            package = createrepo_c.package_from_rpm(str(file), location_href=str(file.relative_to(folder)), changelog_limit=10)
            package.time_file = package.time_build
            writer.add_pkg(package)
            nevra = package.name, int(package.epoch or 0), package.version, package.release, package.arch
            found.append(_Written(nevra, package.time_build))
    if groups:
        _add_groups(folder / "repodata", groups)
    _set_time(folder / "repodata" / "repomd.xml", max((package.time for package in found), default=0))
    return found


def _add_groups(repodata: pathlib.Path, groups: str) -> None:
    comps = repodata / "comps.xml"
    comps.write_text(groups, "utf-8")
    record = createrepo_c.RepomdRecord("group", str(comps))
    record.fill(createrepo_c.SHA256)
    record.rename_file()
    repomd = createrepo_c.Repomd(str(repodata / "repomd.xml"))
    repomd.set_record(record)
    (repodata / "repomd.xml").write_text(repomd.xml_dump())


def _set_time(repomd: pathlib.Path, moment: int) -> None:
    """Rewrites repomd.xml with `moment` (seconds since 1970) as its revision and every time in it."""
    written, renewed = createrepo_c.Repomd(str(repomd)), createrepo_c.Repomd()
    renewed.set_revision(str(moment))
    for record in written.records:
        record.timestamp = moment
        renewed.set_record(record)
    repomd.write_text(renewed.xml_dump())


def _add(archive: tarfile.TarFile, path: pathlib.Path, name: str, moment: int) -> None:
    entry = archive.gettarinfo(path, name)
    entry.type = tarfile.DIRTYPE if path.is_dir() else tarfile.REGTYPE
    entry.size = 0 if path.is_dir() else path.stat().st_size
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = "root"
    entry.mode = 0o755 if path.is_dir() else 0o644
    entry.mtime = moment
    if path.is_dir():
        archive.addfile(entry)
    else:
        with path.open("rb") as file:
            archive.addfile(entry, file)
