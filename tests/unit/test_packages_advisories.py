# SPDX-License-Identifier: MIT
"""Update notices: read once, indexed, and of no consequence when they are broken."""

from __future__ import annotations

import dataclasses
import pathlib

import pytest

from ondemand import deadlines, locks
from ondemand_web.packages import advisories, places, snapshots
from tests import mirror_parts

NOTICES = b"""<updates><update type="security"><id>FEDORA-2026-1</id><severity>Important</severity><pkglist><collection>
<package name="small" version="1" release="1" epoch="0" arch="noarch"/><package name="small-doc" version="1" release="1" arch="noarch"/>
</collection></pkglist></update><update><id>FEDORA-2026-2</id></update></updates>"""


def taken(tmp_path: pathlib.Path, text: bytes | None) -> snapshots.Snapshot:
    """A snapshot of a repository with these notices, or none."""
    files = mirror_parts.repository("small")
    files = files if text is None else mirror_parts.with_notices(files, text)
    with mirror_parts.serving(files) as server, deadlines.session() as session:
        return snapshots.take("updates", server.url, tmp_path, session)


def locked(name: str, **changes: bool | str) -> locks.LockedPackage:
    """A package of the repository, wanted by the request."""
    values = {"version": "1", "release": "1", "arch": "noarch", "origin": "updates", "urls": (), "checksums": {}}
    return locks.LockedPackage.model_validate({**values, "name": name, "trust": "", "wanted": True, **changes})


def test_a_wanted_package_that_a_repository_has_is_told_with_its_update(tmp_path: pathlib.Path) -> None:
    with deadlines.session() as session:
        place = places.Place(snapshot=taken(tmp_path, NOTICES), trust="", session=session)
        packages = [locked("small"), locked("small-doc"), locked("other"), locked("small", origin="main")]
        (note,) = advisories.notes(packages, [place])
        assert note == (
            "Repository updates has small-1-1.noarch, small-doc-1-1.noarch already, as part of update FEDORA-2026-1."
        )
        assert advisories.notes([locked("small", wanted=False)], [place]) == []


def test_notices_are_read_once(tmp_path: pathlib.Path) -> None:
    snapshot = taken(tmp_path, NOTICES)
    update = advisories.Advisory("FEDORA-2026-1", "security", "Important")
    first = advisories.of(snapshot)
    next(snapshot.folder.glob("updateinfo*")).unlink()
    assert first == {"small-1-1.noarch.rpm": update, "small-doc-1-1.noarch.rpm": update}
    assert advisories.of(dataclasses.replace(snapshot, warnings=("another process",))) == first


def test_an_index_that_went_bad_is_made_anew(tmp_path: pathlib.Path) -> None:
    snapshot = taken(tmp_path, NOTICES)
    first = advisories.of(snapshot)
    wrong = (b"", b"[]", b'{"updates": [["a"]], "files": {"a": 7}}', b'{"updates": [["a", "b", "c", "d"]], "files": {}}')
    for number, bad in enumerate(wrong):
        (snapshot.folder / "updates.json").write_bytes(bad)
        assert advisories.of(dataclasses.replace(snapshot, warnings=(str(number),))) == first


@pytest.mark.parametrize("text", [None, b"", b"<updates>", b"<html/>"])
def test_broken_or_missing_notices_are_as_none(text: bytes | None, tmp_path: pathlib.Path) -> None:
    assert advisories.of(taken(tmp_path, text)) == {}
