# SPDX-License-Identifier: MIT
"""What is stored is checked before it is used, bounded, and never half there."""

from __future__ import annotations

import concurrent.futures
import fcntl
import os
import pathlib
import resource
import signal
import threading
import time

import pytest

from ondemand_consumer import root_store

KEY = {"backend": "tool"}


def tree(folder: pathlib.Path, content: str = "x", name: str = "made") -> pathlib.Path:
    (folder / name / "etc").mkdir(parents=True)
    (folder / name / "etc" / "file").write_text(content)
    return folder / name


def kept(folder: pathlib.Path, content: str = "x", parent: str | None = None) -> root_store.Entry:
    """One entry stored in `folder`/store."""
    with root_store.opened(folder / "store", KEY) as store:
        where = store.keep(tree(folder, content), root_store.About(parent=parent, by=content))
        return next(entry for entry in store.entries() if entry.tree == where)


def names(folder: pathlib.Path) -> list[str]:
    with root_store.opened(folder / "store", KEY) as store:
        return [entry.about.by for entry in store.entries()]


def test_what_was_kept_is_found_by_its_key_alone(tmp_path: pathlib.Path) -> None:
    entry = kept(tmp_path)
    assert entry.holds() and names(tmp_path) == ["x"]
    with root_store.opened(tmp_path / "store", {"backend": "other"}) as store:
        assert store.entries() == []


@pytest.mark.parametrize("harm", ["content", "mode", "missing", "more", "link"])
def test_every_change_of_a_tree_is_found(tmp_path: pathlib.Path, harm: str) -> None:
    entry = kept(tmp_path)
    file = entry.tree / "etc" / "file"
    if harm in ("missing", "link"):
        file.unlink()
    if harm == "link":
        file.symlink_to("x")
    elif harm == "mode":
        file.chmod(0o4755)
    elif harm != "missing":
        (file if harm == "content" else file.with_name("more")).write_text("y")
    assert not entry.holds()


DAMAGED = {
    "empty": b"",
    "no text": b"\xff\xfe",
    "no fields": b"{}",
    "a list": b"[]",
    "no size": b'{"parent": null, "by": "x", "digest": "0"}',
    "no maker": b'{"parent": null, "size": 1, "digest": "0"}',
    "a size below zero": b'{"parent": null, "by": "x", "size": -1, "digest": "0"}',
    "packages of another kind": b'{"parent": null, "by": "x", "packages": ["bash"], "digest": "0"}',
    "endless": b"[" * 100_000,
}


@pytest.mark.parametrize("name", DAMAGED)
def test_an_entry_whose_notes_are_damaged_is_never_used_and_goes(tmp_path: pathlib.Path, name: str) -> None:
    entry = kept(tmp_path)
    (entry.folder / "about.json").write_bytes(DAMAGED[name])
    with root_store.opened(tmp_path / "store", KEY) as store:
        assert not any(found.holds() for found in store.entries()) and store.chain(entry) == [entry]
    root_store.evict(tmp_path / "store", limit=10**9, days=1)
    root_store.evict(tmp_path / "store", limit=0, days=0)
    assert not entry.folder.exists()


@pytest.mark.parametrize(("what", "value"), [("by", "y"), ("seconds", 9.0), ("parent", "0"), ("packages", {}), ("size", 2)])
def test_every_change_of_what_is_noted_is_found(tmp_path: pathlib.Path, what: str, value: object) -> None:
    entry = kept(tmp_path)
    changed = entry.about.model_copy(update={what: value})
    assert entry.holds() and not root_store.Entry(folder=entry.folder, about=changed).holds()


def test_a_layer_without_the_one_below_it_is_none(tmp_path: pathlib.Path) -> None:
    below = kept(tmp_path, "below")
    above = kept(tmp_path, "above", parent=below.folder.name)
    with root_store.opened(tmp_path / "store", KEY) as store:
        assert [entry.about.by for entry in store.chain(above)] == ["above", "below"]
        store.drop(below)
        assert store.entries() == []


