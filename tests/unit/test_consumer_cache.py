# SPDX-License-Identifier: MIT
"""The cache finds by every digest, forgets the longest unused, and locks."""

import hashlib
import os
import pathlib
import threading

from ondemand_consumer import cache


def _add(store: cache.Cache, folder: pathlib.Path, content: bytes, **others: str) -> tuple[pathlib.Path, str]:
    file = folder / "new"
    file.write_bytes(content)
    digest = hashlib.sha256(content).hexdigest()
    return store.add(file, digest, others), digest


def test_a_file_is_found_by_each_of_its_digests(tmp_path: pathlib.Path) -> None:
    store = cache.Cache(tmp_path / "cache", 10**6)
    path, digest = _add(store, tmp_path, b"x", sigmd5="ab")
    assert store.find({"sha256": digest}) == store.find({"sigmd5": "ab"}) == path


def test_an_unknown_or_malformed_digest_finds_nothing(tmp_path: pathlib.Path) -> None:
    store = cache.Cache(tmp_path / "cache", 10**6)
    for value in ("0" * 64, "../../etc/passwd", ""):
        assert store.find({"sha256": value}) is None
        assert store.find({"sigmd5": value}) is None


def test_the_longest_unused_file_goes_first(tmp_path: pathlib.Path) -> None:
    store = cache.Cache(tmp_path / "cache", 250)
    old, _ = _add(store, tmp_path, b"a" * 100)
    used, digest = _add(store, tmp_path, b"b" * 100)
    new, _ = _add(store, tmp_path, b"c" * 100)
    for age, path in enumerate((new, old, used)):
        os.utime(path, (1000 - age, 1000 - age))
    store.find({"sha256": digest})
    os.utime(old, (1, 1))
    assert store.evict() == 100
    assert (old.exists(), used.exists(), new.exists()) == (False, True, True)


def test_nothing_goes_while_the_limit_holds(tmp_path: pathlib.Path) -> None:
    store = cache.Cache(tmp_path / "cache", 250)
    _add(store, tmp_path, b"a" * 100)
    assert store.evict() == 0


def test_two_builds_do_not_fetch_one_file_at_once(tmp_path: pathlib.Path) -> None:
    store = cache.Cache(tmp_path / "cache", 10**6)
    second = threading.Event()

    def other() -> None:
        with cache.Cache(tmp_path / "cache", 10**6).locked({"sha256": "a" * 64}):
            second.set()

    thread = threading.Thread(target=other)
    with store.locked({"sha256": "a" * 64}):
        thread.start()
        assert not second.wait(0.2)
    assert second.wait(5)
    thread.join()


def test_a_file_is_placed_without_a_copy_on_the_same_disk(tmp_path: pathlib.Path) -> None:
    (tmp_path / "a").write_text("x")
    cache.place(tmp_path / "a", tmp_path / "b")
    assert (tmp_path / "a").samefile(tmp_path / "b")
