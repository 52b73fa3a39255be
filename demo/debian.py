# SPDX-License-Identifier: MIT
"""Finds, downloads and reads the Debian packages that the demo distribution is made of.

Uses apt's ordinary client with an empty status file, so the host's own packages are never changed.
"""

from __future__ import annotations

import dataclasses
import pathlib
import re

from demo import lists, processes

_DROPPED = re.compile("|".join(lists.words("dropped.txt")))


@dataclasses.dataclass(frozen=True, kw_only=True)
class Deb:
    """One downloaded Debian package and the fields of its control file."""

    path: pathlib.Path
    fields: dict[str, str]

    @property
    def name(self) -> str:
        """The Debian name, for instance `libc6`."""
        return self.fields["Package"]


def _apt(work: pathlib.Path, cache: pathlib.Path) -> list[str]:
    status = work / "no-packages-installed"
    status.write_text("")
    (cache / "partial").mkdir(parents=True, exist_ok=True)
    options = {
        "Dir::State::status": str(status),
        "Dir::State::extended_states": str(work / "no-extended-states"),
        "Dir::Cache::archives": str(cache),
        "Debug::NoLocking": "1",
        "APT::Sandbox::User": "root",
        "APT::Install-Recommends": "false",
        "Acquire::Retries": "3",
        "Dpkg::Use-Pty": "0",
    }
    return ["apt-get", *(word for key, value in options.items() for word in ("-o", f"{key}={value}"))]


def closure(work: pathlib.Path, cache: pathlib.Path) -> list[tuple[str, str]]:
    """Return (name, version) of every package of the closure that is kept."""
    text = processes.run([*_apt(work, cache), "--simulate", "--yes", "install", *lists.words("roots.txt")], timeout=120)
    found = re.findall(r"^Inst (\S+) \((\S+) ", text, flags=re.MULTILINE)
    if not found:
        raise processes.DemoError("apt named no packages: run `apt-get update` and look at its sources.")
    return [(name.split(":")[0], version) for name, version in found if not _DROPPED.fullmatch(name.split(":")[0])]


def download(work: pathlib.Path, cache: pathlib.Path) -> list[Deb]:
    """Download the kept packages into `cache` (only what it lacks) and return them, sorted by name."""
    wanted = closure(work, cache)
    held = {entry.name: entry for entry in cache.glob("*.deb")}
    missing = [f"{name}={version}" for name, version in wanted if not _held(held, name, version)]
    if missing:
        processes.run([*_apt(work, cache), "download", *missing], timeout=1200, cwd=cache)
        held = {entry.name: entry for entry in cache.glob("*.deb")}
    debs = []
    for name, version in wanted:
        path = _held(held, name, version)
        if path is None:
            raise processes.DemoError(
                f"apt did not leave {name} {version} in {cache}: run `apt-get update` and try again."
            )
        debs.append(Deb(path=path, fields=read_control(path)))
    return sorted(debs, key=lambda deb: deb.name)


def _held(held: dict[str, pathlib.Path], name: str, version: str) -> pathlib.Path | None:
    for architecture in ("amd64", "all"):
        found = held.get(f"{name}_{version.replace(':', '%3a')}_{architecture}.deb")
        if found is not None:
            return found
    return None


def read_control(path: pathlib.Path) -> dict[str, str]:
    """Return the control fields of a .deb; a folded field keeps its line breaks."""
    fields: dict[str, str] = {}
    last = ""
    for line in processes.run(["dpkg-deb", "--field", path]).splitlines():
        if line[:1] in (" ", "\t"):
            fields[last] += "\n" + line.strip()
        elif ":" in line:
            last, value = line.split(":", 1)
            fields[last] = value.strip()
    return fields


def unpack(deb: Deb, target: pathlib.Path) -> None:
    """Unpack the files of a .deb into `target`, with owners and modes."""
    target.mkdir(parents=True)
    processes.run(["dpkg-deb", "--extract", deb.path, target], timeout=300)
