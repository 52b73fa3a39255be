# SPDX-License-Identifier: MIT
"""The command line of a virtual machine, and the disk by which an installer knows that it is listened to."""

from __future__ import annotations

import pathlib

import pytest

from ondemand import errors, proofs
from ondemand_consumer import machines
from ondemand_plugins.backends import iso_files
from tests import builder_parts


def argv(listener: pathlib.Path | None = None) -> list[str]:
    """The command line for `a.iso`."""
    console, firmware, qmp = (pathlib.Path(name) for name in ("console", "firmware", "qmp"))
    words = {"acceleration": machines.TCG, "console": console, "firmware": firmware, "qmp": qmp, "credentials": {}}
    return machines.argv(pathlib.Path("a.iso"), memory=512, listener=listener, **words)  # type: ignore[arg-type]


def test_the_listening_disk_comes_after_the_image_and_only_where_there_is_one() -> None:
    drives = [word.split(",")[0] for word in argv(pathlib.Path("listener.iso")) if word.startswith("file=")]
    assert drives == ["file=a.iso", "file=listener.iso"]
    assert not any("listener" in word for word in argv())


def test_it_holds_the_file_that_boot_menus_look_for(tmp_path: pathlib.Path) -> None:
    builder_parts.need("xorriso")
    assert iso_files.contents(machines.listening_disk(tmp_path)).files == {proofs.LISTENER}


def test_one_that_can_t_be_written_is_the_builder_s_fault(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(errors.BuilderError, match="boot proof can't be written, because"):
        machines.listening_disk(tmp_path)
