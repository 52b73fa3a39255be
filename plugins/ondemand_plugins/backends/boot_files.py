# SPDX-License-Identifier: MIT
"""Boot configurations of an installer ISO: the label everywhere, further words for the kernel. Pure, knows no file.

GRUB's (`linux …`, `search … -l LABEL`) and isolinux's (`append …`) are told apart line by line.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from ondemand import proofs

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
_GRUB = re.compile(r"^\s*linux(?:efi|16)?\s")
_ONCE = ("inst.ks",)
"""Words that are said once: an older one of the same name goes."""
_SPOKEN = "$ondemand_words"
_FIRST = "# Where the boot proof of ondemand attached its disk, the kernel logs to the serial line."
_LAST = "fi # ondemand"
# In GRUB's language `[` is silent about a disk that is not there; what a menu entry shall see is exported.
_LISTENER = f"""\
{_FIRST}
if [ -e (hd0)/{proofs.LISTENER} -o -e (hd1)/{proofs.LISTENER} ]; then
	set {_SPOKEN[1:]}="{{words}}"
	export {_SPOKEN[1:]}
{_LAST}
"""


def edited(text: str, label: str, words: Iterable[str], spoken: Iterable[str] = ()) -> str:
    """The configuration for a medium called `label`, with `words` at the end of each command line that starts the installer.

    `spoken` are added where proofs.LISTENER is found when the machine starts. isolinux can't look, and adds them always.
    """
    lines, added, said = _without_listener(text.splitlines()), tuple(words), tuple(spoken)
    head = ""
    if said and any(_GRUB.match(line) and "inst.stage2=" in line for line in lines):
        head, said = _LISTENER.format(words=" ".join(said)), (_SPOKEN,)
    return head + "".join(f"{_edited(line, label, (*added, *said))}\n" for line in lines)


def _without_listener(lines: list[str]) -> list[str]:
    """The lines without what was put before them when they were edited earlier."""
    if _FIRST in lines and _LAST in lines:
        return lines[: lines.index(_FIRST)] + lines[lines.index(_LAST) + 1 :]
    return lines


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
