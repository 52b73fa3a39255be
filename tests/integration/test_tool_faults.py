# SPDX-License-Identifier: MIT
"""Image tools that die, hang, shout, lie or run out of disk: one sentence of the right class each, and nothing is left behind."""

import concurrent.futures
import contextlib
import dataclasses
import os
import pathlib
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from ondemand import build_requests, errors, states
from ondemand.builds import FinishReport
from ondemand_consumer import boot, building, machines, master, verification
from tests import builder_parts, fake_master, runner_parts
from tests.runner_parts import Tool

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
MARK = "98762.1"
LEAK = f"losetup --find disk; mkdir mnt; mount -o loop disk mnt; touch /var/tmp/ondemand-left; setsid sleep {MARK} &"
FAULTS = {
    "crashed": (f"{LEAK} exec {sys.executable} -c 'import ctypes; ctypes.string_at(0)'", errors.ToolFailed, "status -11"),
    "without a result": (f"{LEAK} exit 0", errors.ToolFailed, "left 0 files"),
    "empty image": (f"{LEAK} : > out/x.iso", errors.ToolFailed, "image of 0 bytes"),
    "two images": (f"{LEAK} echo 1 > out/x.iso; echo 2 > out/y.iso", errors.ToolFailed, "left 2 files"),
    "hanging": (f"{LEAK} sleep {MARK}", errors.StepTimedOut, "ended after 5 seconds"),
}


@pytest.fixture(autouse=True)
def traces(tmp_path: pathlib.Path) -> Iterator[runner_parts.Traces]:
    """After each of these nothing is left on the machine."""
    found = runner_parts.Traces(tmp_path)
    yield found
    found.check(MARK, str(tmp_path))


@pytest.mark.parametrize("name", FAULTS)
def test_a_faulty_tool_is_told_and_leaves_nothing(tmp_path: pathlib.Path, traces: runner_parts.Traces, name: str) -> None:
    builder_parts.need("mkfs.ext4", "losetup")
    script, kind, said = FAULTS[name]
    attempt = builder_parts.make_attempt(tmp_path)
    builder_parts.run("truncate", "-s", "4M", str(attempt.work / "disk"))
    builder_parts.run("mkfs.ext4", "-q", str(attempt.work / "disk"))
    try:
        with pytest.raises(kind, match=said):
            building.build(attempt, Tool(script, timeout=5 if name == "hanging" else 60))
        assert traces.loops(), "the tool left nothing, so that the sweeper was not tried"
    finally:
        runner_parts.swept(attempt)


def test_a_tool_that_is_killed_lets_another_builder_try(tmp_path: pathlib.Path) -> None:
    attempt = builder_parts.make_attempt(tmp_path)

    def kill() -> None:
        first = builder_parts.soon(lambda: runner_parts.tools(attempt.folder))
        os.kill(first[0], signal.SIGKILL)

    thread = threading.Thread(target=kill)
    thread.start()
    with pytest.raises(errors.ToolStarved, match="bash was killed"):
        building.build(attempt, Tool(f"sleep {MARK} & touch out/begun; sleep {MARK}"))
    thread.join()


@pytest.mark.parametrize(
    ("size", "limit"), [("256M", 1000), pytest.param("2G", 3000, marks=[pytest.mark.slow, pytest.mark.timeout(3600)])]
)
def test_a_tool_that_prints_without_end_fills_no_disk_and_its_last_words_are_told(tmp_path: pathlib.Path, size: str, limit: int) -> None:
    attempt = builder_parts.make_attempt(tmp_path, log_size=2 * 1024**2)
    with pytest.raises(errors.ToolFailed, match="error: and that is why") as raised:
        building.build(attempt, Tool(f"yes chatter | head -c {size}; echo error: and that is why; exit 5", timeout=limit))
    log = attempt.log(states.Step.BUILD)
    assert log.stat().st_size < 4 * 1024**2 and log.read_text().endswith("error: and that is why\n")
    assert raised.value.lines[-1] == "error: and that is why"


def test_an_image_without_a_root_is_no_live_image(tmp_path: pathlib.Path) -> None:
    attempt = builder_parts.make_attempt(tmp_path)
    (attempt.work / "root").mkdir()
    image, _ = building.build(attempt, Tool("xorriso -as mkisofs -V X -o out/x.iso root"))
    with pytest.raises(errors.WrongContents, match="can't be looked into"):
        verification.read(attempt, image)


