# SPDX-License-Identifier: MIT
"""Reads a booting machine's serial console: proof, signs of failure, login prompt. No I/O."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable

from ondemand import locks

PROOF_PACKAGE = "ondemand-boot-proof"
_ESCAPE = re.compile(
    r"\x1b(?:\[[0-9;?=]*[ -/]*[@-~]|\][^\x07\x1b\n]*(?:\x07|\x1b\\)?|[()][0-9A-B]|[=>78cM])|[\x00-\x08\x0b-\x1f\x7f]"
)
_LINE_END = re.compile(r"\r+\n?")
_PACKAGE = re.compile(r"ONDEMAND-PROOF package (\S+)-(\d+):(\S+) ([0-9a-f]{64})")
_LINE = re.compile(r"ONDEMAND-PROOF (missing|failed-unit|state|root) (\S.*)")
_EDGE = re.compile(r"ONDEMAND-PROOF token=(\S+) (begin|end)")
_FAILURE = re.compile(
    r"Kernel panic|No bootable device|grub rescue>|[Ee]ntering emergency mode|You are in emergency mode"
    r"|rdsosreport\.txt|dracut: FATAL|Could not boot\.|Failed to mount .*sysroot|Failed to switch root"
    r"|No bootable option or device was found|Security Violation|bad shim signature|Verification failed: \(0x1A\)"
    r"|Freezing execution|No /sbin/init, trying fallback|SQUASHFS error|error: you need to load the kernel first"
)
# The last three are an installer's first words on a console: Anaconda's, and those of the demo's own.
_LOGIN = re.compile(
    r"(^|\s)\S+ login: *$|Reached target .*(?:[Mm]ulti-[Uu]ser|[Aa]naconda)"
    r"|Starting installer, one moment|installer: started|anaconda \S+ for .+ started"
)


def clean(text: str) -> str:
    """The text without terminal control sequences."""
    return _ESCAPE.sub("", _LINE_END.sub("\n", text))


@dataclasses.dataclass(kw_only=True)
class Console:
    """What a console has said so far. `token` is the one that the machine was given."""

    token: str
    failure: str = ""
    login: bool = False
    blocks: int = 0
    packages: dict[str, str] = dataclasses.field(default_factory=dict)
    missing: set[str] = dataclasses.field(default_factory=set)
    failed_units: set[str] = dataclasses.field(default_factory=set)
    state: str = ""
    root: str = ""
    _inside: bool = False
    _pending: str = ""

    def feed(self, text: str) -> None:
        """Takes the next piece of cleaned text; a line may come in several pieces."""
        *lines, self._pending = (self._pending + text).split("\n")
        for line in lines:
            self._take(line)
        if _LOGIN.search(self._pending):
            self.login = True

    def _take(self, line: str) -> None:
        if edge := _EDGE.search(line):
            ours = edge.group(1) == self.token
            self.blocks += ours and self._inside and edge.group(2) == "end"
            self._inside = ours and edge.group(2) == "begin"
        elif self._inside and (package := _PACKAGE.search(line)):
            name, epoch, rest, digest = package.groups()
            self.packages[f"{name}-{f'{epoch}:' if epoch != '0' else ''}{rest}"] = digest
        elif self._inside and (found := _LINE.search(line)):
            self._fact(found.group(1), found.group(2).strip())
        elif not self.blocks and not self.failure and _FAILURE.search(line):
            self.failure = line.strip()[:200]
        if _LOGIN.search(line):
            self.login = True

    def _fact(self, word: str, value: str) -> None:
        if word == "missing":
            self.missing.add(value)
        elif word == "failed-unit":
            self.failed_units.add(value)
        elif word == "state":
            self.state = value
        else:
            self.root = value

    def complaints(self, wanted: Iterable[locks.LockedPackage], headers: dict[str, str]) -> list[str]:
        """What the running system says otherwise than the lock; empty when the proof holds."""
        found = []
        for package in wanted:
            digest = self.packages.get(package.nevra)
            if digest is None:
                why = "is not installed" if package.name in self.missing else "was not named"
                found.append(f"{package.nevra} {why}")
            elif digest != headers[package.nevra]:
                found.append(f"{package.nevra} has other bytes")
        return found
