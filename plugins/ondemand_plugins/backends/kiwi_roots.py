# SPDX-License-Identifier: MIT
"""A kiwi build's root with its packages alone: by a description that says nothing else, or by RPM from an earlier root. Pure."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from xml.etree import ElementTree

from ondemand import plugins

SCHEMA = "8.4"
"""Version of kiwi's description that kiwi 11 writes and reads."""
FOLDER = "result/build"
ROOT = f"{FOLDER}/image-root"
"""Where kiwi's `system build` makes its root, or finds it. It may not be a mount point itself, or kiwi unmounts it."""
PREPARE_TIMEOUT = 3600.0
_SEEN = "proc", "dev", "sys"
"""What kiwi shows to packages' scripts of the host."""
_DESCRIPTION = "packages"
_ANEW = "kernel", "filesystem", "glibc", "systemd", "setup"
"""Packages whose scripts leave behind what an upgrade does not take away, or which all others stand on."""


def package_manager(order: plugins.Order) -> str:
    """The name by which kiwi knows this builder's dnf."""
    return "dnf5" if int(order.versions.get("dnf", "4").partition(".")[0]) >= 5 else "dnf4"


def files(order: plugins.Order, repository: ElementTree.Element, names: Iterable[str]) -> dict[str, str]:
    """The description: packages and where they come from, and what decides which of their files are installed."""
    image = ElementTree.Element("image", schemaversion=SCHEMA, name="packages")
    about = ElementTree.SubElement(image, "description", type="system")
    for tag in ("author", "contact", "specification"):
        ElementTree.SubElement(about, tag).text = "Packages"
    preferences = ElementTree.SubElement(image, "preferences")
    ElementTree.SubElement(preferences, "version").text = "1.0.0"
    ElementTree.SubElement(preferences, "packagemanager").text = package_manager(order)
    ElementTree.SubElement(preferences, "rpm-excludedocs").text = "false" if order.lock.rules.documentation else "true"
    ElementTree.SubElement(preferences, "type", image="tbz")
    image.append(copy.deepcopy(repository))
    packages = ElementTree.SubElement(image, "packages", type="bootstrap")
    for name in names:
        ElementTree.SubElement(packages, "package", name=name)
    text = ElementTree.tostring(image, encoding="unicode")
    return {f"{_DESCRIPTION}/config.xml": f'<?xml version="1.0" encoding="utf-8"?>\n{text}\n'}


def root(order: plugins.Order, macros: str) -> plugins.Root:
    """The root as a plan tells it; `macros` is what RPM is told, which decides what it installs."""
    environment = {"HOME": str(order.work / "home")}
    prepare = plugins.Command(
        argv=(
            "kiwi-ng", "--debug", "--logfile", "stdout", "--shared-cache-dir", str(order.work / "cache"),
            "system", "prepare", "--description", str(order.work / _DESCRIPTION), "--root", str(order.work / ROOT),
        ),
        timeout=PREPARE_TIMEOUT,
        environment=environment,
    )  # fmt: skip

    def renew(change: plugins.Change) -> tuple[plugins.Command, ...] | None:
        if any(name.startswith(_ANEW) for name in change.names):
            return None
        rpm = ("rpm", "--root", str(order.work / ROOT))
        flags = () if order.lock.rules.documentation else ("--excludedocs",)
        steps = []
        if change.install:
            steps.append((*rpm, "--upgrade", "--oldpackage", "--replacepkgs", *flags, "--verbose", *map(str, change.install)))
        if change.remove:
            steps.append((*rpm, "--erase", "--verbose", *change.remove))
        return tuple(plugins.Command(argv=argv, timeout=PREPARE_TIMEOUT, environment=environment) for argv in steps)

    key = {
        "backend": "kiwi",
        "versions": dict(order.versions),
        "release": order.release.name,
        "arch": order.lock.arch,
        "rules": order.lock.rules.model_dump(mode="json"),
        "macros": macros,
    }
    return plugins.Root(folder=FOLDER, key=key, prepare=(prepare,), renew=renew, mounts={f"/{name}": f"{ROOT}/{name}" for name in _SEEN})
