# SPDX-License-Identifier: MIT
"""Plans stay below their folder; a failed tool is told by its line."""

import os
import pathlib
from typing import ClassVar

import pytest

from ondemand import errors, locks, plugins, states
from ondemand_consumer import building
from tests import builder_parts


class Tool:
    """A backend that runs one shell line."""

    name: ClassVar[str] = "tool"
    closed: ClassVar[bool] = True
    image_types: ClassVar[frozenset[str]] = frozenset({"live"})
    tools: ClassVar[tuple[str, ...]] = ("bash",)
    commands: ClassVar[frozenset[str] | None] = None

    def __init__(self, script: str) -> None:
        self._script = script

    def disk(self, lock: locks.Lock) -> int:
        return 10**6

    def plan(self, order: plugins.Order) -> plugins.Plan:
        command = plugins.Command(argv=("bash", "-c", self._script), timeout=20)
        return plugins.Plan(files={"a/note": order.label}, commands=(command,), image="out/*.iso", folders=("out",))


def _plan(**changes: object) -> plugins.Plan:
    values = {"files": {}, "commands": (), "image": "*.iso", **changes}
    return plugins.Plan(**values)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["../out", "/etc/passwd", "", "a/../../b"])
def test_a_plan_writes_nothing_outside_its_folder(tmp_path: pathlib.Path, name: str) -> None:
    with pytest.raises(errors.BuilderError, match="outside its work folder"):
        building.prepare(tmp_path, _plan(files={name: "x"}))


def test_executables_are_executable(tmp_path: pathlib.Path) -> None:
    building.prepare(tmp_path, _plan(files={"x/run": "#!/bin/sh"}, executable=frozenset({"x/run"})))
    assert os.access(tmp_path / "x" / "run", os.X_OK)


def test_the_ends_of_a_tool_s_own_logs_are_in_the_step_s_log(tmp_path: pathlib.Path) -> None:
    attempt = builder_parts.make_attempt(tmp_path)
    (attempt.work / "logs").mkdir()
    (attempt.work / "logs" / "program.log").write_text("begin " + "x" * 1024**2 + " end\n")
    (attempt.work / "logs" / "link.log").symlink_to("/etc/hostname")
    building.collect(attempt, ("logs/*.log", "logs/nothing.log", "../../*"))
    said = attempt.log(states.Step.BUILD).read_text()
    assert said.startswith("\n== logs/program.log, its last 1048576 of ") and said.endswith(" end\n")
    assert "begin" not in said and "link.log" not in said


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_a_plan_becomes_an_image_and_its_proof(tmp_path: pathlib.Path) -> None:
    attempt = builder_parts.make_attempt(tmp_path)
    image, proof = building.build(attempt, Tool("cp a/note out/x.iso"))
    assert image.read_text() == "Demo-live-7"
    assert proof.held and proof.facts["backend"] == "tool"


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
@pytest.mark.parametrize(
    "script, said", [("echo Error: no kernel; exit 3", "Error: no kernel"), ("true", "left 0 files")]
)
def test_a_tool_that_fails_is_told_in_one_sentence(tmp_path: pathlib.Path, script: str, said: str) -> None:
    with pytest.raises(errors.ToolFailed, match=said):
        building.build(builder_parts.make_attempt(tmp_path), Tool(script))
