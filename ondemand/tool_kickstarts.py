# SPDX-License-Identifier: MIT
"""A kickstart as an image tool gets it that installs by kickstart itself: exactly the lock's packages. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from pykickstart import constants, version

from ondemand import kickstarts

_NOT_FOR_TOOLS = ("url", "module", "autopart")
"""Beside `repo` a second source; streams, which a frozen repository knows nothing of; what excludes a `part`."""


def exact(
    text: str,
    syntax: str,
    packages: Iterable[str],
    *,
    kernel_arguments: Sequence[str] = (),
    root_size: int = 0,
    menu_timeout: int | None = None,
    enforcing: bool = False,
) -> str:
    """The kickstart whose %packages names these alone, with neither group nor weak dependency beside them.

    What it says itself stays: `kernel_arguments` come to its own where they lack, its root gets at least `root_size` MiB,
    `menu_timeout` (seconds) and SELinux `enforcing` are for one that says nothing of it. Raises errors.KickstartInvalid.
    """
    handler = kickstarts.handler(text, syntax)
    for command in _NOT_FOR_TOOLS:
        if command in handler.commands:
            handler.resetCommand(command)
    handler.method.method = None
    _name(handler, packages)
    _enlarge_root(handler, root_size)
    said = (handler.bootloader.appendLine or "").split()
    handler.bootloader.appendLine = " ".join([*said, *(word for word in kernel_arguments if word not in said)])
    if handler.bootloader.timeout is None:
        handler.bootloader.timeout = menu_timeout
    if enforcing and handler.selinux.selinux is None:
        handler.selinux.selinux = constants.SELINUX_ENFORCING
    return str(handler)


def _name(handler: version.KickstartHandler, packages: Iterable[str]) -> None:
    section = handler.packages
    section.packageList = sorted(set(packages))
    section.groupList, section.excludedList, section.excludedGroupList = [], [], []
    section.environment, section.default = None, False
    section.nocore, section.excludeWeakdeps = True, True
    section.handleMissing = constants.KS_MISSING_PROMPT


def _enlarge_root(handler: version.KickstartHandler, size: int) -> None:
    roots = [part for part in handler.partition.partitions if part.mountpoint == "/"]
    if not roots:
        roots = [handler.PartData(mountpoint="/", fstype="ext4")]
        handler.partition.partitions.append(roots[0])
    for root in roots:
        root.size = max(root.size or 0, size)
