# SPDX-License-Identifier: MIT
"""Pykickstart's handlers, quick to make: a command is made when a kickstart first uses it, not all of them each time.

What they read, refuse and write is what pykickstart's own handlers do.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any

from pykickstart import version
from pykickstart.handlers import control


class _Commands(dict[str, Any]):
    """A handler's commands by name; looks as if all were there."""

    def __init__(self, names: frozenset[str], make: Callable[[str], object]) -> None:
        super().__init__()
        self._names, self._make = names, make

    def __contains__(self, name: object) -> bool:
        return name in self._names

    def __missing__(self, name: str) -> Any:
        if name not in self._names:
            raise KeyError(name)
        self._make(name)
        return self[name]


class _Lazy:
    """Put before a handler's class: makes a command when it is asked for by name or as an attribute."""

    _classes: Mapping[str, Any]
    _attributes: Mapping[str, str]
    _written: tuple[str, ...]
    """Commands that write something without being used; these are there from the start."""
    _data: Mapping[str, Any]
    registerCommand: Callable[[str, Any], None]
    registerData: Callable[[str, Any], None]

    def _registerCommands(self, *_: object) -> None:
        self.commands = _Commands(
            frozenset(self._classes), lambda name: self.registerCommand(name, self._classes[name])
        )
        for name in self._written:
            self.registerCommand(name, self._classes[name])
        for name, made in self._data.items():
            self.registerData(name, made)

    def __getattr__(self, name: str) -> Any:
        if name not in type(self)._attributes:
            raise AttributeError(name)
        self.registerCommand(self._attributes[name], self._classes[self._attributes[name]])
        return self.__dict__[name]


def handler(syntax: str) -> version.KickstartHandler:
    """A new handler for a syntax version (`F44`); raises pykickstart's KickstartVersionError."""
    return _class(syntax)()


@functools.lru_cache(maxsize=32)
def _class(syntax: str) -> Any:
    # Once only, too, as pykickstart makes sys.path longer with each look for a class.
    plain = version.returnClassForVersion(syntax)
    full = plain()
    classes = control.commandMap[full.version]
    attributes = {_attribute(made): name for name, made in classes.items()}
    written = tuple(
        attributes[_attribute(type(command))]
        for commands in full._writeOrder.values()
        for command in commands
        if str(command)
    )
    parts = {"_classes": classes, "_attributes": attributes, "_written": written, "_data": control.dataMap[full.version]}
    return type(plain.__name__, (_Lazy, plain), parts)


def _attribute(command: type) -> str:
    """The handler's attribute for a command's class, by pykickstart's rule."""
    return command.__name__.partition("_")[2].lower() or command.__name__.lower()
