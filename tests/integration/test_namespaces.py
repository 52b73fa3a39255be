# SPDX-License-Identifier: MIT
"""Everything that runs in a namespace ends with it, and what a killed builder leaves is swept."""

import contextlib
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable

import pytest

from ondemand import errors
from ondemand_consumer import cgroups, joined_group, ledger, limits, namespaces, stopping, sweeper
from tests import builder_parts

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


def _run(folder: pathlib.Path, script: str, stop: stopping.Stop | None = None, timeout: float = 30) -> int:
    with (folder / "out").open("ab") as output:
        return namespaces.run(
            ("bash", "-c", script),
            folder=folder,
            cwd=folder,
            output=output,
            stop=stop or stopping.Stop(),
            timeout=timeout,
        )


def _running(marker: str) -> bool:
    for entry in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            if marker.encode() in entry.read_bytes():
                return True
    return False


def _soon(true: Callable[[], bool], seconds: float = 10) -> bool:
    until = time.monotonic() + seconds
    while not true() and time.monotonic() < until:
        time.sleep(0.05)
    return true()


def _disk(folder: pathlib.Path) -> None:
    builder_parts.need("mkfs.ext4", "losetup")
    builder_parts.run("truncate", "-s", "4M", str(folder / "disk"))
    builder_parts.run("mkfs.ext4", "-q", str(folder / "disk"))
    (folder / "mnt").mkdir()


def test_the_exit_status_and_the_output_come_through(tmp_path: pathlib.Path) -> None:
    assert _run(tmp_path, "echo said; exit 3") == 3
    assert (tmp_path / "out").read_text() == "said\n"


