# SPDX-License-Identifier: MIT
"""Comps groups and environments become package names. Knows nothing of versions."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Container, Iterable
from collections.abc import Set as AbstractSet
from typing import Any
from xml.etree import ElementTree

import libcomps

_TYPES = {
    libcomps.PACKAGE_TYPE_MANDATORY: "mandatory",
    libcomps.PACKAGE_TYPE_DEFAULT: "default",
    libcomps.PACKAGE_TYPE_OPTIONAL: "optional",
    libcomps.PACKAGE_TYPE_CONDITIONAL: "conditional",
}
_DEFAULT = (libcomps.PACKAGE_TYPE_MANDATORY, libcomps.PACKAGE_TYPE_DEFAULT)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Expansion:
    """What groups came to: package names, and the groups and environments that no repository has."""

    packages: tuple[str, ...]
    unknown: tuple[str, ...]


class Groups:
    """The groups of several repositories, merged as dnf merges them."""

    def __init__(self, texts: Iterable[str]) -> None:
        """Reads comps XML; an empty or broken text adds nothing."""
        self._comps = libcomps.Comps()
        for text in filter(None, texts):
            read = libcomps.Comps()
            with contextlib.suppress(libcomps.ParserError):
                read.fromxml_str(text)
                self._comps += read

    def names(self) -> list[str]:
        """The ids of all groups and environments."""
        return sorted({item.id for item in (*self._comps.groups, *self._comps.environments)})

    def expand(self, groups: Iterable[str], environment: str | None, besides: Iterable[str] = ()) -> Expansion:
        """The mandatory and default packages of the groups (by id or name) and the environment.

        As for dnf, an environment may also stand among the groups. Groups in `besides` may be missing.
        """
        ids, unknown = self._ids(groups, environment)
        return self._expansion([*ids, *self._known(besides)], unknown, _DEFAULT)

    def selectable(self, groups: Iterable[str], environment: str | None, besides: Iterable[str] = ()) -> Expansion:
        """All packages of the groups, whatever their type, and of all groups of the environment, its options too.

        Groups in `besides` may be missing.
        """
        ids, unknown = self._ids(groups, environment, options=True)
        return self._expansion([*ids, *self._known(besides)], unknown, None)

    def of(self, packages: AbstractSet[str]) -> str:
        """Comps XML for a tree of these packages: its groups and environments, without anything that it lacks."""
        root, there = ElementTree.Element("comps"), set()
        for group in sorted(self._comps.groups, key=lambda item: str(item.id)):
            members = sorted((each for each in group.packages if each.name in packages), key=lambda each: str(each.name))
            if not members:
                continue
            there.add(group.id)
            described = _described(root, "group", group)
            ElementTree.SubElement(described, "default").text = str(bool(group.default)).lower()
            ElementTree.SubElement(described, "uservisible").text = str(bool(group.uservisible)).lower()
            listed = ElementTree.SubElement(described, "packagelist")
            for each in members:
                more = {"requires": each.requires} if each.requires else {}
                ElementTree.SubElement(listed, "packagereq", type=_TYPES.get(each.type, "optional"), **more).text = each.name
        for environment in sorted(self._comps.environments, key=lambda item: str(item.id)):
            if there.isdisjoint(item.name for item in environment.group_ids):
                continue
            described = _described(root, "environment", environment)
            for name, ids in (("grouplist", environment.group_ids), ("optionlist", environment.option_ids)):
                listed = ElementTree.SubElement(described, name)
                for item in (item for item in ids if item.name in there):
                    ElementTree.SubElement(listed, "groupid").text = item.name
        return ElementTree.tostring(root, encoding="unicode") if there else ""

    def _known(self, names: Iterable[str]) -> list[str]:
        return [name for name in names if self._find(self._comps.groups, name)]

    def _ids(
        self, groups: Iterable[str], environment: str | None, *, options: bool = False
    ) -> tuple[list[str], list[str]]:
        """The groups and those of the environments, and the names that are neither."""
        ids, unknown = [], []
        for name in [*([environment] if environment else ()), *groups]:
            if name != environment and self._find(self._comps.groups, name):
                ids.append(name)
            elif (found := self._find(self._comps.environments, name)) is not None:
                ids += [item.name for item in found.group_ids]
                # Comps often name as an option a group that its release does not have.
                ids += [item.name for item in found.option_ids if options and self._find(self._comps.groups, item.name)]
            else:
                unknown.append(name)
        return ids, unknown

    def _expansion(self, names: Iterable[str], unknown: list[str], types: Container[Any] | None) -> Expansion:
        packages: set[str] = set()
        unknown = [*unknown]
        for name in names:
            group = self._find(self._comps.groups, name)
            if group is None:
                unknown.append(name)
            else:
                packages.update(each.name for each in group.packages if types is None or each.type in types)
        return Expansion(packages=tuple(sorted(packages)), unknown=tuple(dict.fromkeys(unknown)))

    @staticmethod
    def _find(items: Any, name: str) -> Any:
        return next((item for item in items if name in (item.id, item.name)), None)


def _described(root: ElementTree.Element, kind: str, item: Any) -> ElementTree.Element:
    made = ElementTree.SubElement(root, kind)
    for name, text in (("id", item.id), ("name", item.name), ("description", item.desc)):
        ElementTree.SubElement(made, name).text = text or ""
    return made
