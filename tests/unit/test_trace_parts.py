# SPDX-License-Identifier: MIT
"""What says that nothing is left notices what is: wherever tools are known to write, and nowhere else."""

from __future__ import annotations

import os
import pathlib
import uuid

import pytest

from tests import trace_parts

root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
NAMED = ["/tmp", "/run", "/var/lib", "/var/cache", "/var/log"]


@pytest.fixture
def folder(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    """The only place that is looked at, with folders of two depths."""
    (tmp_path / "upper" / "lower").mkdir(parents=True)
    monkeypatch.setattr(trace_parts, "_TOPS", ())
    monkeypatch.setattr(trace_parts, "_NAMED", ())
    monkeypatch.setattr(trace_parts, "_WHOLE", (str(tmp_path),))
    return tmp_path


def noticed(path: pathlib.Path, own: pathlib.Path) -> bool:
    """Whether a folder that is made there is new."""
    files = trace_parts.Files(own)
    path.mkdir()
    try:
        return str(path) in files.new()
    finally:
        path.rmdir()


@root
@pytest.mark.parametrize("place", ["/var/tmp", "/etc", "/etc/default", "/root", "/", "/usr/local", "/var"])
def test_a_file_of_any_name_is_noticed(tmp_path: pathlib.Path, place: str) -> None:
    assert noticed(pathlib.Path(place, uuid.uuid4().hex), tmp_path)


@root
@pytest.mark.parametrize("place", NAMED)
def test_where_all_the_machine_writes_a_file_is_noticed_by_a_tool_s_name(tmp_path: pathlib.Path, place: str) -> None:
    assert noticed(pathlib.Path(place, f"kiwi-{uuid.uuid4().hex}"), tmp_path)
    assert not noticed(pathlib.Path(place, uuid.uuid4().hex), tmp_path)


def test_below_the_own_folder_nothing_is_noticed(tmp_path: pathlib.Path) -> None:
    own = pathlib.Path("/tmp", f"kiwi-{uuid.uuid4().hex}")
    assert not noticed(own, own)
    assert noticed(own.with_name(f"{own.name}-other"), own)


@root
@pytest.mark.parametrize("name", ["/var/tmp/systemd-private-{}", "/var/log/dnf-{}.log.1", "/var/log/dnf-{}.gz", "/root/.{}", "/etc/.#{}"])
def test_what_the_machine_s_services_write_is_not_noticed(tmp_path: pathlib.Path, name: str) -> None:
    assert not noticed(pathlib.Path(name.format(uuid.uuid4().hex)), tmp_path)


def test_of_a_new_folder_its_own_name_alone_is_told(folder: pathlib.Path) -> None:
    files = trace_parts.Files(folder / "own")
    (folder / "upper" / "lower" / "new" / "below").mkdir(parents=True)
    assert files.new() == {str(folder / "upper" / "lower" / "new")}


def test_what_is_the_services_is_not_looked_into(folder: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "__pycache__" / "below").mkdir(parents=True)
    scandir, looked = os.scandir, list[str]()

    def scan(place: str) -> object:
        looked.append(place)
        return scandir(place)

    monkeypatch.setattr(os, "scandir", scan)
    trace_parts.Files(folder / "own")
    assert sorted(looked) == [str(folder), str(folder / "upper"), str(folder / "upper" / "lower")]


def test_past_its_bound_it_looks_at_nothing_and_calls_nothing_new(folder: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trace_parts, "_BOUND", 2)
    (folder / "upper" / "lower" / "old").mkdir()
    files = trace_parts.Files(folder / "own")
    (folder / "upper" / "lower" / "old").rename(folder / "upper" / "moved")
    (folder / "upper" / "lower" / "unseen").mkdir()
    assert files.new() == {str(folder / "upper" / "moved")}