def test_the_environment_is_cleared(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONDEMAND_BUILDER__TOKEN", "secret")
    _run(tmp_path, "env")
    assert "secret" not in (tmp_path / "out").read_text()


def test_temporary_files_belong_to_the_attempt(tmp_path: pathlib.Path) -> None:
    assert _run(tmp_path, "echo left > /var/tmp/ondemand-left-behind; ls /var/tmp") == 0
    assert (tmp_path / "out").read_text() == "ondemand-left-behind\n"
    assert not pathlib.Path("/var/tmp/ondemand-left-behind").exists()
    assert (tmp_path / "private-var-tmp" / "ondemand-left-behind").exists()


def test_there_is_no_network(tmp_path: pathlib.Path) -> None:
    _run(tmp_path, "cat /proc/net/dev")
    assert "eth0" not in (tmp_path / "out").read_text()


def test_what_runs_on_in_the_background_ends_with_the_program(tmp_path: pathlib.Path) -> None:
    _run(tmp_path, "setsid sleep 98765.1 & sleep 0.2; exit 0")
    assert _soon(lambda: not _running("98765.1"))


def test_a_time_limit_kills_everything(tmp_path: pathlib.Path) -> None:
    with pytest.raises(errors.StepTimedOut):
        _run(tmp_path, "setsid sleep 98765.2 & sleep 98765.2", timeout=0.5)
    assert not _running("98765.2")


def test_a_cancel_kills_everything(tmp_path: pathlib.Path) -> None:
    stop = stopping.Stop()
    threading.Timer(0.5, stop.set, (errors.BuildCanceled("The build was canceled"),)).start()
    with pytest.raises(errors.BuildCanceled):
        _run(tmp_path, "setsid sleep 98765.3 & sleep 98765.3", stop)
    assert not _running("98765.3")


def test_a_mount_inside_is_not_seen_outside(tmp_path: pathlib.Path) -> None:
    _disk(tmp_path)
    assert _run(tmp_path, "mount -o loop disk mnt && touch mnt/there") == 0
    assert not sweeper.mounts(tmp_path)
    assert _soon(lambda: not sweeper.loops(tmp_path))


def test_a_missing_program_is_named(tmp_path: pathlib.Path) -> None:
    with (tmp_path / "out").open("ab") as output, pytest.raises(errors.ToolMissing, match="no-such-tool"):
        namespaces.Process(("no-such-tool",), folder=tmp_path, cwd=tmp_path, output=output)


BUILDER = """
import pathlib, sys
from ondemand_consumer import namespaces, stopping
folder = pathlib.Path(sys.argv[1])
script = "losetup --find disk; mount -o loop disk mnt; touch ready; setsid sleep 98765.4 & sleep 98765.4"
with (folder / "out").open("ab") as output:
    namespaces.run(("bash", "-c", script), folder=folder, cwd=folder, output=output,
                   stop=stopping.Stop(), timeout=60)
"""


def test_a_killed_builder_leaves_no_process_mount_loop_device_or_folder(tmp_path: pathlib.Path) -> None:
    folder = tmp_path / "attempts" / "7-1"
    folder.mkdir(parents=True)
    _disk(folder)
    environment = {**os.environ, "PYTHONPATH": str(pathlib.Path(__file__).parents[2])}
    builder = subprocess.Popen([sys.executable, "-c", BUILDER, str(folder)], env=environment)
    assert _soon(lambda: (folder / "ready").exists() and _running("98765.4"))
    disk = (folder / "disk").stat()
    builder.send_signal(signal.SIGKILL)
    builder.wait(10)
    assert _soon(lambda: not _running("98765.4"))
    sweeper.sweep(tmp_path / "attempts")
    assert not sweeper.mounts(tmp_path)
    devices = pathlib.Path("/dev").glob("loop[0-9]*")
    assert (disk.st_dev, disk.st_ino) not in [sweeper.backing_file(device) for device in devices]
    assert not folder.exists()


def test_the_sweeper_undoes_mounts_and_loop_devices_of_this_namespace(tmp_path: pathlib.Path) -> None:
    folder = tmp_path / "attempts" / "7-1"
    folder.mkdir(parents=True)
    _disk(folder)
    builder_parts.run("mount", "-o", "loop", str(folder / "disk"), str(folder / "mnt"))
    builder_parts.run("mount", "--bind", "/usr", str(_made(folder / "bound here")))
    found = sweeper.sweep(tmp_path / "attempts")
    assert len([line for line in found if line.startswith("unmounted")]) == 2
    assert not folder.exists() and pathlib.Path("/usr/bin").is_dir()
    assert _soon(lambda: not sweeper.loops(tmp_path))


def test_the_sweeper_kills_what_the_ledger_names_and_nothing_with_a_reused_pid(tmp_path: pathlib.Path) -> None:
    folder = _made(tmp_path / "attempts" / "7-1")
    ours, other = (subprocess.Popen(["sleep", "60"], start_new_session=True) for _ in range(2))
    ledger.note(folder, ours.pid)
    with (folder / ledger.NAME).open("a") as file:
        file.write(f"{other.pid} 1\n")
    sweeper.sweep(tmp_path / "attempts")
    assert ours.wait(5) == -signal.SIGKILL
    assert other.poll() is None
    other.kill()
    other.wait()


def _made(folder: pathlib.Path) -> pathlib.Path:
    folder.mkdir(parents=True)
    return folder


def test_all_that_is_started_is_in_the_group_from_its_first_moment(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    group = tmp_path / "group"
    group.mkdir()
    (tmp_path / "attempt").mkdir()
    monkeypatch.setattr(cgroups, "create", lambda *_: group)
    with (tmp_path / "out").open("ab") as output:
        process = namespaces.Process(("true",), folder=tmp_path / "attempt", cwd=tmp_path, output=output)
    words = process._process.args
    assert isinstance(words, list) and words[3:5] == [joined_group.__file__, str(group)] and words[5].endswith("/setpriv")
    assert process.wait(stopping.Stop(), 30) == 0 and (group / "cgroup.procs").read_text() == "0"
    (group / "cgroup.procs").unlink()


def test_the_kernel_s_own_group_holds_all_of_it(tmp_path: pathlib.Path) -> None:
    with (tmp_path / "out").open("ab") as output:
        process = namespaces.Process(("sleep", "98761.4"), folder=tmp_path, cwd=tmp_path, output=output)
    with process:
        if process._group is None:
            pytest.skip("needs a control group that this user may make")
        assert _soon(lambda: len(limits.descendants(process._process.pid)) == 2)
        inside = (process._group / "cgroup.procs").read_text().split()
        assert sorted(map(int, inside)) == sorted(limits.descendants(process._process.pid))
    assert not process._group.exists()


def test_what_can_not_be_started_leaves_no_group(tmp_path: pathlib.Path) -> None:
    (tmp_path / "7-1").mkdir()
    with (tmp_path / "out").open("ab") as output, pytest.raises(FileNotFoundError):
        namespaces.Process(("true",), folder=tmp_path / "7-1", cwd=tmp_path / "absent", output=output)
    assert cgroups.left_over(tmp_path) == []


def test_a_group_that_takes_nobody_keeps_nothing_from_running(tmp_path: pathlib.Path) -> None:
    done = subprocess.run(
        (sys.executable, "-I", "-S", joined_group.__file__, str(tmp_path / "absent"), shutil.which("echo") or "", "said"),
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout == "said\n"


@pytest.mark.parametrize("which", ["the tool", "unshare"])
def test_what_can_not_be_killed_ends_as_the_builder_s_fault_and_not_never(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, which: str
) -> None:
    ended: list[object] = []
    monkeypatch.setattr(namespaces, "_PATIENCE", 0.5)
    monkeypatch.setattr(cgroups, "end", ended.append)
    with (tmp_path / "out").open("ab") as output:
        process = namespaces.Process(("sleep", "98761.3"), folder=tmp_path, cwd=tmp_path, output=output)
    pid = process._process.pid
    assert _soon(lambda: len(limits.descendants(pid)) == 2)
    tool = limits.descendants(pid)[1]
    # No signal keeps a process as a disk does that never answers: one is said to be there, the other stopped and spared.
    if which == "the tool":
        monkeypatch.setattr(ledger, "start_time", lambda _: 1)
    else:
        os.kill(pid, signal.SIGSTOP)
        monkeypatch.setattr(os, "killpg", lambda *_: os.kill(tool, signal.SIGKILL))
    with pytest.raises(errors.BuilderError, match="«sleep» can't be ended"):
        process.kill()
    assert ended == [process._group]
    monkeypatch.undo()
    process.kill()
    assert process.status is not None and ledger.start_time(tool) < 0
