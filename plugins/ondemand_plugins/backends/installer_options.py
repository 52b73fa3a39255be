# SPDX-License-Identifier: MIT
"""What backends `dvd`, `lorax_dvd` and `remaster` have in common: options, tools, and the command that does the work. Pure."""

from __future__ import annotations

import pathlib
import sys
from collections.abc import Iterable
from typing import Annotated

import pydantic

from ondemand import errors, plugins
from ondemand.locks import LockedPackage
from ondemand_plugins.backends import installer_media

TOOLS = ("xorriso", "mcopy", "mdir", "mtype", "implantisomd5", "mount", "rpm", "rpm2cpio")


_REPLAY = (1, 4, 2)
"""The first xorriso that makes the boot records of an ISO anew as they were."""
SPOKEN = ("console=ttyS0,115200", "console=tty0", "systemd.log_target=kmsg", "printk.devkmsg=on", "loglevel=7")
"""Words by which a serial line hears how far an installer got, while it keeps the screen: only where the boot proof listens."""


class Options(pydantic.BaseModel, frozen=True, extra="forbid"):
    """`kernel_command_line` are further words for every boot entry that starts the installer. Without an `automatic` installation
    the kickstart lies on the medium and no boot entry names it, so that no disk is wiped because a menu's time is over."""

    kernel_command_line: Annotated[str, pydantic.Field(pattern=r"^[A-Za-z0-9 =,._:/-]{0,500}$")] = ""
    automatic: bool = False


def require_xorriso(draft: plugins.Draft, backend: str) -> None:
    """Raises errors.ToolMissing where the builder's xorriso is too old."""
    found = draft.versions.get("xorriso", "")
    if found and tuple(int(part) for part in found.split(".")) < _REPLAY:
        raise errors.ToolMissing(
            f"Backend {backend} can't work with xorriso {found}",
            cause=f"versions before {'.'.join(map(str, _REPLAY))} can't keep the boot records of an ISO",
            remedy="install a newer xorriso on the builder",
        )


def require_boot_iso(draft: plugins.Draft, backend: str) -> None:
    """Raises errors.InvalidRequest where the release has published no boot.iso, and as `require_xorriso` does."""
    require_xorriso(draft, backend)
    if draft.lock.boot_iso is None:
        raise _unpublished(draft, backend)


def boot_iso(order: plugins.Order, backend: str) -> pathlib.Path:
    """The published boot.iso; raises as `require_boot_iso` does."""
    require_boot_iso(order, backend)
    if order.boot_iso is None:
        raise _unpublished(order, backend)
    return order.boot_iso


def _unpublished(draft: plugins.Draft, backend: str) -> errors.InvalidRequest:
    return errors.InvalidRequest(
        f"Backend {backend} needs the boot.iso that release {draft.release.name} published",
        cause="its definition names none for this image type",
        remedy="the operator gives `boot_iso` in the image type's `installer`, or chooses another backend",
    )


def words(order: plugins.Order, options: Options) -> tuple[str, ...]:
    """The words for the kernel's command lines."""
    said = tuple(options.kernel_command_line.split())
    return (*said, f"inst.ks=hd:LABEL={order.label}:/{installer_media.KICKSTART}") if options.automatic else said


def wanted(order: plugins.Order, installed: Iterable[LockedPackage], folder: pathlib.Path) -> tuple[installer_media.Wanted, ...]:
    """All packages of wanted builds, whose RPMs lie in `folder`; `installed` are those that get into the installed system."""
    there = {package.nevra for package in installed}
    return tuple(
        installer_media.Wanted(
            nevra=package.nevra, build=package.build or package.nevra, rpm=folder / package.filename, installed=package.nevra in there
        )
        for package in order.lock.everything
        if package.wanted
    )


def command(timeout: float) -> plugins.Command:
    """Our own program, found where this module was found."""
    return plugins.Command(
        argv=(sys.executable, "-m", installer_media.__name__, "job.json"),
        timeout=timeout,
        environment={"PYTHONPATH": ":".join(path for path in sys.path if path), "PYTHONUNBUFFERED": "1"},
    )
