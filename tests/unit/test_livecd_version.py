# SPDX-License-Identifier: MIT
"""The version of a livecd-creator is found out though the tool itself does not tell it."""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys

import pytest

PROGRAM = '#!/bin/sh\n[ "$1" = --help ] && echo "{options}" && exit\n{version}\n'


def asked(folder: pathlib.Path) -> subprocess.CompletedProcess[str]:
    argv = (sys.executable, "-m", "ondemand_plugins.backends.livecd_version")
    environment = {"PATH": f"{folder}:{os.environ['PATH']}", "PYTHONPATH": ":".join(filter(None, sys.path))}
    return subprocess.run(argv, env=environment, capture_output=True, text=True, timeout=60, check=False)


def install(folder: pathlib.Path, version: str, options: str = "--title") -> None:
    program = folder / "livecd-creator"
    program.write_text(PROGRAM.format(version=version, options=options))
    program.chmod(0o755)


@pytest.mark.parametrize(
    ("version", "options", "said"),
    [
        ("28.3", "--title", "28.3"),
        ("31.0", "--title", "31.0"),
        ("31.0", "--title --syslinux", "31.0.19"),
        ("30.0", "--title --syslinux", "30.0"),
    ],
)
def test_a_launcher_tells_it_and_the_options_tell_what_31_really_is(
    tmp_path: pathlib.Path, version: str, options: str, said: str
) -> None:
    install(tmp_path, f'echo "livecd-tools {version}"', options)
    assert asked(tmp_path).stdout == f"livecd-tools {said}\n"


def test_a_tool_that_nobody_knows_is_said_to_be_unknown(tmp_path: pathlib.Path) -> None:
    install(tmp_path, "exit 2")
    done = asked(tmp_path)
    assert done.returncode == 1 and "neither RPM's database nor livecd-creator itself" in done.stderr


def test_without_the_tool_that_is_what_it_says(tmp_path: pathlib.Path) -> None:
    environment = {"PATH": str(tmp_path), "PYTHONPATH": ":".join(filter(None, sys.path))}
    argv = (sys.executable, "-m", "ondemand_plugins.backends.livecd_version")
    done = subprocess.run(argv, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert "not on PATH" in done.stderr
