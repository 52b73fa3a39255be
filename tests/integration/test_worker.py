# SPDX-License-Identifier: MIT
"""A real builder process against a master that speaks the worker API: claim, cancel, absence, shutdown, bell."""

import contextlib
import os
import pathlib
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from ondemand import states
from tests import builder_parts, fake_master, runner_parts

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
PROGRAM = """
import sys
from ondemand import plugins, settings
from ondemand_consumer import capabilities, worker

class Tool:
    name, closed, image_types, tools = "tool", True, frozenset({"live"}), ("bash",)
    def disk(self, lock):
        return 0
    def plan(self, order):
        command = plugins.Command(argv=("bash", "-c", sys.argv[1]), timeout=60)
        return plugins.Plan(files={}, commands=(command,), image="*.iso")

capabilities.backend = lambda name: Tool()
capabilities.require_tools = lambda: None
worker.Worker(settings.load(), lambda line: print(line, flush=True)).run(once="--once" in sys.argv)
"""


@pytest.fixture
def server(tmp_path: pathlib.Path) -> Iterator[Any]:
    with fake_master.serving() as server:
        yield server


@contextlib.contextmanager
def _builder(server: Any, folder: pathlib.Path, script: str, *options: str) -> Iterator[subprocess.Popen[str]]:
    environment = {
        **os.environ,
        "PYTHONPATH": str(pathlib.Path(__file__).parents[2]),
        "ONDEMAND_CONF": str(folder / "none.toml"),
        "ONDEMAND_MASTER__URL": server.url,
        "ONDEMAND_BUILDER__WORK": str(folder / "node"),
        "ONDEMAND_BUILDER__CACHE": str(folder / "cache"),
        "ONDEMAND_BUILDER__BELL": str(folder / "bell"),
        "ONDEMAND_BUILDER__DISK_RESERVE": "0",
        "ONDEMAND_QUEUE__POLL": "60",
    }
    argv = [sys.executable, "-c", PROGRAM, script, *options]
    builder = subprocess.Popen(argv, env=environment, stdout=subprocess.PIPE, text=True)
    try:
        yield builder
    finally:
        builder.kill()
        builder.communicate(timeout=10)


def _assign(server: Any) -> None:
    server.assignments.append(builder_parts.make_assignment(builder_parts.make_lock(), "tool"))


def _soon(true: Callable[[], Any], seconds: float = 20) -> bool:
    until = time.monotonic() + seconds
    while not true() and time.monotonic() < until:
        time.sleep(0.02)
    return bool(true())


def _building(server: Any) -> bool:
    return (states.Step.BUILD.value, "running") in server.steps and b"begun" in server.logs.get("build", b"")


def _running(word: str) -> bool:
    for entry in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            if entry.read_bytes().split(b"\0")[:2] == [b"sleep", word.encode()]:
                return True
    return False


def test_a_failing_tool_is_reported_with_its_line_and_its_log(server: Any, tmp_path: pathlib.Path) -> None:
    _assign(server)
    with _builder(server, tmp_path, "echo 'error: no kernel'; exit 1", "--once") as builder:
        said, _ = builder.communicate(timeout=60)
    assert server.finished[0]["error"]["code"] == "tool-failed"
    assert "error: no kernel" in server.finished[0]["error"]["sentence"]
    assert b"error: no kernel" in server.logs["build"]
    assert "build 7, attempt 1: failed" in said and not list((tmp_path / "node" / "attempts").iterdir())


def test_a_builder_whose_cache_lies_on_another_disk_says_so_once_as_it_starts(server: Any, tmp_path: pathlib.Path) -> None:
    with runner_parts.small_disk(tmp_path / "cache", "8M"), _builder(server, tmp_path, "true", "--once") as builder:
        said, _ = builder.communicate(timeout=60)
    assert said.count("builds take nothing over from earlier ones") == said.count("lies on another disk than") == 1


