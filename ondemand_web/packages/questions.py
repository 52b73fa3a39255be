# SPDX-License-Identifier: MIT
"""What a request asks of the solver: the packages of the image itself and, for a DVD, those of its tree."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

from ondemand import build_requests, kickstarts, locks, releases
from ondemand_web.packages import installers, solving
from ondemand_web.packages.universe import Universe

CORE = "core"
"""The group that an installation takes by itself, where there is one and the kickstart does not say `--nocore`."""
TOOLS = "anaconda-tools"
"""The group of what an installer may need in the system that it installs: a tree has it, where there is one."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Questions:
    """What to solve for one image; `unknown_groups` are names that no repository knows.

    `rules` are those of what a kickstart chooses: of a DVD's tree. An installer's runtime has no weak dependencies.
    """

    image: solving.Question
    tree: solving.Question | None = None
    rules: locks.Rules
    unknown_groups: tuple[str, ...] = ()

    @property
    def requested(self) -> tuple[str, ...]:
        """Every name that is asked for, in the order of the alphabet."""
        asked = [question for question in (self.image, self.tree) if question]
        return tuple(sorted({n for q in asked for n in (*q.packages, *q.members) if n not in q.excluded}))


def ask(
    request: build_requests.BuildRequest,
    release: releases.Release,
    kickstart: kickstarts.Kickstart,
    install: Iterable[str],
    wanted: tuple[solving.WantedBuild, ...],
    universe: Universe,
) -> Questions:
    """The questions; `install` are packages that references name. Raises errors.ServiceError for a broken template.

    A live image holds what its kickstart says. A boot ISO is the installer's runtime and what the request adds to it;
    on a DVD beside the runtime lies a tree of what the kickstart says. With a published boot.iso nothing is asked of the
    runtime, and of a boot ISO instead which system its kickstart installs.
    """
    installer = release.installer(request.image_type, request.backend)
    rules, core = kickstart.rules, (CORE,) if kickstart.core else ()
    published = installer is not None and installer.boot_iso is not None
    boot = request.image_type is build_requests.ImageType.BOOT
    if installer is None or (published and boot):
        expansion = universe.groups.expand(kickstart.groups, kickstart.environment, besides=core)
        question = solving.Question(
            packages=(*kickstart.packages, *install),
            members=expansion.packages,
            excluded=kickstart.excluded,
            wanted=wanted,
            recommends=rules.weak_dependencies,
            multilib=rules.multilib is locks.Multilib.ALL,
        )
        return Questions(image=question, rules=rules, unknown_groups=expansion.unknown)
    runtime = installers.Chosen(packages=(), members=())
    if not published:
        runtime = installers.chosen(installer, installers.expanded(installer, release.version, request.arch), universe)
    if boot:
        added = universe.groups.expand(request.add_groups, None)
        question = solving.Question(
            packages=(*runtime.packages, *request.add_packages, *install),
            members=(*runtime.members, *added.packages),
            excluded=request.remove_packages,
            wanted=wanted,
        )
        return Questions(image=question, rules=locks.Rules(excluded=request.remove_packages), unknown_groups=added.unknown)
    offered = universe.groups.selectable(kickstart.groups, kickstart.environment, besides=(*core, TOOLS))
    return Questions(
        image=solving.Question(packages=runtime.packages, members=runtime.members, wanted=wanted),
        rules=rules,
        tree=solving.Question(
            packages=(*kickstart.packages, *install),
            members=offered.packages,
            excluded=kickstart.excluded,
            wanted=wanted,
            recommends=rules.weak_dependencies,
            multilib=rules.multilib is locks.Multilib.ALL,
        ),
        unknown_groups=offered.unknown,
    )
