# SPDX-License-Identifier: MIT
"""rpmbuild makes the four packages from this tree."""

from __future__ import annotations

import pathlib
import re
import shutil
import subprocess

import pytest

from tests.tools import tree

SITE = r"/usr/lib/python3\.\d+/site-packages"


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, set[str]]:
    """Files of each package, by its name."""
    if not shutil.which("rpmbuild"):
        pytest.skip("needs rpmbuild")
    if not (tree.ROOT / ".venv/bin/python").exists():
        pytest.skip("needs .venv")
    folder = tmp_path_factory.mktemp("rpm")
    subprocess.run([tree.ROOT / "config/setup/rpm", folder], check=True, timeout=300)
    return {listed_name(file): listed_files(file, folder) for file in folder.glob("RPMS/noarch/*.rpm")}


def listed_name(file: pathlib.Path) -> str:
    """The package's name, from that of its file."""
    return file.name.rsplit("-", 2)[0]


def listed_files(file: pathlib.Path, folder: pathlib.Path) -> set[str]:
    """The paths that the package holds, with Python's own version taken out."""
    command: list[str | pathlib.Path] = ["rpm", "--dbpath", folder / "rpmdb", "-qlp", file]
    told = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout
    return {re.sub(SITE, "SITE", line) for line in told.splitlines()}


def test_there_are_four_packages(packages: dict[str, set[str]]) -> None:
    assert set(packages) == {"python3-ondemand", "ondemand-web", "ondemand-consumer", "ondemand-plugins"}


def test_building_them_leaves_the_installed_tree_alone(packages: dict[str, set[str]]) -> None:
    question = "import importlib.metadata as found; print(found.version('ondemand'))"
    command: list[str | pathlib.Path] = [tree.ROOT / ".venv/bin/python", "-c", question]
    assert subprocess.run(command, check=True, capture_output=True, timeout=60).stdout.strip() == b"0.1.0"


def test_each_package_holds_its_room(packages: dict[str, set[str]]) -> None:
    assert {"/usr/bin/ondemand", "SITE/ondemand/messages.py"} <= packages["python3-ondemand"]
    assert {"SITE/ondemand_web/app.py", "SITE/ondemand_web/migrations/env.py"} <= packages["ondemand-web"]
    assert "SITE/ondemand_consumer/doorbell.py" in packages["ondemand-consumer"]
    assert "SITE/ondemand_plugins/backends/kiwi.py" in packages["ondemand-plugins"]


def test_configuration_and_units_come_with_the_rooms_that_need_them(packages: dict[str, set[str]]) -> None:
    assert {"/etc/ondemand/releases/f44.toml", "/etc/ondemand/presets/fedora-live.ks"} <= packages["ondemand-web"]
    assert any(name.endswith("/ondemand-builder.service") for name in packages["ondemand-consumer"])


@pytest.mark.parametrize("unit", ["ondemand-web", "ondemand-builder"])
def test_the_document_that_a_unit_names_is_there(packages: dict[str, set[str]], unit: str) -> None:
    text = (tree.ROOT / "config" / "systemd" / f"{unit}.service").read_text()
    (named,) = re.findall(r"^Documentation=file://(\S+)$", text, re.MULTILINE)
    assert any(named in held for held in packages.values())


def test_every_module_is_in_exactly_one_package(packages: dict[str, set[str]]) -> None:
    rooms = ("ondemand", "ondemand_web", "ondemand_consumer", "plugins/ondemand_plugins")
    files = (file for room in rooms for file in (tree.ROOT / room).rglob("*") if file.is_file())
    wanted = {
        str(file.relative_to(tree.ROOT)).removeprefix("plugins/") for file in files if "__pycache__" not in file.parts
    }
    for name in sorted(wanted):
        assert sum(f"SITE/{name}" in held for held in packages.values()) == 1, name
