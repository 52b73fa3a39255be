# SPDX-License-Identifier: MIT
"""No room reaches where it may not: what each imports is read from its source, lazily imported or not."""

from __future__ import annotations

import ast
import pathlib

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
OURS = {"ondemand", "ondemand_web", "ondemand_consumer", "ondemand_plugins", "demo", "tests"}
DATABASE = {"sqlalchemy", "alembic", "sqlite3", "psycopg"}
SOLVER = {"solv", "libcomps"}
IMAGE_TOOL = {"kiwi", "createrepo_c", "pylorax", "imgcreate"}
WEB = {"flask", "flask_openapi3", "waitress", "werkzeug"}
FOLDERS = {
    "ondemand": ROOT / "ondemand",
    "ondemand_web": ROOT / "ondemand_web",
    "ondemand_consumer": ROOT / "ondemand_consumer",
    "ondemand_plugins": ROOT / "plugins" / "ondemand_plugins",
}
FORBIDDEN = {
    "ondemand": (OURS - {"ondemand"}) | DATABASE | SOLVER | IMAGE_TOOL | WEB,
    "ondemand_web": (OURS - {"ondemand", "ondemand_web"}) | IMAGE_TOOL,
    "ondemand_consumer": (OURS - {"ondemand", "ondemand_consumer"}) | DATABASE | WEB,
    "ondemand_plugins": (OURS - {"ondemand", "ondemand_plugins"}) | DATABASE | WEB,
}


def imported(source: str) -> set[str]:
    """Top-level names of all modules that the source imports, by statement or by importlib."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names.add(node.module or "")
        elif isinstance(node, ast.Call) and ast.unparse(node.func) in {"importlib.import_module", "__import__"}:
            names.update(str(argument.value) for argument in node.args if isinstance(argument, ast.Constant))
    return {name.split(".")[0] for name in names}


def reaching(room: str) -> list[str]:
    """A line for each module of the room that imports what it may not."""
    lines = []
    for file in sorted(FOLDERS[room].rglob("*.py")):
        wrong = imported(file.read_text(encoding="utf-8")) & FORBIDDEN[room]
        lines += [f"{file.relative_to(ROOT)} imports {name}" for name in sorted(wrong)]
    return lines


@pytest.mark.parametrize("room", FOLDERS)
def test_a_room_stands_where_it_is_looked_for(room: str) -> None:
    assert (FOLDERS[room] / "__init__.py").is_file()


@pytest.mark.parametrize("room", FOLDERS)
def test_a_room_reaches_only_where_it_may(room: str) -> None:
    assert not reaching(room)


@pytest.mark.parametrize(
    "source",
    [
        "import sqlalchemy.orm",
        "def f():\n    from sqlalchemy import orm",
        "import importlib\nimportlib.import_module('sqlalchemy.orm')",
    ],
)
def test_no_way_of_importing_is_overlooked(source: str) -> None:
    assert "sqlalchemy" in imported(source)
