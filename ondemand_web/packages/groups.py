# SPDX-License-Identifier: MIT
"""Comps groups and environments become package names. Knows nothing of versions."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterable, Iterator
from typing import Any

import libcomps

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

    def expand(self, groups: Iterable[str], environment: str | None) -> Expansion:
        """The mandatory and default packages of the groups (by id or name) and the environment.

        As for dnf, an environment may also stand among the groups.
        """
        packages: set[str] = set()
        unknown: list[str] = []
        named = {name: self._find(self._comps.groups, name) for name in groups}
        wanted = [(name, group) for name, group in named.items() if group is not None]
        others = [name for name, group in named.items() if group is None]
        for name in [environment, *others] if environment else others:
            found = self._find(self._comps.environments, name)
            wanted += [(item.name, self._find(self._comps.groups, item.name)) for item in found.group_ids] if found else []
            unknown += [] if found else [name]
        for name, group in wanted:
            if group is None:
                unknown.append(name)
            else:
                packages.update(self._members(group))
        return Expansion(packages=tuple(sorted(packages)), unknown=tuple(dict.fromkeys(unknown)))

    @staticmethod
    def _find(items: Any, name: str) -> Any:
        return next((item for item in items if name in (item.id, item.name)), None)

    @staticmethod
    def _members(group: Any) -> Iterator[str]:
        return (package.name for package in group.packages if package.type in _DEFAULT)
