# SPDX-License-Identifier: MIT
"""What a running installer gets of pure Python packages: every name with its bytes, out of an archive as RPM packs it."""

from __future__ import annotations

import gzip
import pathlib
import subprocess

import pytest

from ondemand_plugins.backends import updates_image
from tests import builder_parts

MODULES = "./usr/lib/python3.13/site-packages/simple"


def packed(*entries: tuple[str, int, bytes]) -> bytes:
    """An archive of files with these names, inode numbers and bytes."""
    written = b""
    for name, inode, data in (*entries, ("TRAILER!!!", 0, b"")):
        fields = (inode, 0o100644, 0, 0, 2, 0, len(data), 0, 0, 0, 0, len(name) + 1, 0)
        for piece in (b"070701" + b"".join(b"%08x" % field for field in fields) + name.encode() + b"\0", data):
            written += piece + b"\0" * (-len(written + piece) % 4)
    return written


def unpacked(image: pathlib.Path, folder: pathlib.Path) -> dict[str, bytes]:
    """What cpio makes of the image: bytes by name."""
    builder_parts.need("cpio")
    folder.mkdir()
    subprocess.run(("cpio", "-id", "--quiet"), input=gzip.decompress(image.read_bytes()), cwd=folder, check=True, capture_output=True)
    return {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_names_of_one_file_all_have_its_bytes_wherever_the_last_of_them_is(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = packed((f"{MODULES}/a.py", 7, b""), (f"{MODULES}/b.py", 7, b"one"), (f"{MODULES}/empty.py", 8, b""))
    second = packed((f"{MODULES}/c.py", 7, b""), ("./usr/share/doc/c.py", 7, b"two"))
    rpms = {pathlib.Path("1.rpm"): first, pathlib.Path("2.rpm"): second}
    monkeypatch.setattr(updates_image, "_cpio", rpms.__getitem__)
    updates_image.write(rpms, tmp_path / "updates.img")
    assert unpacked(tmp_path / "updates.img", tmp_path / "root") == {"a.py": b"one", "b.py": b"one", "empty.py": b"", "c.py": b"two"}
