# SPDX-License-Identifier: MIT
"""Comps groups and environments become package names. Knows nothing of versions."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Container, Iterable
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
