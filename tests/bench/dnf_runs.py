# SPDX-License-Identifier: MIT
"""dnf as a person calls it: how long `dnf --assumeno install` takes on warm metadata, and what it would install."""

from __future__ import annotations

import dataclasses
import os
import pathlib
import re
import shutil
import subprocess
import time
from collections.abc import Sequence

from tests.bench import repositories

_ROW = re.compile(r"(\S+)\s+(noarch|x86_64|i686)\s+(\S+)\s+(\S+)\s+[\d.]+\s+[kMG]?\s*(?=\S|$)")
_END = "Transaction Summary"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Outcome:
    """`packages` are `name-[epoch:]version-release.arch`; None when dnf refuses. `said` is all its output."""

    seconds: float
    packages: frozenset[str] | None
    said: str


class Dnf:
    """dnf with one repository, an empty root and a cache of its own.

    As in the service modules count for nothing (`module_hotfixes`); `weak` dependencies are installed or not.
    """

    def __init__(self, repository: repositories.Repository, folder: pathlib.Path, *, weak: bool = False) -> None:
        """Fills the cache; afterwards no server is asked (`--cacheonly`)."""
        root, self._name = folder / "root", repository.name
        (folder / "none").mkdir(parents=True)
        root.mkdir()
        conf = folder / "dnf.conf"
        text = f"[main]\nreposdir={folder / 'none'}\ncachedir={folder / 'cache'}\npluginpath={folder / 'none'}\n"
        text += f"install_weak_deps={weak}\nmodule_platform_id=platform:el9\nmetadata_expire=-1\nplugins=False\n"
        text += f"[{repository.name}]\nname={repository.name}\nbaseurl={repository.url}\ngpgcheck=0\nmodule_hotfixes=1\n"
        conf.write_text(text)
        options = [f"--config={conf}", f"--installroot={root}", "--releasever=9", "--forcearch=x86_64"]
        self._argv = ["dnf", *options]
        self._run("makecache").check_returncode()

    def install(self, names: Sequence[str]) -> Outcome:
        """What it would install for these names."""
        began = time.perf_counter()
        done = self._run("--cacheonly", "--assumeno", "install", *names)
        taken = time.perf_counter() - began
        found = table(done.stdout) if _END in done.stdout else None
        return Outcome(seconds=taken, packages=found, said=done.stdout + done.stderr)

    def _run(self, *words: str) -> subprocess.CompletedProcess[str]:
        environment = {"PATH": os.environ.get("PATH", ""), "LC_ALL": "C.UTF-8", "HOME": "/root", "COLUMNS": "200"}
        return subprocess.run(
            [*self._argv, *words], env=environment, capture_output=True, text=True, timeout=120, check=False
        )


def table(text: str) -> frozenset[str]:
    """The packages that dnf says it installs, not those that it skips; the table's columns may be wrapped."""
    rows, installed = [], False
    for line in text.partition(_END)[0].splitlines():
        if not line.startswith(" "):
            installed = line.startswith("Installing")
        elif installed:
            rows.append(line)
    return frozenset(f"{name}-{evr}.{arch}" for name, arch, evr, _ in _ROW.findall(" ".join(rows)))


def installed() -> bool:
    """Whether dnf is on this machine."""
    return shutil.which("dnf") is not None
