# SPDX-License-Identifier: MIT
"""An earlier initramfs is taken when everything it was made from is the same, and only then."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import sys

import pytest

from ondemand_plugins.backends import kept_initramfs, kiwi

CHROOT = """#!/bin/bash
root=$1; shift
case $1 in
dracut) echo ran >> "$root/../ran"; cat "$root/../packed" > "$root/build.initrd";;
lsinitrd) printf -- '-rw-r--r-- 1 root root 5 Jan  1  1970 .profile\\n-rwxr-xr-x 1 root root 5 Jan  1  1970 usr/bin/tool\\n';;
*) echo "$@";;
esac
"""
DRACUT = ("dracut", "--no-hostonly", "--install", "/.profile", "build.initrd", "6.1")


class Work:
    """A root, a `chroot` that says what dracut would, and before it on PATH what stands for it."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.folder, self.root = folder, folder / "root"
        for name, content in {"usr/bin/tool": "tool", ".profile": "kiwi_iname='one'\n", "etc/dracut.conf": ""}.items():
            (self.root / name).parent.mkdir(parents=True, exist_ok=True)
            (self.root / name).write_text(content)
        (folder / "made").mkdir()
        (folder / "packed").write_bytes(b"\x28\xb5\x2f\xfdpacked")
        (real,) = self.programs({"real/chroot": CHROOT})
        stand_in, *_ = self.programs({name.removeprefix("initramfs/"): text for name, text in kiwi._programs().items()})
        self.environment = {**os.environ, "PATH": f"{stand_in.parent}:{real.parent}:{os.environ['PATH']}"}

    def programs(self, texts: dict[str, str]) -> list[pathlib.Path]:
        for name, text in texts.items():
            (self.folder / name).parent.mkdir(exist_ok=True)
            (self.folder / name).write_text(text)
            (self.folder / name).chmod(0o755)
        return [self.folder / name for name in texts]

    def run(self, *words: str) -> str:
        argv = ["/usr/bin/env", "chroot", str(self.root), *words]
        return subprocess.run(argv, env=self.environment, check=True, text=True, capture_output=True, timeout=30).stdout

    def again(self) -> bool:
        """Whether dracut runs when the next build has what this one left."""
        (self.folder / "earlier").mkdir(exist_ok=True)
        (self.folder / "made").rename(self.folder / "earlier" / "one")
        self.run(*DRACUT)
        return (self.folder / "ran").read_text().count("ran") == 2


@pytest.fixture
def work(tmp_path: pathlib.Path) -> Work:
    """After a first build."""
    made = Work(tmp_path)
    made.run(*DRACUT)
    return made


def test_any_other_call_of_chroot_is_the_real_one_s(work: Work) -> None:
    assert work.run("rpm", "-E", "x y") == "rpm -E x y\n"


def test_the_same_files_give_the_earlier_one_with_this_build_s_own_notes_behind_it(work: Work) -> None:
    (work.root / ".profile").write_text("kiwi_iname='two'\n")
    assert not work.again()
    made = (work.root / "build.initrd").read_bytes()
    assert made.startswith(b"\x28\xb5\x2f\xfdpacked\0\0" + b"070701") and b"kiwi_iname='two'" in made
    assert json.loads((work.folder / "taken.json").read_text())["entry"] == "one"


@pytest.mark.parametrize("changed", ["usr/bin/tool", "usr/bin/another", "etc/dracut.conf", "usr/lib/dracut/new"])
def test_a_file_that_changed_or_came_has_dracut_run(work: Work, changed: str) -> None:
    (work.root / changed).parent.mkdir(parents=True, exist_ok=True)
    (work.root / changed).write_text("other")
    assert work.again()


def test_other_words_for_dracut_have_it_run(work: Work) -> None:
    about = work.folder / "made" / kept_initramfs.ABOUT
    noted = json.loads(about.read_text())
    assert noted["question"] == ["dracut", "--no-hostonly", "--install", "/.profile", "6.1"]
    about.write_text(json.dumps({**noted, "question": ["dracut", "6.2"]}))
    assert work.again()


@pytest.mark.parametrize(("begin", "kept"), [(b"070701..TRAILER!!!\0\0\xfd7zXZ", True), (b"\x02\x21\x4c\x18", False)])
def test_one_behind_which_the_kernel_finds_nothing_is_not_kept(tmp_path: pathlib.Path, begin: bytes, kept: bool) -> None:
    work = Work(tmp_path)
    (tmp_path / "packed").write_bytes(begin)
    work.run(*DRACUT)
    assert any((tmp_path / "made").iterdir()) is kept


def test_where_none_is_wanted_for_later_builds_nothing_is_noted(tmp_path: pathlib.Path) -> None:
    work = Work(tmp_path)
    (tmp_path / "made").rmdir()
    work.run(*DRACUT)
    assert (tmp_path / "ran").exists() and not (tmp_path / "made").exists()


def test_notes_laid_behind_are_an_archive_that_cpio_reads(tmp_path: pathlib.Path) -> None:
    archive = kept_initramfs._archive(".profile", b"kiwi\n")
    assert len(archive) % 4 == 0 and archive.count(b"070701") == 2 and archive.rstrip(b"\0").endswith(b"TRAILER!!!")


def test_it_needs_nothing_but_the_standard_library() -> None:
    done = subprocess.run([sys.executable, "-I", "-S", kept_initramfs.__file__], check=False, timeout=30, capture_output=True)
    assert done.returncode == 0 and not done.stderr


@pytest.mark.parametrize("where", ["plain", "a folder with 'quotes' and spaces", "/".join(["long" * 20] * 4)])
def test_the_stand_in_starts_wherever_python_lies(tmp_path: pathlib.Path, where: str) -> None:
    (tmp_path / where).mkdir(parents=True)
    (tmp_path / where / "python").symlink_to(sys.executable)
    (tmp_path / "program.py").write_text("def main(folder, real, words):\n    print(folder, real, words)\n")
    (tmp_path / "real").mkdir()
    for place in (tmp_path / "tool", tmp_path / "real" / "tool"):
        place.write_text(kiwi._stand_in(str(tmp_path / where / "python"), str(tmp_path / "program.py")))
        place.chmod(0o755)
    words = ("a b", "$(id)", "'")
    path = f"{tmp_path}:{tmp_path / 'real'}"
    done = subprocess.run(("tool", *words), env={"PATH": path}, check=True, text=True, capture_output=True)
    assert done.stdout == f"{tmp_path} {tmp_path / 'real' / 'tool'} {list(words)}\n"
