# SPDX-License-Identifier: MIT
"""What the kernel command line orders of the installer, in the words that Fedora's takes, too."""

from __future__ import annotations

import dataclasses
import shlex


@dataclasses.dataclass(frozen=True, kw_only=True)
class BootWords:
    """`stage2`, `kickstart` and `repository` are places such as hd:LABEL=NAME:/folder; empty where not named."""

    stage2: str = ""
    kickstart: str = ""
    repository: str = ""
    additional: tuple[tuple[str, str], ...] = ()
    consoles: tuple[str, ...] = ()
    rescue: bool = False


def read(command_line: str) -> BootWords:
    """Return the orders in the text of /proc/cmdline; the last of a doubled word counts."""
    values: dict[str, str] = {}
    additional, consoles = [], []
    for word in shlex.split(command_line):
        key, _, value = word.partition("=")
        values[key] = value
        if key == "inst.addrepo":
            name, _, place = value.partition(",")
            additional.append((name, place))
        elif key == "console":
            consoles.append(word)
    return BootWords(
        stage2=values.get("inst.stage2", ""),
        kickstart=values.get("inst.ks", ""),
        repository=values.get("inst.repo", ""),
        additional=tuple(additional),
        consoles=tuple(consoles),
        rescue="inst.rescue" in values,
    )
