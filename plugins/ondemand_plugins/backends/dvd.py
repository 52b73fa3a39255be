# SPDX-License-Identifier: MIT
"""Backend `dvd`: the published boot.iso with the locked packages as a tree and the kickstart on it. Pure: makes a plan, runs nothing."""

from __future__ import annotations

import pathlib
from collections.abc import Mapping
from typing import ClassVar, Literal

from ondemand import errors, kickstarts, plugins
from ondemand.locks import Lock, LockedPackage
from ondemand_plugins.backends import failures, installer_media, installer_options, progress
from ondemand_plugins.backends import options as backend_options

MEDIA = {"dvd": 2_295_104 * 2048, "dvd-dl": 4_171_712 * 2048, "bd": 12_219_392 * 2048, "none": -1}
"""Bytes of a writable medium of each kind; the smaller one where DVD-R and DVD+R differ."""
TIMEOUT = 3600.0
_PACKED = 0.2
"""Share of its packages' size that a runtime made by lorax has at least, packed by xz and without what its templates remove."""
FOLDER = "medium"
"""Where the image is put, below the work folder."""
_HEAD = """\
# ks.cfg: what this DVD installs, from its own packages alone and without network.
# The two kickstarts beside the image say how it was made.
harddrive --partition=LABEL={label} --dir=/
"""


class Options(installer_options.Options, frozen=True, extra="forbid"):
    """What a release definition may set for the image type; `medium` is what the image has to fit on."""

    medium: Literal["dvd", "dvd-dl", "bd", "none"] = "dvd"


class DvdBackend:
    """Installation DVDs that install themselves from their own tree; closed as to that tree."""

    name: ClassVar[str] = "dvd"
    closed: ClassVar[bool] = True
    image_types: ClassVar[frozenset[str]] = frozenset({"dvd"})
    commands: ClassVar[frozenset[str] | None] = None
    tools: ClassVar[tuple[str, ...]] = installer_options.TOOLS
    probes: ClassVar[Mapping[str, tuple[str, ...]]] = {"xorriso": ("xorriso", "-no_rc", "-version")}
    failures: ClassVar[tuple[plugins.Failure, ...]] = failures.MEDIA
    progress: ClassVar[tuple[plugins.Progress, ...]] = progress.MEDIA

    def disk(self, lock: Lock) -> int:
        """The finished image, and room for its parts."""
        return size(lock) + 256 * 1024**2

    def check(self, draft: plugins.Draft) -> None:
        """Raises errors.InvalidRequest for wrong options, without a boot.iso or a tree, and for a tree that the medium can't hold."""
        options = backend_options.read(Options, draft, self.name)
        installer_options.require_boot_iso(draft, self.name)
        check_tree(draft.lock, options)

    def plan(self, order: plugins.Order) -> plugins.Plan:
        """One run of installer_media; raises as `check` does."""
        self.check(order)
        options = backend_options.read(Options, order, self.name)
        return plan(order, options, installer_options.boot_iso(order, self.name))


def check_tree(lock: Lock, options: Options) -> None:
    """Raises errors.InvalidRequest for a lock without a tree, and where that is more than the medium holds."""
    if not lock.tree:
        raise _without_tree()
    limit = MEDIA[options.medium]
    if (needed := size(lock)) > limit >= 0:
        raise errors.InvalidRequest(
            f"The image needs {needed / 1e9:.2f} GB and a medium «{options.medium}» holds {limit / 1e9:.2f}",
            remedy="ask for fewer packages, or let the operator choose a larger `medium` in the release definition",
        )


def plan(order: plugins.Order, options: Options, boot_iso: pathlib.Path) -> plugins.Plan:
    """One run of installer_media that begins from `boot_iso`; raises errors.InvalidRequest for an order without a tree."""
    if order.tree is None:
        raise _without_tree()
    installer = order.release.definition(order.request.image_type).installer
    job = installer_media.Job(
        source=boot_iso,
        target=order.work / FOLDER / "image.iso",
        label=order.label,
        kickstart=order.work / "ks.cfg",
        words=installer_options.words(order, options),
        spoken=installer_options.SPOKEN,
        wanted=installer_options.wanted(order, order.lock.tree, order.tree / "Packages"),
        tree=order.tree,
        about=installer_media.About(
            product=installer.product if installer else order.release.name,
            version=order.release.version,
            variant=installer.variant if installer else "",
            arch=order.request.arch,
            time=0.0,
        ),
        medium=options.medium,
        limit=MEDIA[options.medium],
    )
    return plugins.Plan(
        files={"ks.cfg": kickstart(order), "job.json": job.model_dump_json()},
        folders=(FOLDER,),
        commands=(installer_options.command(TIMEOUT),),
        image=f"{FOLDER}/*.iso",
    )


def _without_tree() -> errors.InvalidRequest:
    return errors.InvalidRequest(
        "A DVD without a tree can't be made", cause="the lock names no packages for it", remedy="request it with packages"
    )


def size(lock: Lock) -> int:
    """Bytes that the image will have at least, by the lock's sizes."""
    installer = max(0, lock.boot_iso.size) if lock.boot_iso else int(_PACKED * lock.installed_size)
    return sum(_whole(package) for package in lock.tree) + installer


def kickstart(order: plugins.Order) -> str:
    """The order's kickstart with the DVD itself as its only source, found by its label, whatever drive it is in."""
    text = kickstarts.with_repositories(order.kickstart, order.release.kickstart_syntax, [])
    return _HEAD.format(label=order.label) + text


def _whole(package: LockedPackage) -> int:
    """A file takes whole blocks of an ISO."""
    return (max(0, package.size) + 2047) // 2048 * 2048

