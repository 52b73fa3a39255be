# SPDX-License-Identifier: MIT
"""Reads the argument names of Koji's hub from its source and writes them to tests/data: names only, none of its code.

`python -m tests.tools.koji_hub_arguments kojihub/kojihub.py 1.35.2`, in a checkout of Koji at that version.
"""

from __future__ import annotations

import argparse
import ast
import inspect
import json
import pathlib
import sys
from collections.abc import Iterator, Mapping
from typing import Any

from tests.tools import tree

FILE = tree.ROOT / "tests" / "data" / "koji_hub_arguments.json"
CALLS = "RootExports"
"""The class whose public names are the hub's calls."""

Arguments = dict[str, Any]
"""`required` and `optional` names in their order; `anything` is true where any other keyword is taken."""


def read(source: str) -> dict[str, Arguments]:
    """The arguments of every call, by its name. Left out is what the class takes from other files."""
    module = ast.parse(source)
    functions = {node.name: node for node in module.body if isinstance(node, ast.FunctionDef)}
    (calls,) = [node for node in module.body if isinstance(node, ast.ClassDef) and node.name == CALLS]
    return dict(sorted(_calls(calls, functions)))


def _calls(calls: ast.ClassDef, functions: Mapping[str, ast.FunctionDef]) -> Iterator[tuple[str, Arguments]]:
    for node in calls.body:
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
            static = any(ast.unparse(decorator) == "staticmethod" for decorator in node.decorator_list)
            yield node.name, _arguments(node, skipped=0 if static else 1)
        elif isinstance(node, ast.Assign) and isinstance(node.value, ast.Call) and node.value.args:
            function = functions.get(ast.unparse(node.value.args[0]))
            names = [target.id for target in node.targets if isinstance(target, ast.Name)]
            if function and ast.unparse(node.value.func) == "staticmethod":
                yield from ((name, _arguments(function, skipped=0)) for name in names)


def _arguments(function: ast.FunctionDef, skipped: int) -> Arguments:
    names = [each.arg for each in (*function.args.posonlyargs, *function.args.args)]
    border = len(names) - len(function.args.defaults)
    optional = [*names[max(skipped, border) :], *(each.arg for each in function.args.kwonlyargs)]
    found: Arguments = {"required": names[skipped:border], "optional": optional}
    return found | ({"anything": True} if function.args.kwarg else {})


def signature(arguments: Arguments) -> inspect.Signature:
    """What Python would say of a function with these arguments."""
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    made = [inspect.Parameter(name, kind) for name in arguments["required"]]
    made += [inspect.Parameter(name, kind, default=None) for name in arguments["optional"]]
    if arguments.get("anything"):
        made.append(inspect.Parameter("anything", inspect.Parameter.VAR_KEYWORD))
    return inspect.Signature(made)


def known() -> dict[str, Arguments]:
    """The calls as the committed file has them."""
    calls: dict[str, Arguments] = json.loads(FILE.read_text(encoding="utf-8"))["calls"]
    return calls


def version() -> str:
    """The version of Koji that the committed file was taken from."""
    return str(json.loads(FILE.read_text(encoding="utf-8"))["version"])


def text(calls: Mapping[str, Arguments], version: str) -> str:
    """The file's content: a line for each call, so that a newer version's differences can be read."""
    lines = [f"    {json.dumps(name)}: {json.dumps(arguments)}" for name, arguments in calls.items()]
    head = f'{{\n  "source": "kojihub/kojihub.py",\n  "version": {json.dumps(version)},\n  "calls": {{\n'
    return head + ",\n".join(lines) + "\n  }\n}\n"


def main() -> int:
    """Command line: the path of kojihub.py and its version."""
    parser = argparse.ArgumentParser(description="Write tests/data/koji_hub_arguments.json.")
    parser.add_argument("source", type=pathlib.Path)
    parser.add_argument("version")
    options = parser.parse_args()
    FILE.parent.mkdir(exist_ok=True)
    FILE.write_text(text(read(options.source.read_text(encoding="utf-8")), options.version), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
