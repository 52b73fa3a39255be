# SPDX-License-Identifier: MIT
"""Specs of the packages that the demo writes itself, from a short description of each.

Knows nothing of what is in them: see base_system and builds.
"""

from __future__ import annotations

import dataclasses
import shlex


@dataclasses.dataclass(frozen=True, kw_only=True)
class Original:
    """One binary package: `files` maps path to text, `links` path to target, `modes` path to mode.

    `posttrans` is what bash runs in the new root when everything is installed.
    """

    name: str
    summary: str
    files: dict[str, str] = dataclasses.field(default_factory=dict)
    links: dict[str, str] = dataclasses.field(default_factory=dict)
    folders: dict[str, int] = dataclasses.field(default_factory=dict)
    modes: dict[str, int] = dataclasses.field(default_factory=dict)
    posttrans: str = ""
    requires: tuple[str, ...] = ()
    provides: tuple[str, ...] = ()
    noarch: bool = True


@dataclasses.dataclass(frozen=True, kw_only=True)
class Source:
    """One source package at one version and the binary packages built from it; the first carries its name."""

    version: str
    release: str = "1.demo1"
    packages: tuple[Original, ...]

    @property
    def name(self) -> str:
        """Name of the source package."""
        return self.packages[0].name

    @property
    def nvr(self) -> str:
        """Name, version and release of the build."""
        return f"{self.name}-{self.version}-{self.release}"


def spec(source: Source) -> str:
    """Return the text of the spec file."""
    main, *others = source.packages
    lines = [
        f"Name: {main.name}",
        f"Version: {source.version}",
        f"Release: {source.release}",
        "License: MIT",
        "URL: https://demo.invalid/" + main.name,
        *_head(main),
    ]
    for other in others:
        lines += ["", f"%package -n {other.name}", *_head(other), *_description(other)]
    lines += ["", *_description(main)[1:], "", "%install", "umask 022"]
    for package in source.packages:
        lines += _install(package)
    for package in source.packages:
        if package.posttrans:
            lines += ["", f"%posttrans -n {package.name} -p /usr/bin/bash", package.posttrans.replace("%", "%%")]
    for package in source.packages:
        option = "" if package is main else f" -n {package.name}"
        lines += ["", f"%files{option}", "%defattr(-,root,root,-)", *_files(package)]
    return "\n".join(lines) + "\n"


def _head(package: Original) -> list[str]:
    lines = [f"Summary: {package.summary}", "AutoReqProv: no"]
    lines += ["BuildArch: noarch"] if package.noarch else []
    lines += [f"Requires: {text}" for text in package.requires]
    return lines + [f"Provides: {text}" for text in package.provides]


def _description(package: Original) -> list[str]:
    return ["", f"%description -n {package.name}", package.summary + "."]


def _mode(package: Original, path: str) -> int:
    program = "/bin/" in path or "/libexec/" in path or "/sbin/" in path
    return package.modes.get(path, 0o755 if program else 0o644)


def _install(package: Original) -> list[str]:
    lines = []
    for folder, mode in package.folders.items():
        lines.append(f"mkdir -p %{{buildroot}}/{folder} && chmod {mode:o} %{{buildroot}}/{folder}")
    for path, text in package.files.items():
        target = f"%{{buildroot}}{shlex.quote(path)}"
        lines.append(f"mkdir -p %{{buildroot}}{path.rsplit('/', 1)[0]}")
        lines += [f"cat > {target} <<'END_OF_FILE'", text.replace("%", "%%").rstrip("\n"), "END_OF_FILE"]
        lines.append(f"chmod {_mode(package, path):o} {target}")
    for path, goal in package.links.items():
        lines.append(f"mkdir -p %{{buildroot}}{path.rsplit('/', 1)[0]}")
        lines.append(f"ln -s {shlex.quote(goal)} %{{buildroot}}{path}")
    return lines


def _files(package: Original) -> list[str]:
    lines = [f"%dir %attr({mode:o},root,root) /{folder}" for folder, mode in package.folders.items()]
    for path in package.files:
        keep = "%config(noreplace) " if path.startswith("/etc/") else ""
        owner = "root,shadow" if path.endswith("shadow") else "root,root"
        lines.append(f"{keep}%attr({_mode(package, path):o},{owner}) {path}")
    return lines + list(package.links)
