# SPDX-License-Identifier: MIT
"""What kiwi lays over a root that is there already changes nothing of it."""

from __future__ import annotations

import os
import pathlib
import subprocess

from ondemand_plugins.backends import kiwi
from tests import builder_parts


def lay(folder: pathlib.Path, *words: str) -> pathlib.Path:
    """`rsync` called as kiwi calls it, over a root with a folder of a mode of its own and a package's hosts."""
    builder_parts.need("rsync")
    for name in ("new/proc", "new/etc/more", "root/proc", "root/etc"):
        (folder / name).mkdir(parents=True)
    (folder / "root" / "proc").chmod(0o555)
    (folder / "root" / "etc" / "hosts").write_text("packaged")
    programs = folder / "programs"
    programs.mkdir()
    for name, text in kiwi._programs().items():
        (programs / pathlib.Path(name).name).write_text(text)
        (programs / pathlib.Path(name).name).chmod(0o755)
    environment = {**os.environ, "PATH": f"{programs}:{os.environ['PATH']}:/usr/bin"}
    argv = ["/usr/bin/env", "rsync", *words, f"{folder}/new/", str(folder / "root")]
    subprocess.run(argv, env=environment, check=True, timeout=30)
    return folder / "root"


def test_folders_that_are_there_keep_their_mode_and_others_come(tmp_path: pathlib.Path) -> None:
    root = lay(tmp_path, "-a", "--ignore-existing")
    assert (root / "proc").stat().st_mode & 0o777 == 0o555 and (root / "etc" / "more").is_dir()


def test_a_package_s_file_lies_where_kiwi_gives_it_back(tmp_path: pathlib.Path) -> None:
    root = lay(tmp_path, "-a", "--ignore-existing")
    assert (root / "etc" / "hosts.rpmnew").read_text() == "packaged" and not (root / "etc" / "hosts").exists()


def test_any_other_call_of_rsync_is_the_real_one_s(tmp_path: pathlib.Path) -> None:
    root = lay(tmp_path, "-a")
    assert (root / "proc").stat().st_mode & 0o777 == 0o755 and (root / "etc" / "hosts").read_text() == "packaged"
