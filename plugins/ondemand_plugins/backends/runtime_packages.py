# SPDX-License-Identifier: MIT
"""Which packages the runtime of an installer ISO is made of: by lorax's list in it, else by its RPM database.

Mounts the runtime read-only for that moment, so it runs as root and in a mount namespace.
"""

from __future__ import annotations

import contextlib
import pathlib
import shutil
import subprocess
from collections.abc import Iterator

from ondemand_plugins.backends import iso_files

STAGE2 = ("images/install.img", "LiveOS/squashfs.img")
"""Where the runtime lies on an ISO."""
_INNER = ("LiveOS/rootfs.img", "LiveOS/ext3fs.img")
_LIST = "root/lorax-packages.log"
_DATABASES = ("usr/lib/sysimage/rpm", "var/lib/rpm")
_KINDS = {"rpmdb.sqlite": "sqlite", "Packages.db": "ndb", "Packages": "bdb_ro"}
_TIMEOUT = 300


def read(iso: pathlib.Path, held: iso_files.Contents, work: pathlib.Path) -> dict[tuple[str, str], str]:
    """Name and architecture -> NEVRA of the runtime's packages; `work` is empty. Raises iso_files.IsoError."""
    place = next((held.extents[name] for name in STAGE2 if name in held.extents), None)
    if place is None:
        raise iso_files.IsoError(f"{iso.name} holds no installer's runtime (none of {', '.join(STAGE2)})")
    with _mounted(iso, work / "outer", f"offset={place.start},sizelimit={place.size}") as outer, contextlib.ExitStack() as stack:
        inner = next((outer / name for name in _INNER if (outer / name).is_file()), None)
        root = stack.enter_context(_mounted(inner, work / "inner", "noload")) if inner else outer
        said = _said(root, work)
    return {split(nevra): plain(nevra) for nevra in said}


def split(nevra: str) -> tuple[str, str]:
    """Name and architecture of a NEVRA."""
    rest, _, arch = nevra.rpartition(".")
    return rest.rsplit("-", 2)[0], arch


def plain(nevra: str) -> str:
    """The NEVRA without an epoch of 0."""
    return nevra.replace("-0:", "-", 1)


def _said(root: pathlib.Path, work: pathlib.Path) -> list[str]:
    with contextlib.suppress(FileNotFoundError):
        return [line.strip() for line in (root / _LIST).read_text("utf-8", "replace").splitlines() if line.strip()]
    for name in _DATABASES:
        for file, kind in _KINDS.items():
            if (root / name / file).is_file():
                # A copy, since RPM may want to write beside its database and the runtime is read-only.
                shutil.copytree(root / name, work / "rpmdb")
                form = "%{NAME}-%{EPOCHNUM}:%{VERSION}-%{RELEASE}.%{ARCH}\n"
                argv = ("rpm", "--dbpath", str(work / "rpmdb"), "--define", f"_db_backend {kind}", "-qa", "--queryformat", form)
                return [line for line in _run(*argv).splitlines() if not line.startswith("gpg-pubkey-")]
    raise iso_files.IsoError("the installer does not say which packages it is made of: it has neither lorax's list nor an RPM database")


@contextlib.contextmanager
def _mounted(image: pathlib.Path, target: pathlib.Path, options: str) -> Iterator[pathlib.Path]:
    target.mkdir()
    _run("mount", "-o", f"loop,ro,{options}", str(image), str(target))
    try:
        yield target
    finally:
        _run("umount", str(target))


def _run(*argv: str) -> str:
    done = subprocess.run(
        argv, capture_output=True, timeout=_TIMEOUT, check=False, text=True, errors="replace", stdin=subprocess.DEVNULL
    )
    if done.returncode:
        raise iso_files.IsoError(f"{argv[0]} failed on the installer's runtime: {' '.join(done.stderr.split())[-300:]}")
    return done.stdout
