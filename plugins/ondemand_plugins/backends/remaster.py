# SPDX-License-Identifier: MIT
"""Backend `remaster`: the published boot.iso with a side repository and the kickstart, in seconds. Pure: makes a plan, runs nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from ondemand import kickstarts, plugins
from ondemand.locks import Lock
from ondemand.releases import Role
from ondemand_plugins.backends import failures, installer_media, installer_options, progress
from ondemand_plugins.backends import options as backend_options

TIMEOUT = 1800.0
_HEAD = """\
# ks.cfg: what this boot ISO installs: the wanted builds from its own side repository, all else from the release's repositories.
"""
_SIDE = "harddrive --partition=LABEL={label} --dir=/{folder}\n"


class RemasterBackend:
    """Boot ISOs whose installer stays the published one; a build that belongs to the installer is refused, or given as updates."""

    name: ClassVar[str] = "remaster"
    closed: ClassVar[bool] = True
    image_types: ClassVar[frozenset[str]] = frozenset({"boot"})
    commands: ClassVar[frozenset[str] | None] = None
    tools: ClassVar[tuple[str, ...]] = installer_options.TOOLS
    probes: ClassVar[Mapping[str, tuple[str, ...]]] = {"xorriso": ("xorriso", "-no_rc", "-version")}
    failures: ClassVar[tuple[plugins.Failure, ...]] = failures.MEDIA
    progress: ClassVar[tuple[plugins.Progress, ...]] = progress.MEDIA

    def disk(self, lock: Lock) -> int:
        """The finished image, and room for its parts."""
        return lock.fetched_size + 256 * 1024**2

    def check(self, draft: plugins.Draft) -> None:
        """Raises errors.InvalidRequest for options that it does not know, and for a release without a published boot.iso."""
        backend_options.read(installer_options.Options, draft, self.name)
        installer_options.require_boot_iso(draft, self.name)

    def plan(self, order: plugins.Order) -> plugins.Plan:
        """One run of installer_media; raises errors.InvalidRequest for options it does not know."""
        options = backend_options.read(installer_options.Options, order, self.name)
        job = installer_media.Job(
            source=installer_options.boot_iso(order, self.name),
            target=order.work / "result" / "image.iso",
            label=order.label,
            kickstart=order.work / "ks.cfg",
            words=installer_options.words(order, options),
            spoken=installer_options.SPOKEN,
            wanted=installer_options.wanted(order, order.lock.packages, order.side) if order.side else (),
            side=order.side,
        )
        return plugins.Plan(
            files={"ks.cfg": kickstart(order), "job.json": job.model_dump_json()},
            folders=("result",),
            commands=(installer_options.command(TIMEOUT),),
            image="result/*.iso",
        )


def kickstart(order: plugins.Order) -> str:
    """The order's kickstart with the release's stable repositories as its sources, from which nothing comes that the side
    repository has; that one is the first source, since only so they may leave anything out."""
    names = sorted({package.name for package in order.lock.everything})
    given: list[dict[str, Any]] = [
        {"name": repository.id, "baseurl": repository.url(order.request.arch), "excludepkgs": names}
        for repository in order.release.repositories
        if repository.role is Role.STABLE
    ]
    syntax = order.release.kickstart_syntax
    if order.side is None:
        return _HEAD + kickstarts.with_repositories(order.kickstart, syntax, given)
    text = kickstarts.with_repositories(order.kickstart, syntax, given, first_is_url=False)
    return _HEAD + _SIDE.format(label=order.label, folder=installer_media.SIDE) + text
