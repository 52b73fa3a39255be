# SPDX-License-Identifier: MIT
"""Backend `livemedia`: live images by livemedia-creator, which runs Anaconda on the builder itself. Pure: makes a plan."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, ClassVar

import pydantic

from ondemand import errors, kickstarts, plugins
from ondemand.build_requests import Profile
from ondemand.locks import Lock, Multilib, Rules
from ondemand_plugins.backends import failures, lorax_versions, progress
from ondemand_plugins.backends import options as backend_options

BUILD_TIMEOUT = 7200.0
_TOOL = "livemedia-creator"
_NEEDED = "dracut-live"
"""The package that livemedia-creator refuses to make an ISO without."""
_REFUSED = ("autopart", "cmdline", "graphical", "text", "vnc")
"""Commands of a kickstart that it refuses, or that make no single root."""
_LOGS = ("logs/livemedia.log", "logs/program.log", "logs/anaconda/*")
_MODULES = "--add livenet dmsquash-live dmsquash-live-ntfs convertfs pollcdrom qemu qemu-net"
_MIB = 1024**2
_GIB = 1024**3


class Options(pydantic.BaseModel, frozen=True, extra="forbid"):
    """What a release definition may set for the image type.

    `templates` is the folder of lorax's templates on the builders, else the tool's own.
    """

    templates: lorax_versions.Folder | None = None
    rootfs_type: lorax_versions.RootType = "squashfs"
    extra_boot_args: Annotated[str, pydantic.Field(pattern=r"^[A-Za-z0-9 =,._:/-]{0,500}$")] = ""
    test_compression: lorax_versions.Compression = "lz4"
    release_compression: lorax_versions.Compression = "xz"


class LivemediaBackend:
    """Live images out of a kickstart, installed by Anaconda.

    Not closed: Anaconda adds what it holds for needed. It finds nothing but the frozen repository.
    """

    name: ClassVar[str] = "livemedia"
    closed: ClassVar[bool] = False
    image_types: ClassVar[frozenset[str]] = frozenset({"live"})
    commands: ClassVar[frozenset[str] | None] = None
    tools: ClassVar[tuple[str, ...]] = (_TOOL, "anaconda", "xorrisofs", "mksquashfs", "implantisomd5")
    probes: ClassVar[Mapping[str, tuple[str, ...]]] = {_TOOL: (_TOOL, "-V")}
    failures: ClassVar[tuple[plugins.Failure, ...]] = failures.LIVEMEDIA
    progress: ClassVar[tuple[plugins.Progress, ...]] = progress.LORAX

    def disk(self, lock: Lock) -> int:
        """The root's file system, its squashfs, the boot files and the ISO; at least 2 GiB."""
        return max(2 * _GIB, int(_root(lock) * 2.5))

    def check(self, draft: plugins.Draft) -> None:
        """Raises errors.InvalidRequest for options, packages and kickstart commands that the tool can't do with."""
        options = backend_options.read(Options, draft, self.name)
        _require_kickstart(draft)
        lorax_versions.product(draft.release.title)
        if draft.versions:
            lorax_versions.root_words(options.rootfs_type, _TOOL, lorax_versions.version(draft, _TOOL))

    def plan(self, order: plugins.Order) -> plugins.Plan:
        """One run; raises errors.InvalidRequest for options, packages and kickstart commands that it can't do with."""
        options = backend_options.read(Options, order, self.name)
        version = lorax_versions.version(order, _TOOL)
        return plugins.Plan(
            files={"build.ks": kickstart(order)},
            folders=("logs", "tmp"),
            commands=(
                plugins.Command(
                    argv=(_TOOL, "--make-iso", "--no-virt", *_words(order, options, version)),
                    timeout=BUILD_TIMEOUT,
                ),
            ),
            image="result/image.iso",
            logs=_LOGS,
        )


def _words(order: plugins.Order, options: Options, version: str) -> list[str]:
    test = order.request.profile is Profile.TEST
    words = ["--ks", str(order.work / "build.ks"), "--iso-only", "--iso-name", "image.iso", "--nomacboot"]
    words += ["--project", lorax_versions.product(order.release.title), "--releasever", order.release.version]
    words += ["--volid", order.label, *lorax_versions.root_words(options.rootfs_type, _TOOL, version)]
    words += ["--compression", options.test_compression if test else options.release_compression]
    words += ["--logfile", str(order.work / "logs" / "livemedia.log"), "--tmp", str(order.work / "tmp")]
    words += ["--resultdir", str(order.work / "result")]
    words += ["--lorax-templates", options.templates] if options.templates else []
    words += ["--extra-boot-args", options.extra_boot_args] if options.extra_boot_args else []
    if test:
        own = (_MODULES, "--no-hostonly", "--no-early-microcode", lorax_versions.QUICK_INITRAMFS)
        words += [f"--dracut-arg={word}" for word in own]
    return words


def _require_kickstart(draft: plugins.Draft) -> kickstarts.Kickstart:
    """What the kickstart says; raises errors.InvalidRequest for what the tool refuses."""
    said = kickstarts.parse(draft.kickstart, draft.release.kickstart_syntax)
    if wrong := [command for command in _REFUSED if command in said.commands]:
        raise errors.InvalidRequest(
            f"{_TOOL} takes no kickstart with {', '.join(wrong)}",
            cause="it installs into a single root, without asking",
            remedy="leave that out of the kickstart, or choose another backend",
        )
    if _NEEDED not in lorax_versions.names(draft.lock):
        raise errors.InvalidRequest(
            f"{_TOOL} makes no live image without the package {_NEEDED}",
            cause="that package holds what mounts the image's root",
            remedy=f"add {_NEEDED} to the packages",
        )
    return said


def kickstart(order: plugins.Order) -> str:
    """build.ks as Anaconda has to read it: every locked package by its name, and a root that holds them."""
    said = _require_kickstart(order)
    names = lorax_versions.names(order.lock)
    size = math.ceil(_root(order.lock) / _MIB)
    root = "" if "part" in said.commands or "partition" in said.commands else f"part / --fstype=ext4 --size={size}\n"
    head, _, rest = said.text.rpartition("\n%packages")
    tail = rest.partition("\n%end")[2]
    return "\n".join([f"{head}\n{root}", _section(order.lock.rules), *names, "%end", tail.lstrip("\n")])


def _section(rules: Rules) -> str:
    """The head of %packages; the lock has no groups any more."""
    words = ["%packages", "--nocore", "--exclude-weakdeps"]
    words += [] if rules.documentation else ["--excludedocs"]
    words += ["--multilib"] if rules.multilib is Multilib.ALL else []
    words += [] if rules.languages is None else [f"--inst-langs={':'.join(rules.languages)}"]
    return " ".join(words)


def _root(lock: Lock) -> int:
    """Bytes of the root's file system: what is installed, and half as much again for scripts and the file system."""
    return max(2 * _GIB, int(max(lock.installed_size, 3 * lock.download_size) * 1.5))
