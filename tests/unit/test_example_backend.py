# SPDX-License-Identifier: MIT
"""The example backend, installed as a stranger would install it, and its plan run with the real tool."""

from __future__ import annotations

import pathlib
import runpy
import shutil
import subprocess
import sys
from typing import Any

import pytest

from ondemand import build_requests, errors, locks, plugins, releases

EXAMPLE = pathlib.Path(__file__).parents[2] / "docs" / "example_backend"
ROOT = EXAMPLE.parents[1]


def backend() -> plugins.Backend:
    """The example's class."""
    made: plugins.Backend = runpy.run_path(str(EXAMPLE / "ondemand_repository_iso.py"))["RepositoryIso"]()
    return made


def order(folder: pathlib.Path, **options: Any) -> plugins.Order:
    """An order with one package in its repository."""
    (folder / "repository" / "repodata").mkdir(parents=True)
    (folder / "repository" / "small-1-1.noarch.rpm").write_bytes(b"rpm" * 1000)
    (folder / "work").mkdir()
    return plugins.Order(
        build_id=7,
        attempt=1,
        request=build_requests.BuildRequest(release="small", image_type=build_requests.ImageType.DVD),
        release=releases.Release(
            name="small",
            title="",
            version="1",
            arches=("x86_64",),
            kickstart_syntax="F40",
            repositories=(),
            image_types={},
        ),
        lock=locks.Lock(
            release="small", arch="x86_64", image_type="dvd", snapshot={}, requested=("small",), packages=()
        ),
        kickstart="",
        label="small-dvd-7",
        repository=folder / "repository",
        work=folder / "work",
        options=options,
    )


def test_its_plan_makes_an_image_with_the_packages(tmp_path: pathlib.Path) -> None:
    if not shutil.which("xorriso"):
        pytest.skip("needs xorriso")
    asked = order(tmp_path, publisher="Somebody")
    plan = backend().plan(asked)
    for name, text in plan.files.items():
        (asked.work / name).write_text(text)
    for folder in plan.folders:
        (asked.work / folder).mkdir()
    for command in plan.commands:
        subprocess.run(command.argv, cwd=asked.work, check=True, capture_output=True, timeout=command.timeout)
    (image,) = asked.work.glob(plan.image)
    words = ["xorriso", "-indev", str(image), "-osirrox", "on", "-extract", "/repository", str(tmp_path / "out")]
    done = subprocess.run(words, check=True, capture_output=True, text=True, timeout=60)
    assert (tmp_path / "out" / "small-1-1.noarch.rpm").stat().st_size == 3000
    assert "small-dvd-7" in done.stderr


def test_unknown_options_are_refused(tmp_path: pathlib.Path) -> None:
    with pytest.raises(errors.InvalidRequest, match="speed"):
        backend().plan(order(tmp_path, speed=9))


def test_once_installed_it_is_found_like_a_built_in(tmp_path: pathlib.Path) -> None:
    shutil.copytree(EXAMPLE, tmp_path / "source")
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--no-build-isolation"]
    install += ["--disable-pip-version-check", "--root-user-action", "ignore", "--target", str(tmp_path / "site")]
    subprocess.run([*install, str(tmp_path / "source")], check=True, capture_output=True, timeout=120)
    code = "from ondemand import registry; print(registry.load('ondemand.backends', 'repository-iso')().name)"
    environment = {"PATH": "/usr/bin:/bin", "PYTHONPATH": f"{tmp_path / 'site'}:{ROOT}"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "repository-iso", done.stderr
