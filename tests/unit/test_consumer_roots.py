# SPDX-License-Identifier: MIT
"""Where nothing can be taken over from earlier builds, that is found out before any work, and said once."""

from __future__ import annotations

import pathlib
import tempfile
from collections.abc import Iterator

import pytest

from ondemand import plugins, settings, states
from ondemand_consumer import roots
from tests import builder_parts


@pytest.fixture
def elsewhere(tmp_path: pathlib.Path) -> Iterator[pathlib.Path]:
    """A folder on another disk."""
    memory = pathlib.Path("/dev/shm")
    if not memory.is_dir() or memory.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("needs /dev/shm on a disk of its own")
    with tempfile.TemporaryDirectory(dir=memory) as folder:
        yield pathlib.Path(folder)


def test_a_cache_on_another_disk_is_named(tmp_path: pathlib.Path, elsewhere: pathlib.Path) -> None:
    why = roots.hindrance(settings.Builder(cache=elsewhere), tmp_path)
    assert why == f"{elsewhere}/roots lies on another disk than {tmp_path}, and a root is moved there, never copied"
    assert list(tmp_path.iterdir()) == list((elsewhere / "roots").iterdir()) == []


def test_on_one_disk_nothing_hinders_and_no_probe_is_left(tmp_path: pathlib.Path) -> None:
    (tmp_path / "work").mkdir()
    assert roots.hindrance(settings.Builder(cache=tmp_path / "cache"), tmp_path / "work") == ""
    assert list((tmp_path / "work").iterdir()) == list((tmp_path / "cache" / "roots").iterdir()) == []


def test_who_wants_no_roots_hears_nothing(tmp_path: pathlib.Path, elsewhere: pathlib.Path) -> None:
    assert roots.hindrance(settings.Builder(cache=elsewhere, roots_limit=0), tmp_path) == ""


def test_a_folder_that_can_not_be_used_is_named(tmp_path: pathlib.Path) -> None:
    (tmp_path / "cache").write_text("a file")
    assert f"{tmp_path}/cache/roots can't be used" in roots.hindrance(settings.Builder(cache=tmp_path / "cache"), tmp_path)


def test_root_and_initramfs_say_it_once_and_nothing_is_made_for_the_cache(tmp_path: pathlib.Path, elsewhere: pathlib.Path) -> None:
    attempt = builder_parts.make_attempt(tmp_path, cache=elsewhere)
    ran: list[plugins.Command] = []
    reuse = roots.Reuse(attempt, lambda command, first: ran.append(command))
    prepare = plugins.Command(argv=("true",), timeout=1)
    root = plugins.Root(folder="tree", key={}, prepare=(prepare,), renew=lambda change: None)
    with reuse.root(root) as first, reuse.initramfs(plugins.Initramfs(folder="initramfs", key={})):
        assert not first and not ran
    said = attempt.log(states.Step.BUILD).read_text()
    assert said.count("nothing is taken from earlier builds") == said.count("another disk") == 1
