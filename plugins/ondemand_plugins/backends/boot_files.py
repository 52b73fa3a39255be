# SPDX-License-Identifier: MIT
"""Boot configurations of an installer ISO: the label everywhere, further words for the kernel. Pure, knows no file.

GRUB's (`linux …`, `search … -l LABEL`) and isolinux's (`append …`) are told apart line by line.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

PLACES = (
    "boot/grub2/grub.cfg",
    "boot/grub/grub.cfg",
    "isolinux/isolinux.cfg",
    "isolinux/grub.conf",
    "EFI/BOOT/grub.cfg",
    "EFI/BOOT/BOOT.conf",
    "EFI/BOOT/isolinux.cfg",
)
"""Where boot configurations stand on an ISO; those below EFI once more in its EFI image."""
RESCUE = "inst.rescue"
"""The word of a menu entry that installs nothing, so that it needs no kickstart."""
_LABEL = re.compile(r"\b((?:hd|live):LABEL|CDLABEL)=([^\s:'\"]+)")
_SEARCH = re.compile(r"^(\s*search\b.*?\s(?:-l|--label|--fs-label)[ =])('[^']*'|\"[^\"]*\"|\S+)(.*)$")
_KERNEL = re.compile(r"^(\s*(?:linux|linuxefi|linux16|append|APPEND)\s+)(\S.*?)(\s*)$")
_ONCE = ("inst.ks",)
"""Words that are said once: an older one of the same name goes."""


def edited(text: str, label: str, words: Iterable[str]) -> str:
    """The configuration for a medium called `label`, with `words` at the end of each command line that starts the installer."""
    added = tuple(words)
    lines = (_edited(line, label, added) for line in text.splitlines())
    return "".join(f"{line}\n" for line in lines)


def labels(text: str) -> set[str]:
    """Every label that the configuration looks for."""
    found = {match.group(2) for match in _LABEL.finditer(text)}
    return found | {match.group(2).strip("'\"") for line in text.splitlines() if (match := _SEARCH.match(line))}


def starts_installer(text: str) -> bool:
    """Whether any of its command lines names an installer's runtime."""
    return any(_KERNEL.match(line) and "inst.stage2=" in line for line in text.splitlines())


def _edited(line: str, label: str, words: tuple[str, ...]) -> str:
    line = _LABEL.sub(lambda match: f"{match.group(1)}={label}", line)
    if match := _SEARCH.match(line):
        quote = match.group(2)[0] if match.group(2)[0] in "'\"" else ""
        return f"{match.group(1)}{quote}{label}{quote}{match.group(3)}"
    if (match := _KERNEL.match(line)) and "inst.stage2=" in line:
        return f"{match.group(1)}{' '.join(_command_line(match.group(2).split(' '), words))}"
    return line


def _command_line(said: list[str], words: tuple[str, ...]) -> list[str]:
    if RESCUE in said:
        words = tuple(word for word in words if not word.startswith("inst."))
    new = {word.partition("=")[0] for word in words} & set(_ONCE)
    kept = [word for word in said if word.partition("=")[0] not in new and word not in words]
    return [*kept, *words]
