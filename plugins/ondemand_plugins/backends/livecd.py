# SPDX-License-Identifier: MIT
"""Backend `livecd`: live images by livecd-creator of livecd-tools 28 to 31, from the frozen repository alone. Pure."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

import pydantic

from ondemand import errors, plugins, tool_kickstarts
from ondemand.build_requests import Profile
from ondemand.locks import Lock
from ondemand_plugins.backends import failures, livecd_version, progress
from ondemand_plugins.backends import options as backend_options

TOOL = "livecd-creator"
BUILD_TIMEOUT = 5400.0
_OLDEST = (28,)
_SINCE = {
    "--pkgverify-level": livecd_version.AFTER_31,
    "--dracut-conf-args": livecd_version.AFTER_31,
    "--syslinux": livecd_version.AFTER_31,
}
"""Options that not every version has that is driven here; tests compare with the tools' own parsers."""
_DATABASE = "%_dbpath /usr/lib/sysimage/rpm\n"
_OVERLAY = "rd.live.overlay.overlayfs"
_MIB = 1024**2
_LEAST_ROOT = 4096
_LABEL = re.compile(r"[A-Za-z0-9._-]{1,32}")
Compression = Literal["gzip", "lzo", "lz4", "xz", "zstd"]


class Options(pydantic.BaseModel, frozen=True, extra="forbid"):
    """What a release definition may set for the image type. `base_on` is a live ISO on the builder, which may hold nothing
    that the lock does not name. Without `boot_loader` for BIOS it is the version's own: isolinux up to 31.0, then GRUB."""

    kernel_command_line: Annotated[str, pydantic.Field(pattern=r"^[A-Za-z0-9 =,._:/-]{0,500}$")] = (
        "console=tty0 console=ttyS0,115200"
    )
    menu_timeout: Annotated[int, pydantic.Field(ge=1, le=600)] = 1
    flat_squashfs: bool = False
    test_compression: Compression = "lz4"
    release_compression: Compression = "xz"
    boot_loader: Literal["isolinux", "grub"] | None = None
    initramfs_compression: Literal["zstd", "xz", "lz4", "gzip"] | None = None
    pkgverify_level: Literal["digest", "none"] | None = None
    base_on: Annotated[str, pydantic.Field(pattern=r"^/[A-Za-z0-9._/+-]{1,500}$")] | None = None


class LivecdBackend:
    """Live images as hybrid ISOs whose root is squashfs, with an ext4 image in it unless `flat_squashfs`."""

    name: ClassVar[str] = "livecd"
    closed: ClassVar[bool] = True
    image_types: ClassVar[frozenset[str]] = frozenset({"live"})
    commands: ClassVar[frozenset[str] | None] = frozenset(
        {"lang", "keyboard", "timezone", "authselect", "firewall", "rootpw", "services", "xconfig", "network"}
        | {"selinux", "bootloader", "part", "partition"}
    )
    tools: ClassVar[tuple[str, ...]] = (TOOL, "rpm", "mksquashfs", "xorrisofs", "resize2fs", "udevadm", "mkefiboot")
    probes: ClassVar[Mapping[str, tuple[str, ...]]] = {TOOL: (sys.executable, "-m", livecd_version.__name__)}
    failures: ClassVar[tuple[plugins.Failure, ...]] = failures.LIVECD
    progress: ClassVar[tuple[plugins.Progress, ...]] = progress.LIVECD

    def disk(self, lock: Lock) -> int:
        """The root, its squashfs and the ISO, with room for what scripts add; at least 1 GiB."""
        return max(1024**3, int(_root(lock) * 2.5))

    def check(self, draft: plugins.Draft) -> None:
        """Raises errors.InvalidRequest for options, a label or a title that the tool can't take, and errors.ToolMissing."""
        options = backend_options.read(Options, draft, self.name)
        _require_names(draft)
        if draft.versions:
            version = _version(draft)
            _require(_chosen(draft, options, version), version)

    def plan(self, order: plugins.Order) -> plugins.Plan:
        """One run of livecd-creator; raises errors.InvalidRequest for options that it or its version does not know."""
        options = backend_options.read(Options, order, self.name)
        version = _version(order)
        arguments = [*_fixed(order), *_chosen(order, options, version)]
        _require(arguments, version)
        return plugins.Plan(
            files={"tool.ks": _kickstart(order, options), "home/.rpmmacros": _DATABASE},
            folders=("tmp", "cache"),
            commands=(plugins.Command(argv=(TOOL, *arguments), timeout=BUILD_TIMEOUT, environment=_environment(order)),),
            image="*.iso",
        )


