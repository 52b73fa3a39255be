# SPDX-License-Identifier: MIT
"""The repositories of an attempt, made from real RPMs: the same bytes each time, and installable."""

from __future__ import annotations

import os
import pathlib
import tarfile

import createrepo_c
import pytest

from ondemand import locks
from ondemand_consumer import attempts, cache, repository, rpm_headers
from tests import builder_parts


@pytest.fixture(scope="module")
def rpms(tmp_path_factory: pytest.TempPathFactory) -> tuple[pathlib.Path, ...]:
    folder = tmp_path_factory.mktemp("rpms")
    return builder_parts.make_rpm(folder), builder_parts.make_rpm(folder, "wanted", "2")


def _attempt(folder: pathlib.Path, *packages: locks.LockedPackage, rpms: tuple[pathlib.Path, ...]) -> attempts.Attempt:
    """An attempt that fetched these, each file with another time; the release has a stable repository `main`."""
    folder.mkdir()
    attempt = builder_parts.make_attempt(folder, builder_parts.make_lock(*packages))
    for number, rpm in enumerate(rpms):
        cache.place(rpm, attempt.repository / rpm.name)
        os.utime(rpm, (rpm.stat().st_mtime + number + 1,) * 2)
    return attempt


def _made(folder: pathlib.Path, rpms: tuple[pathlib.Path, ...]) -> attempts.Attempt:
    """Both repositories made: the second RPM is a wanted one."""
    main = builder_parts.locked(rpms[0], "http://x", origin="main")
    attempt = _attempt(folder, main, builder_parts.locked(rpms[1], "http://x", wanted=True), rpms=rpms)
    stable = [{"id": "main", "baseurl": "http://x"}]
    values = {**attempt.assignment.release.model_dump(), "repositories": stable}
    release = type(attempt.assignment.release).model_validate(values)
    object.__setattr__(attempt, "assignment", attempt.assignment.model_copy(update={"release": release}))
    repository.create(attempt)
    repository.create_side(attempt)
    return attempt


def test_the_same_rpms_give_the_same_bytes(tmp_path: pathlib.Path, rpms: tuple[pathlib.Path, ...]) -> None:
    one, other = _made(tmp_path / "one", rpms), _made(tmp_path / "other", rpms)
    index = "repodata/repomd.xml"
    assert (one.repository / index).read_bytes() == (other.repository / index).read_bytes()
    assert rpm_headers.sha256(one.artifacts / repository.SIDE) == rpm_headers.sha256(other.artifacts / repository.SIDE)


def test_the_side_repository_unpacks_to_what_dnf_reads(tmp_path: pathlib.Path, rpms: tuple[pathlib.Path, ...]) -> None:
    attempt = _made(tmp_path / "one", rpms)
    builder_parts.run("tar", "-xf", str(attempt.artifacts / repository.SIDE), "-C", str(tmp_path))
    assert sorted(path.name for path in (tmp_path / "side").iterdir()) == ["repodata", rpms[1].name]
    assert (tmp_path / "side" / rpms[1].name).read_bytes() == rpms[1].read_bytes()
    reader = createrepo_c.RepositoryReader.from_path(str(tmp_path / "side"))
    assert [package.nevra() for package in reader.iter_packages()] == ["wanted-0:2-1.noarch"]
    assert not (attempt.folder / "side").exists()


def test_what_is_in_the_side_repository_alone_is_not_in_the_frozen_one(tmp_path: pathlib.Path, rpms: tuple[pathlib.Path, ...]) -> None:
    main, rest = (builder_parts.locked(rpm, "http://x", origin=locks.SIDE_REPOSITORY) for rpm in rpms)
    lock = builder_parts.make_lock(main).model_copy(update={"side": (rest,)})
    attempt = builder_parts.make_attempt(tmp_path, lock)
    cache.place(rpms[0], attempt.repository / rpms[0].name)
    cache.place(rpms[1], attempt.side / rpms[1].name)
    repository.create(attempt)
    repository.create_side(attempt)
    assert [path.name for path in attempt.repository.glob("*.rpm")] == [rpms[0].name]
    with tarfile.open(attempt.artifacts / repository.SIDE) as archive:
        names = {pathlib.Path(name).name for name in archive.getnames()}
    assert names >= {rpms[0].name, rpms[1].name}


def test_where_all_is_stable_and_nothing_wanted_there_is_none(tmp_path: pathlib.Path) -> None:
    attempt = _attempt(tmp_path / "one", rpms=())
    repository.create_side(attempt)
    assert not (attempt.artifacts / repository.SIDE).exists()
