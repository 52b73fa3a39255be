# SPDX-License-Identifier: MIT
"""No Python file over 500 lines and no function over 60; the offenders are printed."""

from __future__ import annotations

import ast
import pathlib
from collections.abc import Iterator

from tests.tools import tree

FILE_LINES = 500
FUNCTION_LINES = 60


def functions(file: pathlib.Path) -> Iterator[tuple[str, int]]:
    """Name and length, decorators included, of every function in the file."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
            yield node.name, (node.end_lineno or node.lineno) - first + 1


def test_no_file_is_too_long() -> None:
    lengths = {str(file): len(file.read_text(encoding="utf-8").splitlines()) for file in tree.python()}
    assert lengths
    assert {name: length for name, length in lengths.items() if length > FILE_LINES} == {}


def test_no_function_is_too_long() -> None:
    lengths = {f"{file}: {name}": length for file in tree.python() for name, length in functions(file)}
    assert {name: length for name, length in lengths.items() if length > FUNCTION_LINES} == {}
