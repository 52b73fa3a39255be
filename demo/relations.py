# SPDX-License-Identifier: MIT
"""Turns Debian's names, versions and dependencies into RPM's.

Pure text work; must not touch files or run programs.
"""

from __future__ import annotations

import collections.abc
import re

DIST = ".demo1"

# Debian's name -> the name Fedora's tools look for. The Debian name is kept as a Provides.
_FEDORA_NAMES = {
    "libc6": "glibc",
    "libc-bin": "glibc-common",
    "libsystemd0": "systemd-libs",
    "udev": "systemd-udev",
    "dracut-core": "dracut",
    "grub-common": "grub2-tools",
    "grub-efi-amd64-bin": "grub2-efi-x64-modules",
    "grub-efi-amd64-signed": "grub2-efi-x64",
    "grub-pc-bin": "grub2-pc-modules",
    "shim-signed": "shim-x64",
    "login": "util-linux-login",
    "procps": "procps-ng",
    "iproute2": "iproute",
    "dmsetup": "device-mapper",
    "linux-image-cloud-amd64": "kernel",
    "isc-dhcp-client": "dhcp-client",
    "syslinux-common": "syslinux",
    "isolinux": "syslinux-nonlinux",
}

_VERSION = re.compile(r"(?:(?P<epoch>\d+):)?(?P<upstream>.+?)(?:-(?P<revision>[^-]+))?")
_RELATION = re.compile(
    r"(?P<name>[a-z0-9][a-z0-9.+-]*)(?::[a-z0-9]+)?\s*(?:\(\s*(?P<sign><<|<=|=|>=|>>)\s*(?P<version>[^)\s]+)\s*\))?"
)


def rpm_name(debian_name: str) -> str:
    """Return the RPM name of a Debian package, Fedora's where its tools look for one."""
    if re.fullmatch(r"linux-image-\d\S+", debian_name):
        return "kernel-core"
    return _FEDORA_NAMES.get(debian_name, debian_name)


def version_parts(debian_version: str) -> tuple[str, str, str]:
    """Return (epoch, version, release) for a Debian version; epoch is "" where there is none."""
    found = _VERSION.fullmatch(debian_version)
    if found is None:
        raise ValueError(f"{debian_version!r} is no Debian version")
    revision = found["revision"] or "0"
    return found["epoch"] or "", _clean(found["upstream"]), _clean(revision) + DIST


def _clean(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9.+~]", ".", text)


def requirements(fields: collections.abc.Mapping[str, str], known: collections.abc.Collection[str]) -> list[str]:
    """Return the Requires lines for a Debian package's Depends and Pre-Depends.

    `known` are the Debian names (real and provided) the distribution has; other alternatives are left out.
    """
    lines = []
    for field in ("Pre-Depends", "Depends"):
        for group in re.split(r"\s*,\s*", fields.get(field, "").replace("\n", " ").strip()):
            choices = [_requirement(choice, known) for choice in group.split("|")]
            kept = list(dict.fromkeys(choice for choice in choices if choice))
            if kept:
                lines.append(kept[0] if len(kept) == 1 else "(" + " or ".join(kept) + ")")
    return list(dict.fromkeys(lines))


def _requirement(text: str, known: collections.abc.Collection[str]) -> str | None:
    found = _RELATION.fullmatch(text.strip())
    if found is None or found["name"] not in known:
        return None
    name = rpm_name(found["name"])
    # Upper bounds are on Debian revisions, which RPM compares differently: they are left out.
    if found["sign"] not in ("=", ">=", ">>"):
        return name
    epoch, version, _ = version_parts(found["version"])
    sign = "=" if found["sign"] == "=" else ">="
    return f"{name} {sign} {epoch + ':' if epoch else ''}{version}"


def provided_names(fields: collections.abc.Mapping[str, str]) -> list[str]:
    """Return the plain names in a Debian package's Provides field."""
    groups = re.split(r"\s*,\s*", fields.get("Provides", "").replace("\n", " ").strip())
    return [found["name"] for group in groups if (found := _RELATION.fullmatch(group))]


def provides(fields: collections.abc.Mapping[str, str]) -> list[str]:
    """Return the Provides lines of the RPM made from a Debian package."""
    name = fields["Package"]
    epoch, version, release = version_parts(fields["Version"])
    own = f"{epoch + ':' if epoch else ''}{version}-{release}"
    names = provided_names(fields)
    if rpm_name(name) != name:
        names.append(name)
    # A provided name without a version satisfies no versioned dependency, so each gets the package's own.
    return [f"{rpm_name(other)} = {own}" for other in dict.fromkeys(names) if rpm_name(other) != rpm_name(name)]
