# SPDX-License-Identifier: MIT
"""Backend `lorax`: boot ISOs by lorax from the frozen repository alone. Pure: makes a plan, runs nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar

import pydantic

from ondemand import errors, plugins, releases
from ondemand.build_requests import Profile
from ondemand.locks import Lock
from ondemand_plugins.backends import failures, lorax_versions, progress
from ondemand_plugins.backends import options as backend_options

BUILD_TIMEOUT = 7200.0
_DATABASE = "%_dbpath /usr/lib/sysimage/rpm\n"
_LOGS = ("logs/program.log", "logs/lorax.log", "logs/dnf.log")
_GIB = 1024**3


class Options(pydantic.BaseModel, frozen=True, extra="forbid"):
    """What a release definition may set for the image type.

    `sharedir` is lorax's folder of templates on the builders, else its own; it should be the one that the installer of
    the release definition names. `rootfs_size` is in GiB.
    """

    sharedir: lorax_versions.Folder | None = None
    rootfs_type: lorax_versions.RootType = "squashfs"
    rootfs_size: Annotated[int, pydantic.Field(ge=1, le=64)] | None = None
    macboot: bool = False
    isfinal: bool = False
    verify: bool = True
    branding: bool = True
    test_compression: lorax_versions.Compression = "lz4"
    release_compression: lorax_versions.Compression = "xz"


class LoraxBackend:
    """An installer's boot.iso, out of lorax's templates.

    Not closed: the templates say what is installed, and take away again. They find nothing but the frozen repository.
    """

    name: ClassVar[str] = "lorax"
    closed: ClassVar[bool] = False
    image_types: ClassVar[frozenset[str]] = frozenset({"boot"})
    commands: ClassVar[frozenset[str] | None] = frozenset()
    tools: ClassVar[tuple[str, ...]] = ("lorax", "xorrisofs", "mksquashfs", "implantisomd5")
    probes: ClassVar[Mapping[str, tuple[str, ...]]] = {"lorax": ("lorax", "-V")}
    failures: ClassVar[tuple[plugins.Failure, ...]] = failures.LORAX
    progress: ClassVar[tuple[plugins.Progress, ...]] = progress.LORAX

    def disk(self, lock: Lock) -> int:
        """The runtime's tree, its image, the initramfs and the ISO; at least 2 GiB."""
        root = max(lock.installed_size, 3 * lock.download_size)
        return max(2 * _GIB, int(root * 2.5))

    def check(self, draft: plugins.Draft) -> None:
        """Raises errors.InvalidRequest for options and an installer that the tool can't take, and errors.ToolMissing."""
        options = backend_options.read(Options, draft, self.name)
        lorax_versions.product(_installer(draft).product)
        if draft.versions:
            lorax_versions.root_words(options.rootfs_type, "lorax", lorax_versions.version(draft, "lorax"))

    def plan(self, order: plugins.Order) -> plugins.Plan:
        """One run of lorax; raises errors.InvalidRequest for options that it or the builder's version does not know."""
        options = backend_options.read(Options, order, self.name)
        version = lorax_versions.version(order, "lorax")
        quick = order.request.profile is Profile.TEST
        return plugins.Plan(
            files={"lorax.conf": _configuration(options, quick=quick), "home/.rpmmacros": _DATABASE},
            folders=("logs", "tmp"),
            commands=(
                plugins.Command(
                    argv=("lorax", *_words(order, options, version), str(order.work / "result")),
                    timeout=BUILD_TIMEOUT,
                    environment={"HOME": str(order.work / "home")},
                ),
            ),
            image="result/images/boot.iso",
            logs=_LOGS,
        )


def _words(order: plugins.Order, options: Options, version: str) -> list[str]:
    installer = _installer(order)
    release = order.release.version
    words = ["-p", lorax_versions.product(installer.product), "-v", release, "-r", release]
    words += ["--source", order.repository.absolute().as_uri(), "--buildarch", order.request.arch, "--volid", order.label]
    words += ["--variant", installer.variant] if installer.variant else []
    words += ["--isfinal"] if options.isfinal else []
    words += ["--macboot" if options.macboot else "--nomacboot"]
    words += lorax_versions.root_words(options.rootfs_type, "lorax", version)
    words += ["--rootfs-size", str(options.rootfs_size)] if options.rootfs_size else []
    words += ["--sharedir", options.sharedir] if options.sharedir else []
    words += [] if options.verify else ["--noverify"]
    words += [] if options.branding else ["--skip-branding"]
    for name, place in (("config", "lorax.conf"), ("logfile", "logs/lorax.log"), ("tmp", "tmp"), ("cachedir", "cache")):
        words += [f"--{name}", str(order.work / place)]
    if order.request.profile is Profile.TEST:
        # Without the module fips of lorax's own arguments: an image for a look needs no such mode.
        words += [f"--dracut-arg={word}" for word in (_BUILDSTAMP, _NO_MICROCODE, lorax_versions.QUICK_INITRAMFS)]
    # Every locked package by its name, so that the image is the lock whatever the builder's templates choose.
    words += [f"--installpkgs={name}" for name in lorax_versions.names(order.lock)]
    return words + [f"--excludepkgs={name}" for name in order.request.remove_packages]


_BUILDSTAMP = "--install /.buildstamp"
_NO_MICROCODE = "--no-early-microcode"


def _installer(draft: plugins.Draft) -> releases.Installer:
    installer = draft.release.definition(draft.request.image_type).installer
    if installer is None:
        raise errors.InvalidRequest(
            f"lorax can't make images of type «{draft.request.image_type.value}» of release {draft.release.name}",
            cause="its definition names no installer for them",
            remedy="give that image type an `installer` in the release definition",
        )
    return installer


def _configuration(options: Options, *, quick: bool) -> str:
    """lorax.conf; xz alone has a filter for machine code. EROFS in profile `release` is compressed as lorax does."""
    kind = options.test_compression if quick else options.release_compression
    bcj = "on" if kind == "xz" else "off"
    erofs = "[compression.erofs]\ntype = lz4\nargs =\n" if quick else ""
    return f"[compression]\ntype = {kind}\nargs =\nbcj = {bcj}\n{erofs}"
