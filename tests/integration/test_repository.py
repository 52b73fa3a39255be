# SPDX-License-Identifier: MIT
"""The frozen repository: the same RPMs make the same bytes, whenever and however they came."""

from __future__ import annotations

import hashlib
import os
import pathlib
import time

import createrepo_c
import pytest

from ondemand_consumer import repository
from tests import builder_parts


@pytest.fixture
def rpms(tmp_path: pathlib.Path) -> list[pathlib.Path]:
    (tmp_path / "files").mkdir()
    return [builder_parts.make_rpm(tmp_path / "files", name=name) for name in ("ball", "bat")]


def made(folder: pathlib.Path, rpms: list[pathlib.Path], moment: float) -> pathlib.Path:
    """A repository of these RPMs, as if they had been fetched at `moment`."""
    lock = builder_parts.make_lock(*(builder_parts.locked(rpm, "http://x") for rpm in rpms))
    attempt = builder_parts.make_attempt(folder, lock)
    for rpm in rpms:
        (attempt.repository / rpm.name).write_bytes(rpm.read_bytes())
        os.utime(attempt.repository / rpm.name, (moment, moment))
    repository.create(attempt)
    return attempt.repository


def test_the_same_rpms_make_the_same_repodata(rpms: list[pathlib.Path], tmp_path: pathlib.Path) -> None:
    digests = []
    for name, moment in (("a", 1_000_000), ("b", 2_000_000)):
        folder = made(tmp_path / name, rpms, moment) / "repodata"
        digests.append({path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()})
        time.sleep(1.1)
    assert digests[0] == digests[1] and len(digests[0]) == 4


def test_all_times_are_that_of_the_newest_build(rpms: list[pathlib.Path], tmp_path: pathlib.Path) -> None:
    time.sleep(1.1)
    folder = made(tmp_path, rpms, 1_000_000)
    newest = max(createrepo_c.package_from_rpm(str(rpm)).time_build for rpm in rpms)
    repomd = createrepo_c.Repomd(str(folder / "repodata" / "repomd.xml"))
    assert repomd.revision == str(newest)
    assert {record.timestamp for record in repomd.records} == {newest}


def test_every_record_is_the_file_that_it_names(rpms: list[pathlib.Path], tmp_path: pathlib.Path) -> None:
    folder = made(tmp_path, rpms, 1_000_000)
    for record in createrepo_c.Repomd(str(folder / "repodata" / "repomd.xml")).records:
        assert hashlib.sha256((folder / record.location_href).read_bytes()).hexdigest() == record.checksum
