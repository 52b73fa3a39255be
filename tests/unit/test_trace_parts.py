# SPDX-License-Identifier: MIT
"""What says that nothing is left notices what is: wherever tools are known to write, and nowhere else."""

from __future__ import annotations

import os
import pathlib
import shutil
import uuid

import pytest

from tests import trace_parts


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
@pytest.mark.parametrize("place", ["/var/lib", "/var/cache", "/var/log", "/var/tmp", "/etc", "/run", "/root", "/", "/usr/local"])
def test_a_file_of_any_name_is_noticed(tmp_path: pathlib.Path, place: str) -> None:
    files = trace_parts.Files(tmp_path)
    left = pathlib.Path(place, uuid.uuid4().hex)
    left.mkdir()
    try:
        assert str(left) in files.new()
    finally:
        left.rmdir()


def test_in_tmp_it_is_noticed_by_a_tool_s_name_and_below_the_own_folder_never(tmp_path: pathlib.Path) -> None:
    own = pathlib.Path("/tmp", f"kiwi-{uuid.uuid4().hex}")
    other, nobodys = own.with_name(f"{own.name}-other"), pathlib.Path("/tmp", uuid.uuid4().hex)
    files = trace_parts.Files(own)
    for folder in (own, other, nobodys):
        folder.mkdir()
    try:
        new = files.new()
        assert str(other) in new and not new & {str(own), str(nobodys)}
    finally:
        for folder in (own, other, nobodys):
            shutil.rmtree(folder)
