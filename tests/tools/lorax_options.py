# SPDX-License-Identifier: MIT
"""Asks the parsers of lorax and livemedia-creator, version by version, for their options: names only, none of their code.

`python -m tests.tools.lorax_options REPOSITORY` writes tests/data; REPOSITORY is a clone of lorax with its tags.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import types
from collections.abc import Iterator, Mapping
from typing import Any
from unittest import mock

from tests.tools import tree

FILE = tree.ROOT / "tests" / "data" / "lorax_options.json"
PARSERS = {"lorax": "lorax_parser", "livemedia-creator": "lmc_parser"}
"""Each tool's function that makes its parser."""
_FILES = ("src/pylorax/cmdline.py", "src/pylorax/cmdline/__init__.py")
_TAG = re.compile(r"^lorax-((\d+)\.\d+(?:\.\d+)?)-1$")
_OLDEST = 40

Options = dict[str, list[str]]
"""The options of each tool, in the order of the alphabet."""


def read(source: str) -> Options:
    """The options that the parsers of this source take, the arguments without a dash by their name."""
    stub = types.ModuleType("pylorax")
    vars(stub).update(DEFAULT_RELEASEVER="0", DEFAULT_PLATFORM_ID="", vernum="0", ROOTFSTYPES=[])
    module = types.ModuleType("cmdline")
    with mock.patch.dict(sys.modules, {"pylorax": stub}):
        exec(compile(source, "cmdline.py", "exec"), vars(module))  # noqa: S102 - that is the tool's own parser
    return {tool: sorted(_names(getattr(module, name)([]))) for tool, name in PARSERS.items()}


def _names(parser: argparse.ArgumentParser) -> Iterator[str]:
    for action in parser._actions:
        yield from action.option_strings or [action.dest]


def versions(repository: str) -> dict[str, dict[str, Any]]:
    """Every tagged version from _OLDEST on, the oldest first: its commit and options."""
    tags = [match for line in _git(repository, "tag").splitlines() if (match := _TAG.match(line))]
    known = [(match[1], match[0]) for match in tags if int(match[2]) >= _OLDEST]
    found = {}
    for version, tag in sorted(known, key=lambda pair: tuple(map(int, pair[0].split(".")))):
        (path,) = _git(repository, "ls-tree", "-r", "--name-only", tag, "--", *_FILES).split()
        commit = _git(repository, "rev-parse", f"{tag}^{{commit}}").strip()
        found[version] = {"commit": commit, **read(_git(repository, "show", f"{tag}:{path}"))}
    return found


def _git(repository: str, *words: str) -> str:
    return subprocess.run(
        ("git", "-C", repository, *words), capture_output=True, text=True, check=True, timeout=60
    ).stdout


def text(found: Mapping[str, Mapping[str, Any]]) -> str:
    """The file's content: each version says what it has more and less than the one before it, and where it is from."""
    lines, before = [], {tool: set[str]() for tool in PARSERS}
    for version, known in found.items():
        entry: dict[str, Any] = {"commit": known["commit"]}
        for tool in PARSERS:
            now = set(known[tool])
            for word, names in (("added", now - before[tool]), ("removed", before[tool] - now)):
                if names:
                    entry.setdefault(tool, {})[word] = sorted(names)
            before[tool] = now
        lines.append(f"    {json.dumps(version)}: {json.dumps(entry)}")
    head = '{\n  "source": "https://github.com/weldr/lorax",\n  "versions": {\n'
    return head + ",\n".join(lines) + "\n  }\n}\n"


def known() -> dict[str, dict[str, frozenset[str]]]:
    """The committed file: for each version the options of each tool."""
    found, now = {}, {tool: frozenset[str]() for tool in PARSERS}
    for version, entry in json.loads(FILE.read_text(encoding="utf-8"))["versions"].items():
        for tool in PARSERS:
            change = entry.get(tool, {})
            now[tool] = now[tool] - set(change.get("removed", ())) | set(change.get("added", ()))
        found[version] = dict(now)
    return found


def main() -> int:
    """Command line: the clone."""
    parser = argparse.ArgumentParser(description="Write tests/data/lorax_options.json.")
    parser.add_argument("repository")
    options = parser.parse_args()
    FILE.write_text(text(versions(options.repository)), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
