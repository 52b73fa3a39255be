# SPDX-License-Identifier: MIT
"""Stands for `chroot` while kiwi runs: where it calls dracut, an earlier initramfs is taken if all it was made from is the same.

Else dracut runs, and where it is wanted for later builds its result is left with what it was made from.
Nothing in the root is changed by this.
A program of its own: it imports nothing but the standard library. ondemand.plugins.Initramfs says which folders it uses.
"""

from __future__ import annotations

import hashlib
import json
import os
import pathlib
import shutil
import subprocess
import time
from collections.abc import Iterable

IMAGE, ABOUT = "image", "about.json"
_PROFILE = ".profile"
"""kiwi's own notes on the build, of which each has others: laid over the earlier ones, as the kernel unpacks in order."""
_TREES = "etc/dracut.conf", "etc/dracut.conf.d", "usr/lib/dracut"
_TOOLS = "usr/bin/dracut", "usr/sbin/dracut", *(f"usr/bin/{name}" for name in ("cpio", "zstd", "xz", "gzip", "kmod", "ldconfig"))
_PACKED = b"\x28\xb5\x2f\xfd", b"\x1f\x8b", b"\xfd7zXZ"
"""How zstd, gzip and xz begin: behind what these have packed the kernel finds the next archive, behind lz4's it does not."""
_CPIO, _END = b"070701", b"TRAILER!!!"
_TIMEOUT = 600


def main(programs: str, real: str, words: list[str]) -> None:
    """Does what `chroot`, which is `real`, with these words does; `programs` is the folder in which this stands before it on PATH."""
    if words[1:2] != ["dracut"] or "--no-hostonly" not in words or len(words) < 5:
        os.execv(real, [real, *words])  # noqa: S606 - no shell is wanted
    folder, root, target = pathlib.Path(programs).parent, pathlib.Path(words[0]), words[-2]
    question = [*words[1:-2], words[-1]]
    began = time.monotonic()
    for earlier in sorted((folder / "earlier").glob("*/")):
        files = _files_if_same(root, earlier, question)
        if files:
            _put(root, earlier / IMAGE, root / target)
            _write(folder / "taken.json", {"entry": earlier.name, "seconds": time.monotonic() - began, "files": files})
            print(f"dracut is not run: the initramfs of an earlier build was made from the same {files} files", flush=True)
            return
    done = subprocess.run([real, *words], check=False)
    seconds = time.monotonic() - began
    if done.returncode:
        raise SystemExit(done.returncode)
    made = folder / "made"
    if not made.is_dir():
        return
    names = _listed(real, root, target)
    if names and _PROFILE in names and _can_go_on(root / target):
        shutil.copyfile(root / target, made / IMAGE)
        _write(made / ABOUT, {"question": question, "seconds": round(seconds, 1), **_made_from(root, names)})


def _files_if_same(root: pathlib.Path, earlier: pathlib.Path, question: list[str]) -> int:
    """How many files an earlier one was made from; 0 where anything is different now."""
    try:
        about = json.loads((earlier / ABOUT).read_text())
    except (OSError, ValueError):
        return 0
    if about["question"] != question:
        return 0
    same = _made_from(root, about["files"]) == {"files": about["files"], "folders": about["folders"]}
    return len(about["files"]) if same else 0


def _made_from(root: pathlib.Path, names: Iterable[str]) -> dict[str, dict[str, str]]:
    """Of every file in it, of dracut and its configuration: the digest in the root; of their folders: one over the names."""
    wanted = {name.strip("/") for name in names} - {_PROFILE}
    for tree in _TREES:
        wanted |= {str(path.relative_to(root)) for path in [root / tree, *(root / tree).rglob("*")] if path.is_file()}
    wanted.update(_TOOLS)
    files = {name: _digest(root, name) for name in sorted(wanted)}
    folders = sorted({os.path.dirname(name) for name in files if files[name] != "-"} - {""})
    return {"files": files, "folders": {name: _names(root, name) for name in folders}}


def _digest(root: pathlib.Path, name: str) -> str:
    # A link counts by its target, not by what it leads to: absolute ones lead out of the root.
    path = os.path.join(root, name)
    if os.path.islink(path):
        return f"-> {os.readlink(path)}"
    if not os.path.isfile(path):
        return "-"
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _names(root: pathlib.Path, folder: str) -> str:
    try:
        return hashlib.sha256("\0".join(sorted(os.listdir(root / folder))).encode("utf-8", "surrogateescape")).hexdigest()
    except OSError:
        return "-"


def _listed(chroot: str, root: pathlib.Path, target: str) -> set[str]:
    """The paths in the image, as dracut's own lister tells them; none where it can't."""
    argv = [chroot, str(root), "lsinitrd", f"/{target}"]
    try:
        done = subprocess.run(argv, capture_output=True, timeout=_TIMEOUT, check=False, text=True, errors="surrogateescape")
    except subprocess.TimeoutExpired:
        return set()
    rows = [line.split(None, 8) for line in done.stdout.splitlines() if line[:1] in "-l" and line[10:11] == " "]
    return {row[8].partition(" -> ")[0].removeprefix("./") for row in rows if len(row) == 9} if not done.returncode else set()


def _can_go_on(image: pathlib.Path) -> bool:
    """Whether another archive may lie behind it; before what is packed may lie one with microcode."""
    data = image.read_bytes()
    if data.startswith(_CPIO):
        data = data[data.find(_END) + len(_END) :].lstrip(b"\0")
    return data.startswith(_PACKED)


def _put(root: pathlib.Path, image: pathlib.Path, target: pathlib.Path) -> None:
    """The earlier image, and behind it this build's own notes."""
    shutil.copyfile(image, target)
    with target.open("ab") as file:
        file.write(bytes(-file.tell() % 4))
        file.write(_archive(_PROFILE, (root / _PROFILE).read_bytes()))


def _archive(name: str, content: bytes) -> bytes:
    """A cpio archive (newc) of one file of root's."""
    return _member(name, 0o100644, content) + _member(_END.decode(), 0, b"")


def _member(name: str, mode: int, content: bytes) -> bytes:
    fields = (0, mode, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(name) + 1, 0)
    head = _CPIO + b"".join(b"%08X" % field for field in fields) + name.encode() + b"\0"
    return head + bytes(-len(head) % 4) + content + bytes(-len(content) % 4)


def _write(path: pathlib.Path, content: object) -> None:
    path.write_text(json.dumps(content))