def test_a_tool_finds_neither_the_builders_token_nor_its_bell_nor_other_attempts(server: Any, tmp_path: pathlib.Path) -> None:
    (tmp_path / "none.toml").write_text('[builder]\ntoken = "a-token-to-be-stolen"\n')
    _assign(server)
    script = f"cd {tmp_path}; cat none.toml; ls -R node cache; [ -S bell ] || echo no bell; env; echo looked; exit 1"
    with _builder(server, tmp_path, script, "--once") as builder:
        builder.communicate(timeout=60)
    said = server.logs["build"].decode()
    assert "looked" in said and "no bell\n" in said and "a-token-to-be-stolen" not in said
    assert "\n7-1\n" in said and "locks" not in said and "lock\n" not in said


def test_progress_comes_with_the_beats(server: Any, tmp_path: pathlib.Path) -> None:
    _assign(server)
    with _builder(server, tmp_path, "echo begun; sleep 1; exit 1", "--once") as builder:
        builder.communicate(timeout=60)
    assert {"step": "build", "text": "", "fraction": None} in server.told


def test_a_cancel_ends_the_tool_and_is_reported(server: Any, tmp_path: pathlib.Path) -> None:
    _assign(server)
    with _builder(server, tmp_path, "echo begun; sleep 98764.1", "--once") as builder:
        assert _soon(lambda: _building(server))
        server.canceled = True
        builder.communicate(timeout=60)
    assert server.finished[0]["canceled"] and server.finished[0]["error"] is None
    assert not _running("98764.1")


def test_a_lost_lease_ends_the_tool_and_reports_nothing(server: Any, tmp_path: pathlib.Path) -> None:
    _assign(server)
    with _builder(server, tmp_path, "echo begun; sleep 98764.2", "--once") as builder:
        assert _soon(lambda: _building(server))
        server.lost = True
        said, _ = builder.communicate(timeout=60)
    assert server.finished == [] and "thrown away" in said
    assert not _running("98764.2")


def test_a_shutdown_gives_the_build_back_at_once(server: Any, tmp_path: pathlib.Path) -> None:
    _assign(server)
    with _builder(server, tmp_path, "echo begun; sleep 98764.3") as builder:
        assert _soon(lambda: _building(server))
        builder.send_signal(signal.SIGTERM)
        assert builder.wait(30) == 0
    assert server.finished[0]["error"]["class"] == "builder"
    assert "shutting down" in server.finished[0]["error"]["sentence"]
    assert not _running("98764.3")


def test_an_absent_master_ends_no_attempt(server: Any, tmp_path: pathlib.Path) -> None:
    _assign(server)
    with _builder(server, tmp_path, "echo begun; sleep 2; echo last; exit 1", "--once") as builder:
        assert _soon(lambda: _building(server))
        server.away = 4
        builder.communicate(timeout=60)
    assert server.away == 0 and b"last" in server.logs["build"]
    assert server.finished[0]["error"]["code"] == "tool-failed"


def test_a_builder_ends_when_another_process_has_its_token(server: Any, tmp_path: pathlib.Path) -> None:
    server.replaced = True
    with _builder(server, tmp_path, "exit 1") as builder:
        assert builder.wait(30) != 0
    assert (server.refused, len(server.registered)) == (1, 1)


def test_the_bell_wakes_a_builder_long_before_it_polls(server: Any, tmp_path: pathlib.Path) -> None:
    with _builder(server, tmp_path, "exit 1") as builder:
        assert builder.stdout and builder.stdout.readline() == "builder node-1 is ready\n"
        assert _soon((tmp_path / "bell").exists)
        time.sleep(0.5)
        _assign(server)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as bell:
            bell.sendto(b"ring", str(tmp_path / "bell"))
        assert _soon(lambda: server.finished)


def test_a_second_builder_in_the_same_folder_is_refused(server: Any, tmp_path: pathlib.Path) -> None:
    with _builder(server, tmp_path, "true") as first:
        assert first.stdout and first.stdout.readline()
        with _builder(server, tmp_path, "true") as second:
            assert second.wait(30) != 0
