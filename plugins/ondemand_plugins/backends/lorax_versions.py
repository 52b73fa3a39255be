# SPDX-License-Identifier: MIT
"""What lorax and livemedia-creator take in which version, and what both take alike. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

import pydantic

from ondemand import errors, plugins, versions
from ondemand.locks import Lock

OLDEST = "40.0"
"""The oldest lorax whose options are known here."""
_FROM_TO: Mapping[str, tuple[tuple[str, str | None], ...]] = {
    # The branch 40.5.x got it later, and 40.6 to 41.1 do not have it.
    "--rootfs-type": (("40.5.6", "40.6"), ("41.2", None)),
}
"""Options that not every version from OLDEST on has: from which one on, and before which one."""

RootType = Literal["squashfs", "squashfs-ext4", "erofs", "erofs-ext4"]
Compression = Literal["lz4", "lzo", "zstd", "gzip", "xz"]
Folder = Annotated[str, pydantic.Field(pattern=r"^/[A-Za-z0-9._/+-]{1,400}$")]
QUICK_INITRAMFS = "--compress zstd -1"
"""What dracut is told in profile `test`; without the program zstd in the image it falls back to gzip by itself."""


def has(option: str, version: str) -> bool:
    """Whether that version has the option; of those that all have this knows nothing."""
    here = versions.key(version)
    spans = _FROM_TO.get(option)
    return spans is None or any(
        versions.key(first) <= here and (end is None or here < versions.key(end)) for first, end in spans
    )


def version(order: plugins.Draft, tool: str) -> str:
    """The tool's version on this builder; raises errors.ToolMissing where that is older than OLDEST, or not told."""
    found = order.versions.get(tool, "")
    if not found or versions.key(found) < versions.key(OLDEST):
        raise errors.ToolMissing(
            f"{tool} {found or 'of an unknown version'} can't be used on this builder",
            cause=f"its options are known from version {OLDEST} on",
            remedy="install a newer one, or let another builder take the build",
        )
    return found


def root_words(kind: RootType, tool: str, version: str) -> tuple[str, ...]:
    """How the tool is told the runtime's file system; raises errors.InvalidRequest where that version can't make it."""
    if has("--rootfs-type", version):
        return ("--rootfs-type", kind)
    if kind == "squashfs":
        return ("--squashfs-only",)
    if kind == "squashfs-ext4":
        return ()
    raise errors.InvalidRequest(
        f"{tool} {version} makes no root of type «{kind}»",
        cause="it has no option --rootfs-type",
        remedy="set `rootfs_type` of the release definition to squashfs, or install another version on the builders",
    )


def product(name: str) -> str:
    """The product's name as lorax's templates can take it, which put it between quotes; raises errors.InvalidRequest."""
    if set(name) & set("'\"\\@`$\n") or not name.strip():
        raise errors.InvalidRequest(
            f"The product's name «{name}» can't be used",
            cause="lorax's templates put it between quotes",
            remedy="choose a name without quotes, backslashes, @ and $ in the release definition",
        )
    return name


def names(lock: Lock) -> list[str]:
    """The names by which DNF takes exactly the lock's packages: a bare name is one of the system's own architecture."""
    own = (lock.arch, "noarch")
    return sorted({p.name if p.arch in own else f"{p.name}.{p.arch}" for p in lock.packages})