def _root(lock: Lock) -> int:
    return max(lock.installed_size, 3 * lock.download_size)


def _version(order: plugins.Draft) -> tuple[int, ...]:
    text = order.versions.get(TOOL, "")
    found = tuple(int(part) for part in text.split(".") if part.isdecimal())
    if found < _OLDEST:
        raise errors.ToolMissing(
            f"Backend livecd can't drive livecd-tools {text or 'of unknown version'}",
            cause="it knows the options of livecd-tools 28 to 31",
            remedy="install one of them on the builder, or let the release name another backend",
        )
    return found


def _require_names(draft: plugins.Draft) -> None:
    if not _LABEL.fullmatch(draft.label):
        raise errors.InvalidRequest(
            f"«{draft.label}» can't be the volume label",
            cause="the boot menu finds the image by it: at most 32 of letters, digits, dot, dash and underscore",
            remedy="give another volume_label",
        )
    if "'" in (title := draft.request.title or ""):
        raise errors.InvalidRequest(
            f"The title «{title}» can't be put into the boot menu",
            cause="livecd-tools write it between single quotes in GRUB's own language",
            remedy="leave the ' out, or write ’ in its place",
        )


def _fixed(order: plugins.Order) -> list[str]:
    """Arguments of every build. The temporary folder lies below `work`, where a builder looks for what the tool left."""
    _require_names(order)
    title = order.request.title or f"Build {order.build_id}"
    return [
        *("--config", str(order.work / "tool.ks"), "--fslabel", order.label, "--title", title, "--product", title),
        *("--releasever", order.release.version, "--tmpdir", str(order.work / "tmp")),
        *("--cache", str(order.work / "cache"), "--verbose"),
    ]


def _chosen(order: plugins.Draft, options: Options, version: tuple[int, ...]) -> list[str]:
    test = order.request.profile is Profile.TEST
    words = ["--compression-type", options.test_compression if test else options.release_compression]
    words += ["--flat-squashfs"] if options.flat_squashfs else []
    words += ["--base-on", options.base_on] if options.base_on else []
    words += ["--pkgverify-level", options.pkgverify_level] if options.pkgverify_level else []
    if options.initramfs_compression or version >= livecd_version.AFTER_31:
        words += ["--dracut-conf-args", _initramfs(order, options, test)]
    if version < livecd_version.AFTER_31:
        if options.boot_loader == "grub":
            raise _lacking("boot_loader = grub", version)
    elif options.boot_loader == "isolinux":
        words += ["--syslinux"]
    return words


def _initramfs(order: plugins.Draft, options: Options, test: bool) -> str:
    """A line for dracut, which would else take the root's compression whether its program is in the image or not."""
    there = {package.name for package in order.lock.packages}
    program = options.initramfs_compression or next((name for name in ("zstd", "xz") if name in there), "gzip")
    level = (" -1" if test else " -19") if program == "zstd" else ""
    return f'+compress="{program}{level}"'


def _require(arguments: list[str], version: tuple[int, ...]) -> None:
    for word in arguments:
        if version < _SINCE.get(word, _OLDEST):
            raise _lacking(word, version)


def _lacking(what: str, version: tuple[int, ...]) -> errors.InvalidRequest:
    return errors.InvalidRequest(
        f"livecd-tools {'.'.join(map(str, version))} has no {what}",
        cause="the release definition sets an option of a later version",
        remedy="take it out of the release definition, or install that version on the builders",
    )


def _environment(order: plugins.Order) -> dict[str, str]:
    # Up to 31.0 the tool's own --releasever does not reach dnf, which asks the host then: one that is no Fedora can't say.
    return {"HOME": str(order.work / "home"), "DNF_VAR_releasever": order.release.version}


def _kickstart(order: plugins.Order, options: Options) -> str:
    arguments = options.kernel_command_line.split()
    # The tool would add it without a space before it.
    arguments += [_OVERLAY] if options.flat_squashfs else []
    return tool_kickstarts.exact(
        order.kickstart,
        order.release.kickstart_syntax,
        _names(order.lock),
        kernel_arguments=arguments,
        root_size=max(_LEAST_ROOT, int(_root(order.lock) * 1.3) // _MIB + 1024),
        menu_timeout=options.menu_timeout,
        enforcing=any(package.name.startswith("selinux-policy-") for package in order.lock.packages),
    )


def _names(lock: Lock) -> list[str]:
    """The names by which dnf takes exactly these: by its bare name a package of the system's own architecture."""
    own = (lock.arch, "noarch")
    return [p.name if p.arch in own else f"{p.name}.{p.arch}" for p in lock.packages]
