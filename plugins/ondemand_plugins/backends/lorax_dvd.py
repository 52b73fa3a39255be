# SPDX-License-Identifier: MIT
"""Backend `lorax_dvd`: a boot.iso that lorax makes out of the lock, and then a DVD as `dvd` makes it. Pure: makes a plan, runs nothing."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import ClassVar, TypeVar

from ondemand import errors, plugins
from ondemand.locks import Lock
from ondemand_plugins.backends import dvd, failures, installer_options, lorax, progress
from ondemand_plugins.backends import options as backend_options

_Given = TypeVar("_Given", bound=plugins.Draft)


class Options(lorax.Options, dvd.Options, frozen=True, extra="forbid"):
    """What a release definition may set for the image type: all that it may for `lorax` and for `dvd`."""


class LoraxDvdBackend:
    """Installation DVDs with an installer made anew, where the release publishes no boot.iso or another one is wanted.

    Not closed, since lorax's templates say what of the lock the installer is made of; the tree is exactly the lock's.
    """

    name: ClassVar[str] = "lorax_dvd"
    closed: ClassVar[bool] = False
    image_types: ClassVar[frozenset[str]] = frozenset({"dvd"})
    commands: ClassVar[frozenset[str] | None] = None
    tools: ClassVar[tuple[str, ...]] = tuple(dict.fromkeys((*lorax.LoraxBackend.tools, *installer_options.TOOLS)))
    probes: ClassVar[Mapping[str, tuple[str, ...]]] = {**lorax.LoraxBackend.probes, **dvd.DvdBackend.probes}
    failures: ClassVar[tuple[plugins.Failure, ...]] = failures.LORAX_DVD
    progress: ClassVar[tuple[plugins.Progress, ...]] = progress.LORAX_DVD

    def disk(self, lock: Lock) -> int:
        """What lorax needs, which sees nothing of the tree, and the finished image with room for its parts."""
        return lorax.LoraxBackend().disk(lock.model_copy(update={"tree": ()})) + dvd.DvdBackend().disk(lock)

    def check(self, draft: plugins.Draft) -> None:
        """Raises errors.InvalidRequest for wrong options, a published boot.iso, no installer or tree, and too small a medium."""
        options = backend_options.read(Options, draft, self.name)
        if draft.lock.boot_iso is not None:
            raise errors.InvalidRequest(
                f"Backend {self.name} makes the installer by itself, and the one locked is what release {draft.release.name} published",
                cause="the image type's `installer` names no lorax `templates`, or names `boot_iso` as well, which goes before them",
                remedy="take backend dvd; or the operator gives that `installer` lorax's `templates` alone",
            )
        installer_options.require_xorriso(draft, self.name)
        lorax.LoraxBackend().check(_for_lorax(draft))
        dvd.check_tree(draft.lock, options)

    def plan(self, order: plugins.Order) -> plugins.Plan:
        """One run of lorax and one of installer_media; raises as `check` does."""
        self.check(order)
        made = lorax.LoraxBackend().plan(_for_lorax(order))
        medium = dvd.plan(order, backend_options.read(Options, order, self.name), order.work / made.image)
        return dataclasses.replace(
            made,
            files={**made.files, **medium.files},
            folders=(*made.folders, *medium.folders),
            commands=(*made.commands, *medium.commands),
            image=medium.image,
        )


def _for_lorax(given: _Given) -> _Given:
    """The draft or order as lorax is to see it: with its own options, and without packages that the tree is not to offer, since
    the installer may need them."""
    options = {name: value for name, value in given.options.items() if name in lorax.Options.model_fields}
    return dataclasses.replace(given, options=options, request=given.request.model_copy(update={"remove_packages": ()}))
