# SPDX-License-Identifier: MIT
"""Makes livecd-creator out of a source tree usable on Debian: `python -m tests.tools.livecd_launcher SOURCE FOLDER`.

FOLDER gets what Debian's Python lacks, and in `bin`, which goes onto PATH, the programs that call the tree. Debian's own
python3-dnf, python3-selinux, isolinux and xorriso must be installed; the tree stays as it is.
"""

from __future__ import annotations

import pathlib
import re
import shutil
import subprocess
import sys

PYTHON = "/usr/bin/python3"
"""Debian's own, for its packages dnf and rpm."""
PACKAGES = ("pykickstart<=3.48", "urlgrabber>=4.1,<5")
"""What Debian lacks. The default syntax of later pykickstarts has no `module` command, on which the tool relies."""
MODULES = ("dnf", "hawkey", "rpm", "selinux")
_ISOLINUX = pathlib.Path("/usr/lib/ISOLINUX")
_PATH = "/usr/sbin:/usr/bin:/sbin:/bin"
_VERSION = re.compile(r"^VERSION\s*=\s*(\S+)", re.MULTILINE)

# The tool opens libnss_sss.so.2 by name, which finds what is loaded already.
_CREATOR = """\
#!{python}
import ctypes, runpy, sys

if sys.argv[1:] == ["--version"]:
    sys.exit(print("livecd-tools {version}"))
ctypes.CDLL({library!r})
sys.path[:0] = [{source!r}, {packages!r}]
sys.argv[0] = {tool!r}
runpy.run_path({tool!r}, run_name="__main__")
"""
# Fedora's place of the boot record, by which the tool asks for it.
_XORRISOFS = """\
#!{python}
import os, sys

words = [word.replace("/usr/share/syslinux/", "{isolinux}/") for word in sys.argv[1:]]
os.execv("/usr/bin/xorrisofs", ["xorrisofs", *words])
"""
# lorax has it for Fedora. Of the two kinds of boot image only the one for PCs can be made without HFS+.
_MKEFIBOOT = """\
#!{python}
import argparse, pathlib, subprocess, sys

parser = argparse.ArgumentParser(prog="mkefiboot")
parser.add_argument("-a", "--apple", action="store_true")
for name in ("label", "disk-image", "icon", "product"):
    parser.add_argument("-" + {{"disk-image": "n"}}.get(name, name[0]), "--" + name)
parser.add_argument("folder", type=pathlib.Path)
parser.add_argument("image")
options = parser.parse_args()
if options.apple or not options.folder.is_dir():
    sys.exit("mkefiboot: no image for Macs, as there is no HFS+ here, and none of a folder that is not there")
size = sum(path.stat().st_size for path in options.folder.rglob("*")) // 1024 + 2048
subprocess.run(["mkfs.vfat", "-C", "-n", options.label or "ANACONDA", options.image, str(size)], check=True)
subprocess.run(["mmd", "-i", options.image, "::EFI"], check=True)
subprocess.run(["mcopy", "-s", "-i", options.image, str(options.folder), "::EFI/BOOT"], check=True)
"""


def missing() -> str:
    """What has to be installed before `make`; empty when nothing."""
    tried = "import " + ", ".join(MODULES)
    if subprocess.run([PYTHON, "-c", tried], capture_output=True, check=False, timeout=60).returncode:
        return "python3-dnf and python3-selinux"
    needed = {"udev": "udevadm", "dosfstools": "mkfs.vfat", "mtools": "mcopy", "e2fsprogs": "resize2fs"}
    gone = [package for package, program in needed.items() if not shutil.which(program, path=_PATH)]
    return ", ".join(gone + ([] if _ISOLINUX.is_dir() else ["isolinux"]))


def make(source: pathlib.Path, folder: pathlib.Path) -> pathlib.Path:
    """The folder for PATH, made below `folder` from the source tree."""
    source, folder = source.absolute(), folder.absolute()
    packages, nss, programs = folder / "python", folder / "nss", folder / "bin"
    programs.mkdir(parents=True, exist_ok=True)
    if not packages.is_dir():
        _run(folder, PYTHON, "-m", "pip", "install", "--quiet", "--no-input", "--target", str(packages), *PACKAGES)
    if not nss.is_dir():
        _run(folder, "apt-get", "-o", "APT::Sandbox::User=root", "download", "libnss-sss")
        _run(folder, "dpkg-deb", "--extract", str(next(folder.glob("libnss-sss_*.deb"))), str(nss))
    _program(
        programs / "livecd-creator",
        _CREATOR.format(
            python=PYTHON,
            version=version(source),
            source=str(source),
            packages=str(packages),
            tool=str(source / "tools" / "livecd-creator"),
            library=str(next(nss.rglob("libnss_sss.so.2"))),
        ),
    )
    _program(programs / "mkefiboot", _MKEFIBOOT.format(python=PYTHON))
    _program(programs / "xorrisofs", _XORRISOFS.format(python=PYTHON, isolinux=_ISOLINUX))
    return programs


def version(source: pathlib.Path) -> str:
    """What the source tree says that it is."""
    found = _VERSION.search((source / "Makefile").read_text("utf-8"))
    return found[1] if found else "unknown"


def _program(path: pathlib.Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o755)


def _run(folder: pathlib.Path, *argv: str) -> None:
    subprocess.run(argv, cwd=folder, check=True, timeout=600)


if __name__ == "__main__":
    print(make(*map(pathlib.Path, sys.argv[1:3])))
