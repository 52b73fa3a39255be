# SPDX-License-Identifier: MIT
"""Makes the documents that are made from code: `python -m tests.tools.documents` writes them, tests compare them."""

from __future__ import annotations

import importlib.metadata
import logging
from collections.abc import Callable, Iterator
from typing import Any

import click
from fedora_messaging import message
from typer import testing

from ondemand.commands import main
from tests.tools import tree

_WIDTH = 100

_MESSAGES = """# Messages

What the service publishes on the bus. A message is news and wakes builders; the truth is in the API, so a message may be
lost or come twice (then with the same id). The broker's configuration may put a prefix before the topic. Readers get the
classes from package `ondemand`; without it the body is plain JSON with the properties below. A published schema never changes: of
a topic with several versions the newest is sent, and its class is a subclass of the one before. Below each table stands what the class
gives as `url`, `usernames` and `packages`, by which notifications are filtered. Made from `ondemand/messages.py`
by `make docs`.
"""

_COMMANDS = """# Commands

What `ondemand --help` and the help of every command print. A command that fails says why in one sentence on standard
error and ends with the exit status of its error (see errors.md). Made from the program by `make docs`.
"""


def commands() -> str:
    """docs/commands.md."""
    program = main.make()
    names = [command.name or "" for command in program.registered_commands]
    parts = [_COMMANDS, _help([])]
    words = [[name] for name in names]
    for group in program.registered_groups:
        inner = group.typer_instance.registered_commands if group.typer_instance else []
        known = [command.name or getattr(command.callback, "__name__", "") for command in inner]
        words += [[group.name or ""], *([group.name or "", name] for name in known)]
    for each in words:
        parts += [f"## `ondemand {' '.join(each)}`\n", _help(each)]
    return "\n".join(parts)


def _help(words: list[str]) -> str:
    terminal = {"COLUMNS": str(_WIDTH), "TERM": "xterm"}
    answer = testing.CliRunner().invoke(main.make(), [*words, "--help"], prog_name="ondemand", env=terminal)
    lines = [line.rstrip() for line in click.unstyle(answer.output).strip().splitlines()]
    return "\n".join(["```", *lines, "```", ""])


def messages() -> str:
    """docs/messages.md."""
    found = importlib.metadata.entry_points(group="fedora.messages")
    ours = sorted((entry.name, entry.load()) for entry in found if entry.value.startswith("ondemand."))
    return "\n".join([_MESSAGES, *(line for name, cls in ours for line in _message(name, cls))])


READ = ("url", "usernames", "packages")
"""What fedora-messaging's own programs read of every message."""


def _message(name: str, cls: type[message.Message]) -> Iterator[str]:
    yield f"## `{cls.topic}`\n"
    yield f"{(cls.__doc__ or '').strip()}\n"
    yield f"Schema `{cls.body_schema['id']}`, class `{cls.__module__}:{cls.__name__}`, entry point `{name}`,"
    yield f"severity {logging.getLevelName(cls.severity)}.\n"
    yield "| property | type | meaning |"
    yield "|---|---|---|"
    yield from _properties(cls.body_schema, "")
    yield ""
    yield from (f"- `{name}`: {' '.join((getattr(cls, name).__doc__ or '').split())}" for name in READ)
    yield ""


def _properties(schema: dict[str, Any], before: str) -> Iterator[str]:
    for name, part in schema["properties"].items():
        kind = part["type"] if isinstance(part["type"], str) else " or ".join(part["type"])
        kind += f" of {part['items']['type']}s" if "items" in part else ""
        may = "" if name in schema["required"] else " May be missing."
        if "properties" in part:
            yield from _properties(part, f"{before}{name}.")
        else:
            yield f"| `{before}{name}` | {kind} | {part['description']}{may} |"


MADE: dict[str, Callable[[], str]] = {"commands.md": commands, "messages.md": messages}


if __name__ == "__main__":
    for file, make in MADE.items():
        (tree.ROOT / "docs" / file).write_text(make(), encoding="utf-8")
