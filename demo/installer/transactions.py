# SPDX-License-Identifier: MIT
"""Installs packages into the new system by dnf, from repositories on mounted media and from nowhere else."""

from __future__ import annotations

import collections.abc
import pathlib
import re

from demo.installer import disks, kickstarts, programs

BOOT_PACKAGES = ("dracut", "zstd", "grub2-tools", "grub2-common", "grub2-pc-modules")
"""What the new system needs to boot from its disk, whatever the kickstart lists."""
_COUNT = re.compile(r"\s(\d+)/(\d+)\s*$")
_STEP = 20
"""Packages from one line about the progress to the next."""


def install(
    repositories: collections.abc.Sequence[tuple[kickstarts.Repository, pathlib.Path]],
    packages: collections.abc.Sequence[str],
    excluded: collections.abc.Sequence[str],
) -> None:
    """Install `packages`, groups written as @id, and what they need; the newest version wins of all repositories
    that don't exclude it."""
    words = ["dnf", "--assumeyes", f"--installroot={disks.SYSTEM}", "--releasever=1", "--nogpgcheck"]
    words += ["--setopt=reposdir=/nonexistent", "--setopt=cachedir=/var/cache/demo-installer", "--setopt=tsflags=nodocs"]
    for repository, folder in repositories:
        name = repository.name
        if not (folder / "repodata" / "repomd.xml").is_file():
            raise programs.Problem(f"Repository {name} has no repodata/repomd.xml: look at the folder that is named.")
        words += [f"--repofrompath={name},file://{folder}", f"--repo={name}"]
        words += [f"--setopt={name}.excludepkgs={','.join(repository.excluded)}"] if repository.excluded else []
    words += [f"--exclude={name}" for name in excluded]
    programs.run(*words, "install", *dict.fromkeys([*packages, *BOOT_PACKAGES]), timeout=3600, listen=_Progress().hear)


class _Progress:
    """Says how far dnf's transaction is, every some packages."""

    def __init__(self) -> None:
        self._said = 0

    def hear(self, line: str) -> None:
        found = _COUNT.search(line)
        if found and line.lstrip().startswith("Installing") and int(found[1]) >= self._said + _STEP:
            self._said = int(found[1])
            programs.say(f"packages: {found[1]} of {found[2]}")
