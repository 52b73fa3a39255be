# SPDX-License-Identifier: MIT
"""A preset's own kiwi description made to build the lock: the frozen repository alone, every locked package by name. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from xml.etree import ElementTree

from ondemand import descriptions
from ondemand.description_packages import INSTALLED, Tree

_REQUESTS = ("package", "namedCollection", "product", "ignore", "collectionModule")
_QUICK = {"squashfscompression": "lz4", "erofscompression": "lz4"}


def main_file(
    description: descriptions.Description,
    arch: str,
    *,
    packages: Iterable[str],
    repository: ElementTree.Element,
    label: str,
    kernel_command_line: str,
    package_manager: str,
    quick: bool,
) -> str:
    """The main file with all that it includes, asking for exactly `packages` from nowhere but `repository`.

    Its image gets the label, the words of the kernel's command line that it lacks and, if `quick`, a quick compression.
    """
    tree = Tree(description, arch)
    for kind in tree.images():
        kind.set("volid", label)
        said = kind.get("kernelcmdline", "").split()
        kind.set("kernelcmdline", " ".join([*said, *(word for word in kernel_command_line.split() if word not in said)]))
        for name in _QUICK if quick else ():
            if name in kind.attrib:
                kind.set(name, _QUICK[name])
    root = tree.root
    for name in ("repository", "include"):
        _drop(root, root.findall(name))
    for section in root.findall("packages"):
        if section.get("type") in INSTALLED:
            _drop(section, [each for each in section if each.tag in _REQUESTS])
            if not len(section):
                root.remove(section)
    for preferences in root.findall("preferences"):
        _drop(preferences, preferences.findall("rpm-check-signatures"))
        for manager in preferences.findall("packagemanager"):
            manager.text = package_manager
    root.append(repository)
    wanted = ElementTree.SubElement(root, "packages", type="bootstrap")
    for name in packages:
        ElementTree.SubElement(wanted, "package", name=name)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"


def _drop(parent: ElementTree.Element, children: Iterable[ElementTree.Element]) -> None:
    for child in list(children):
        parent.remove(child)