def test_an_image_without_a_kernel_does_not_boot(tmp_path: pathlib.Path) -> None:
    builder_parts.need(machines.program())
    attempt = builder_parts.make_attempt(tmp_path, memory=256, boot_timeout=60.0)
    (attempt.work / "root").mkdir()
    image, _ = building.build(attempt, Tool("xorriso -as mkisofs -V X -o out/x.iso root"))
    proof, error = boot.prove(attempt, image, (), attempt.artifacts / "screen.png")
    assert not proof.held and isinstance(error, errors.DoesNotBoot)


def _fill(folder: pathlib.Path) -> None:
    with (folder / "others").open("wb") as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(2**16))
            file.flush()


def _walk(folder: pathlib.Path, at: states.Step | None, then: Callable[[pathlib.Path], None], **changes: Any) -> FinishReport:
    """The report of an attempt with its work in `folder`, of one small RPM."""
    builder_parts.need("mksquashfs", "xorriso", machines.program())
    rpm = builder_parts.make_rpm(folder.parent)
    with builder_parts.serving_files(folder.parent) as files, fake_master.serving() as server:
        lock = builder_parts.make_lock(builder_parts.locked(rpm, files.url))
        attempt = builder_parts.make_attempt(folder, lock, memory=256, boot_timeout=8.0, **changes)
        report = runner_parts.walk(attempt, master.Master(server.url, "t").attempt(attempt.assignment), at, then)
        runner_parts.swept(attempt)
    return report


def test_the_walk_succeeds_where_nothing_is_wrong(tmp_path: pathlib.Path) -> None:
    report = _walk(tmp_path / "node", None, lambda _: None)
    assert report.error is None and report.artifacts


@pytest.mark.parametrize("full", list(states.Step))
def test_a_disk_that_is_full_at_any_step_lets_another_builder_try(tmp_path: pathlib.Path, full: states.Step) -> None:
    with runner_parts.small_disk(tmp_path / "small", "24M") as disk:
        report = _walk(disk, full, _fill)
    assert report.error and report.error["class"] == "builder", report.error
    assert report.error["code"] in ("too-little-disk", "tool-starved"), report.error


def test_a_cache_that_can_not_be_written_keeps_no_build_from_its_image(tmp_path: pathlib.Path) -> None:
    with runner_parts.small_disk(tmp_path / "cache", "1M") as cache:
        builder_parts.run("mount", "-o", "remount,ro", str(cache))
        report = _walk(tmp_path / "node", None, lambda _: None, cache=cache)
    assert report.error is None and report.artifacts


def test_two_builds_at_once_with_the_same_label_make_an_image_each(tmp_path: pathlib.Path) -> None:
    names = ("one", "two")
    with concurrent.futures.ThreadPoolExecutor() as pool:
        reports = list(pool.map(lambda name: _walk(_made(tmp_path / name) / "node", None, lambda _: None), names))
    assert [report.error for report in reports] == [None, None]
    assert {item.role for report in reports for item in report.artifacts} >= {"image", "manifest"}


NASTY = "x$(touch /tmp/ondemand-left)`id`;|&<>\"'\\\n %s {0} é"


def test_shell_characters_in_a_title_run_nothing_and_others_are_refused(tmp_path: pathlib.Path) -> None:
    attempt = builder_parts.make_attempt(tmp_path)
    request = build_requests.validate({"release": "demo", "title": NASTY.replace("\n", "")})
    order = dataclasses.replace(attempt, assignment=attempt.assignment.model_copy(update={"request": request, "label": "A $(id)"}))
    image, _ = building.build(order, Tool('printf %s "$1" > out/x.iso'))
    assert image.read_text() == "A $(id)"
    for field in ("name", "volume_label"):
        with pytest.raises(errors.InvalidRequest):
            build_requests.validate({"release": "demo", field: NASTY})


def _made(folder: pathlib.Path) -> pathlib.Path:
    folder.mkdir()
    return folder


def test_what_the_tool_said_last_comes_with_an_error_that_has_no_line_of_its_own(tmp_path: pathlib.Path) -> None:
    def hang(folder: pathlib.Path) -> None:
        with (folder / "logs" / "build.log").open("a") as log:
            log.write("the last word\n")
        raise errors.StepTimedOut("«tool» was ended after 2 seconds")

    report = _walk(tmp_path / "node", states.Step.BUILD, hang)
    assert report.error and report.error["code"] == "step-timed-out" and report.error["lines"][-1] == "the last word"
