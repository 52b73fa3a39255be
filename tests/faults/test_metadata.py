# SPDX-License-Identifier: MIT
"""Metadata that is broken at its source, on its way or on our disk, and two processes at once."""

from __future__ import annotations

import bz2
import gzip
import lzma
import multiprocessing
import pathlib
import random
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests
import solv
import zstandard

from ondemand import deadlines, errors
from ondemand_web.packages import downloads, snapshots
from tests import mirror_parts

NAMES = ("one", "two", "three")
FILES = mirror_parts.repository(*NAMES)
PRIMARY = next(path for path in FILES if "primary" in path)
PACKERS = [(".gz", gzip.compress), (".xz", lzma.compress), (".zst", zstandard.compress)]


@pytest.fixture
def session() -> Iterator[requests.Session]:
    with deadlines.session() as made:
        yield made


@pytest.fixture
def server() -> Iterator[Any]:
    with mirror_parts.serving(FILES) as running:
        yield running


def names(snapshot: snapshots.Snapshot, session: requests.Session) -> list[str]:
    """The names of the snapshot's packages."""
    pool = solv.Pool()
    snapshots.load(pool, snapshot, session)
    return [item.name for item in pool.solvables_iter()]


@pytest.mark.parametrize(("suffix", "packer"), PACKERS, ids=[suffix for suffix, _ in PACKERS])
@pytest.mark.parametrize("keep", [0, 10, -1, -9])
def test_a_file_that_was_cut_before_it_was_indexed_is_refused(
    suffix: str, packer: Callable[[bytes], bytes], keep: int, session: requests.Session, tmp_path: pathlib.Path
) -> None:
    files = mirror_parts.repository(*NAMES, packer=lambda data: packer(data)[:keep], suffix=suffix)
    with mirror_parts.serving(files) as running:
        snapshot = snapshots.take("main", running.url, tmp_path, session)
        with pytest.raises(errors.SourceUnavailable):
            names(snapshot, session)
    assert not list(tmp_path.rglob("*.solv")) and not list(tmp_path.rglob(".new-*"))


@pytest.mark.parametrize(
    "wrong",
    [FILES[PRIMARY][:-1], FILES[PRIMARY] + b"x", gzip.compress(mirror_parts.primary("evil")), b""],
    ids=["cut", "longer", "swapped", "empty"],
)
def test_a_file_that_is_not_the_one_of_repomd_leaves_nothing(
    wrong: bytes, server: Any, session: requests.Session, tmp_path: pathlib.Path
) -> None:
    server.files[PRIMARY] = wrong
    with pytest.raises(errors.SourceUnavailable):
        snapshots.take("main", server.url, tmp_path, session)
    assert list((tmp_path / "main").iterdir()) == []
    server.files[PRIMARY] = FILES[PRIMARY]
    assert names(snapshots.take("main", server.url, tmp_path, session), session) == [*NAMES]


def test_a_wrong_size_in_repomd_is_refused(server: Any, session: requests.Session, tmp_path: pathlib.Path) -> None:
    server.files[mirror_parts.REPOMD] = FILES[mirror_parts.REPOMD].replace(b"<size>", b"<size>-")
    assert snapshots.take("main", server.url, tmp_path, session).primary.size < 0
    server.files[mirror_parts.REPOMD] = FILES[mirror_parts.REPOMD].replace(b"<size>", b"<size>x")
    with pytest.raises(errors.SourceUnavailable, match="no repository metadata"):
        snapshots.take("main", server.url, tmp_path, session)


def test_what_unpacks_without_end_is_not_unpacked(
    session: requests.Session, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(snapshots, "OPEN_LIMIT", 1000)
    with mirror_parts.serving(mirror_parts.repository(*map(str, range(99)))) as running:
        snapshot = snapshots.take("main", running.url, tmp_path, session)
        with pytest.raises(errors.SourceUnavailable, match="unpacks to more"):
            names(snapshot, session)


def test_a_solv_file_with_any_damage_is_made_anew(
    server: Any, session: requests.Session, tmp_path: pathlib.Path
) -> None:
    snapshot, chance = snapshots.take("main", server.url, tmp_path, session), random.Random(7)
    names(snapshot, session)
    (path,) = tmp_path.rglob("*.solv")
    good = path.read_bytes()
    for _ in range(200):
        place = chance.randrange(len(good))
        changed = good[:place] + bytes([good[place] ^ chance.randrange(1, 256)]) + good[place + 1 :]
        path.write_bytes(chance.choice((good[:place], changed)))
        assert names(snapshot, session) == [*NAMES]
        assert path.read_bytes() == good


@pytest.mark.parametrize("wrong", [b"", b"other bytes", None])
def test_a_kept_file_that_went_bad_is_fetched_anew(
    wrong: bytes | None, server: Any, session: requests.Session, tmp_path: pathlib.Path
) -> None:
    snapshot = snapshots.take("main", server.url, tmp_path, session)
    path = snapshot.folder / pathlib.PurePosixPath(PRIMARY).name
    path.unlink() if wrong is None else path.write_bytes(wrong)
    with pytest.raises(errors.SourceUnavailable, match="is damaged"):
        names(snapshot, session)
    assert names(snapshots.take("main", server.url, tmp_path, session), session) == [*NAMES]


def take_and_load(url: str, folder: str, begin: Any, found: Any) -> None:
    """What each of two processes does."""
    begin.wait(30)
    with deadlines.session() as session:
        found.put(names(snapshots.take("main", url, pathlib.Path(folder), session), session))


def test_two_processes_may_take_one_snapshot_at_once(server: Any, tmp_path: pathlib.Path) -> None:
    context = multiprocessing.get_context("spawn")
    begin, found = context.Barrier(2), context.Queue()
    both = [context.Process(target=take_and_load, args=(server.url, str(tmp_path), begin, found)) for _ in range(2)]
    for process in both:
        process.start()
    assert [found.get(timeout=60) for _ in both] == [[*NAMES]] * 2
    for process in both:
        process.join(30)
    assert len(list((tmp_path / "main").iterdir())) == 1 and not list(tmp_path.rglob(".new-*"))


def test_modules_are_ignored_and_that_is_said(session: requests.Session, tmp_path: pathlib.Path) -> None:
    extra = f'<data type="modules"><checksum type="sha256">{"0" * 64}</checksum><location href="repodata/m.yaml.gz"/></data>'
    with mirror_parts.serving(mirror_parts.repository("small", extra=extra)) as running:
        snapshot = snapshots.take("main", running.url, tmp_path, session)
        assert snapshot.warnings == ("The modules of repository main are ignored.",)
        assert not [path for path in running.asked if "m.yaml" in path]


def test_a_compression_that_nobody_uses_is_told(session: requests.Session, tmp_path: pathlib.Path) -> None:
    with mirror_parts.serving(mirror_parts.repository("small", packer=bz2.compress, suffix=".bz2")) as running:
        snapshot = snapshots.take("main", running.url, tmp_path, session)
        with pytest.raises(errors.SourceUnavailable, match=r"primary\.xml\.bz2 can't be read"):
            names(snapshot, session)


def test_a_redirect_without_end_is_left(server: Any, session: requests.Session) -> None:
    server.fault = "loop"
    with pytest.raises(errors.SourceUnavailable, match="TooManyRedirects"):
        downloads.text(session, f"{server.url}/{mirror_parts.REPOMD}", 1000)
