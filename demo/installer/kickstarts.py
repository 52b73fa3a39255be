# SPDX-License-Identifier: MIT
"""Reads a kickstart: the lines that this installer knows, and the list of those that it does not.

Pure text work; knows nothing of disks and packages.
"""

from __future__ import annotations

import collections.abc
import dataclasses
import shlex

_VALUED = ("url", "partition", "dir", "name", "baseurl", "excludepkgs", "append", "interpreter", "fstype")
# What means nothing here but changes nothing of the result either.
_SILENT = ("text", "cmdline", "graphical", "zerombr", "autopart", "part", "partition", "firstboot", "eula", "skipx")
_SECTIONS = ("%packages", "%post", "%pre", "%pre-install", "%onerror", "%traceback", "%addon", "%anaconda")
_ENDS = {"reboot": "reboot", "poweroff": "poweroff", "shutdown": "poweroff", "halt": "poweroff"}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Script:
    """One %post section."""

    text: str
    interpreter: str = "/bin/sh"
    chroot: bool = True
    must_succeed: bool = False


@dataclasses.dataclass(frozen=True)
class Repository:
    """A further source of packages: its `place`, and names that are not taken from it."""

    name: str
    place: str
    excluded: tuple[str, ...] = ()


@dataclasses.dataclass(kw_only=True)
class Kickstart:
    """What a kickstart orders; `unknown` are the lines that nothing here carries out."""

    source: str = ""
    repositories: list[Repository] = dataclasses.field(default_factory=list)
    packages: list[str] = dataclasses.field(default_factory=list)
    excluded: list[str] = dataclasses.field(default_factory=list)
    password: str = ""
    encrypted: bool = False
    language: str = ""
    keyboard: str = ""
    timezone: str = ""
    kernel_options: str = ""
    end: str = ""
    scripts: list[Script] = dataclasses.field(default_factory=list)
    unknown: list[str] = dataclasses.field(default_factory=list)


def read(text: str) -> Kickstart:
    """Return what `text` orders. A line with an open quote is unknown, never an error."""
    found = Kickstart()
    lines = iter(text.splitlines())
    for line in lines:
        words = _words(line)
        if not words:
            if line.strip() and not line.strip().startswith("#"):
                found.unknown.append(line.strip())
        elif words[0] in _SECTIONS:
            _section(found, words, _until_end(lines))
        else:
            _command(found, line.strip(), words)
    return found


def _words(line: str) -> list[str]:
    try:
        return shlex.split(line, comments=True)
    except ValueError:
        return []


def _until_end(lines: collections.abc.Iterator[str]) -> list[str]:
    held = []
    for line in lines:
        if line.strip() == "%end":
            break
        held.append(line)
    return held


def _options(words: collections.abc.Sequence[str]) -> tuple[dict[str, str], list[str]]:
    """Return the options, a flag with an empty value, and the plain words."""
    options, plain = {}, []
    rest = iter(words)
    for word in rest:
        if not word.startswith("--"):
            plain.append(word)
            continue
        key, sign, value = word[2:].partition("=")
        options[key] = next(rest, "") if not sign and key in _VALUED else value
    return options, plain


def _section(found: Kickstart, words: list[str], body: list[str]) -> None:
    options, _ = _options(words[1:])
    if words[0] == "%packages":
        for line in body:
            name = line.partition("#")[0].strip()
            if name.startswith("-"):
                found.excluded.append(name[1:].strip())
            elif name:
                found.packages.append(name.replace("@^", "@").replace("@ ", "@"))
        found.unknown += [f"%packages --{key}" for key in options if key != "ignoremissing"]
    elif words[0] == "%post":
        script = Script(
            text="\n".join(body) + "\n",
            interpreter=options.get("interpreter") or "/bin/sh",
            chroot="nochroot" not in options,
            must_succeed="erroronfail" in options,
        )
        found.scripts.append(script)
    else:
        found.unknown.append(words[0])


def _command(found: Kickstart, line: str, words: list[str]) -> None:
    name, (options, plain) = words[0], _options(words[1:])
    if name == "url" and options.get("url"):
        found.source = options["url"]
    elif name == "cdrom":
        found.source = "cdrom"
    elif name == "harddrive" and options.get("partition"):
        found.source = f"hd:{options['partition']}:{options.get('dir', '/')}"
    elif name == "repo" and options.get("name") and options.get("baseurl"):
        excluded = tuple(filter(None, options.get("excludepkgs", "").split(",")))
        found.repositories.append(Repository(options["name"], options["baseurl"], excluded))
    elif name == "rootpw":
        found.password = "" if "lock" in options else " ".join(plain)
        found.encrypted = "iscrypted" in options
    elif name == "lang" and plain:
        found.language = plain[0]
    elif name == "keyboard" and (plain or options.get("vckeymap")):
        found.keyboard = options.get("vckeymap") or plain[0]
    elif name == "timezone" and plain:
        found.timezone = plain[0]
    elif name == "bootloader":
        found.kernel_options = options.get("append", "")
    elif name in _ENDS:
        found.end = _ENDS[name]
    elif name not in _SILENT:
        found.unknown.append(line)