def test_what_a_killed_builder_left_half_stored_is_nothing_and_goes(tmp_path: pathlib.Path) -> None:
    entry = kept(tmp_path)
    half = entry.folder.rename(entry.folder.with_name("partial-0"))
    assert names(tmp_path) == []
    root_store.evict(tmp_path / "store", 10**9, 1)
    assert not half.exists()


def test_the_longest_unused_goes_first_and_the_old_always(tmp_path: pathlib.Path) -> None:
    for number, name in enumerate(("old", "older", "new")):
        os.utime(kept(tmp_path, name).folder / "about.json", times=None if number == 2 else (10**9 - number, 10**9 - number))
    assert root_store.evict(tmp_path / "store", limit=8, days=10**6) == 5 and names(tmp_path) == ["new", "old"]
    root_store.evict(tmp_path / "store", limit=10**9, days=1)
    assert names(tmp_path) == ["new"]


def test_what_another_build_uses_now_stays(tmp_path: pathlib.Path) -> None:
    entry = kept(tmp_path)
    with root_store.opened(tmp_path / "store", KEY):
        assert root_store.evict(tmp_path / "store", limit=0, days=0) == 0
    assert entry.holds()
    root_store.evict(tmp_path / "store", limit=0, days=0)
    assert not entry.folder.exists()


def test_layers_above_one_that_is_gone_go_all_of_them(tmp_path: pathlib.Path) -> None:
    below = kept(tmp_path, "below")
    above = kept(tmp_path, "above", parent=below.folder.name)
    uppermost = kept(tmp_path, "uppermost", parent=above.folder.name)
    below.folder.rename(below.folder.with_name("partial-0"))
    assert names(tmp_path) == []
    root_store.evict(tmp_path / "store", limit=10**9, days=1)
    assert not above.folder.exists() and not uppermost.folder.exists()


def test_a_key_without_entries_goes_with_its_folder_and_its_lock(tmp_path: pathlib.Path) -> None:
    kept(tmp_path)
    with root_store.opened(tmp_path / "store", {"backend": "other"}):
        root_store.evict(tmp_path / "store", limit=0, days=0)
        assert [path.suffix for path in sorted((tmp_path / "store").iterdir())] == ["", ".lock"]
    root_store.evict(tmp_path / "store", limit=0, days=0)
    assert list((tmp_path / "store").iterdir()) == []


def test_who_waited_for_a_lock_that_was_removed_meanwhile_takes_the_new_one(tmp_path: pathlib.Path) -> None:
    with root_store.opened(tmp_path / "store", KEY):
        (path,) = (tmp_path / "store").glob("*.lock")
    removed = threading.Event()

    def use() -> None:
        with root_store.opened(tmp_path / "store", KEY) as store:
            assert removed.is_set() and path.exists() and store.folder.is_dir()

    with path.open("a") as lock, concurrent.futures.ThreadPoolExecutor() as pool:
        fcntl.flock(lock, fcntl.LOCK_EX)
        waiting = pool.submit(use)
        time.sleep(0.1)
        removed.set()
        path.unlink()
        fcntl.flock(lock, fcntl.LOCK_UN)
        waiting.result(10)


def test_a_tree_that_can_not_be_stored_stays_where_it_was(tmp_path: pathlib.Path) -> None:
    made = tree(tmp_path)
    with root_store.opened(tmp_path / "store", KEY) as store:
        store.folder.rmdir()
        with pytest.raises(OSError, match="No such file"):
            store.keep(made, root_store.About(parent=None, by=""))
    assert (made / "etc" / "file").read_text() == "x"


def test_a_full_disk_while_storing_leaves_nothing_half_and_loses_nothing(tmp_path: pathlib.Path) -> None:
    made = tree(tmp_path)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    # A limit on sizes fails the same write as a disk without room; the signal beside it is not sent by that.
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    with root_store.opened(tmp_path / "store", KEY) as store:
        resource.setrlimit(resource.RLIMIT_FSIZE, (100, before[1]))
        try:
            with pytest.raises(OSError, match="too large"):
                store.keep(made, root_store.About(parent=None, by="x" * 1000))
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert (made / "etc" / "file").read_text() == "x" and names(tmp_path) == []
    assert not list((tmp_path / "store").glob("*/partial-*"))
