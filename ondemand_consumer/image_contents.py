# SPDX-License-Identifier: MIT
"""Lists the packages in an ISO's live root or installer runtime. Run as a program in a mount namespace, which cleans up.

`python -m ondemand_consumer.image_contents ISO FOLDER` prints name, epoch, version, release, arch, digest, out of the RPM
database; where an installer has none, out of lorax's list of packages, with NONE for what that does not tell.
The root is squashfs or EROFS, with or without an ext4 image in it; the kernel finds out which.
"""

from __future__ import annotations

import pathlib
import re
import shutil
import subprocess
import sys

FORMAT = r"%{NAME}\t%{EPOCHNUM}\t%{VERSION}\t%{RELEASE}\t%{ARCH}\t%{SHA256HEADER}\n"
NONE = "-"
"""What stands for an epoch or digest that is not told."""
_ROOTS = ("/LiveOS/squashfs.img", "/images/install.img")
"""Where the root lies in a live ISO, and an installer's runtime in its own; called so though they hold EROFS."""
_LIST = "root/lorax-packages.log"
"""Where lorax writes what it installed, a line each as name-version-release.arch; its templates remove the database."""
_INNER = ("LiveOS/rootfs.img", "LiveOS/ext3fs.img")
_DATABASES = ("usr/lib/sysimage/rpm", "var/lib/rpm")
_KINDS = {"rpmdb.sqlite": "sqlite", "Packages.db": "ndb", "Packages": "bdb_ro"}
_EXTENT = re.compile(r"^File data lba: *\d+ *, *(\d+) *, *\d+ *, *(\d+) *,", re.MULTILINE)
_BLOCK = 2048
_TIMEOUT = 600


def main(iso: str, folder: str) -> None:
    """Prints the list; what fails ends the program with a sentence on standard error."""
    work = pathlib.Path(folder)
    root = _root(pathlib.Path(iso), work)
    # A copy, since RPM may want to write beside its database and the image is read-only.
    source = next((root / name for name in _DATABASES if _kind(root / name)), None)
    if source is None:
        _print_list(root / _LIST)
        return
    database = work / "rpmdb"
    shutil.copytree(source, database)
    _tool(
        *("rpm", "--dbpath", str(database), "--define", f"_db_backend {_kind(database)}"),
        *("--query", "--all", "--queryformat", FORMAT),
    )


def _print_list(path: pathlib.Path) -> None:
    if not path.is_file():
        raise SystemExit("the image holds neither an RPM database nor lorax's list of packages")
    for line in path.read_text("utf-8", "replace").split():
        rest, _, arch = line.rpartition(".")
        if rest.count("-") >= 2:
            name, version, release = rest.rsplit("-", 2)
            print(name, NONE, version, release, arch, NONE, sep="\t")


def _root(iso: pathlib.Path, work: pathlib.Path) -> pathlib.Path:
    outer = work / "outer"
    outer.mkdir()
    name, place = _place(iso)
    if place is not None:
        _tool("mount", "-o", f"loop,ro,offset={place[0]},sizelimit={place[1]}", str(iso), str(outer))
    else:
        image = work / "root.img"
        _tool("xorriso", "-no_rc", "-osirrox", "on", "-indev", str(iso), "-extract", name, str(image), quiet=True)
        _tool("mount", "-o", "loop,ro", str(image), str(outer))
    for name in _INNER:
        if (outer / name).is_file():
            inner = work / "inner"
            inner.mkdir()
            _tool("mount", "-o", "loop,ro,noload", str(outer / name), str(inner))
            return inner
    return outer


def _place(iso: pathlib.Path) -> tuple[str, tuple[int, int] | None]:
    """Which file of the ISO is the root, where its bytes lie and their number; None unless they lie in one piece."""
    for name in _ROOTS:
        argv = ("xorriso", "-no_rc", "-indev", str(iso), "-find", name, "-exec", "report_lba", "--")
        done = subprocess.run(argv, capture_output=True, timeout=_TIMEOUT, check=False, text=True)
        if found := _EXTENT.findall(done.stdout):
            whole = (int(found[0][0]) * _BLOCK, int(found[0][1]))
            return name, whole if len(found) == 1 else None
    return _ROOTS[0], None


def _kind(folder: pathlib.Path) -> str | None:
    return next((kind for name, kind in _KINDS.items() if (folder / name).is_file()), None)


def _tool(*argv: str, quiet: bool = False) -> None:
    done = subprocess.run(argv, stderr=subprocess.PIPE, timeout=_TIMEOUT, check=False, text=True)
    if done.returncode:
        raise SystemExit(f"{argv[0]} failed: {' '.join(done.stderr.split())[-300:]}")
    if done.stderr and not quiet:
        sys.stderr.write(done.stderr)


if __name__ == "__main__":
    main(*sys.argv[1:])
