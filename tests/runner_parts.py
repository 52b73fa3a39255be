# SPDX-License-Identifier: MIT
"""Parts for tests of what a tool may do: a backend of one command, a small disk, and what a build left behind. Tests no thing itself."""

from __future__ import annotations

import contextlib
import pathlib
import subprocess
import time
from collections.abc import Callable, Iterator
from typing import ClassVar

from ondemand import builds, locks, plugins, states
from ondemand_consumer import (
    attempts,
    boot,
    building,
    fetching,
    limits,
    master,
    pipeline,
    publishing,
    repository,
    sweeper,
    verification,
)
from tests import builder_parts, trace_parts


class Tool:
    """A backend that runs one line of bash for `timeout` seconds at most; `failures` as of any backend."""

    name: ClassVar[str] = "tool"
    closed: ClassVar[bool] = True
    image_types: ClassVar[frozenset[str]] = frozenset({"live"})
    tools: ClassVar[tuple[str, ...]] = ("bash",)
    commands: ClassVar[frozenset[str] | None] = None

    def __init__(self, script: str, timeout: float = 30, failures: tuple[plugins.Failure, ...] = (), disk: int = 0) -> None:
        self._script, self._timeout, self._disk = script, timeout, disk
        self.failures = failures

    def disk(self, lock: locks.Lock) -> int:
        return self._disk

    def plan(self, order: plugins.Order) -> plugins.Plan:
        command = plugins.Command(argv=("bash", "-c", self._script, "tool", order.label), timeout=self._timeout)
        return plugins.Plan(files={}, commands=(command,), image="out/*.iso", folders=("out",))


@contextlib.contextmanager
def small_disk(folder: pathlib.Path, size: str) -> Iterator[pathlib.Path]:
    """A folder that takes no more than `size`."""
    folder.mkdir(parents=True)
    builder_parts.run("mount", "-t", "tmpfs", "-o", f"size={size}", "none", str(folder))
    try:
        yield folder
    finally:
        builder_parts.run("umount", "--lazy", str(folder))


IMAGE = """
rpm --root $PWD/root --dbpath /usr/lib/sysimage/rpm --install --nodeps ../repository/*.rpm
mkdir -p iso/LiveOS && mksquashfs root iso/LiveOS/squashfs.img -quiet -no-progress && xorriso -as mkisofs -V "$1" -o out/x.iso iso
"""
"""What makes a true image of the frozen repository, which no machine can boot."""


def walk(
    attempt: attempts.Attempt, client: master.AttemptClient, at: states.Step | None, then: Callable[[pathlib.Path], None]
) -> builds.FinishReport:
    """The way of an attempt with `then` done to its folder as step `at` begins. The image, which can't boot, is booted only then."""

    class Walk(pipeline.Way):
        @contextlib.contextmanager
        def _step(self, step: states.Step) -> Iterator[None]:
            with super()._step(step):
                if step is at:
                    then(self.attempt.folder)
                yield

        def go(self) -> None:
            with self._step(states.Step.FETCH):
                files = fetching.fetch(attempt)
            with self._step(states.Step.REPO):
                repository.create(attempt)
                repository.create_side(attempt)
            with self._step(states.Step.BUILD):
                image, _ = building.build(attempt, Tool(IMAGE))
            with self._step(states.Step.VERIFY):
                self._hold(*verification.contains(attempt, image, files, closed=True))
            if at is states.Step.BOOT:
                with self._step(states.Step.BOOT):
                    self._hold(*boot.prove(attempt, image, files, attempt.artifacts / "screen.png"))
            with self._step(states.Step.PUBLISH):
                self._publish(image, files, publishing.describe(image, "image").sha256)

    original, pipeline.Way = pipeline.Way, Walk  # type: ignore[misc]
    try:
        return pipeline.run(attempt, client)
    finally:
        pipeline.Way = original  # type: ignore[misc]


def tools(folder: pathlib.Path) -> list[int]:
    """The first processes in the namespaces of the attempt in `folder`, once its tool has said that it began."""
    if not (folder / "work" / "out" / "begun").exists():
        return []
    pid = int((folder / "ledger").read_text().split()[0])
    return limits.descendants(pid)[1:]


def swept(attempt: attempts.Attempt) -> None:
    """What the builder does after each attempt."""
    sweeper.sweep(attempt.folder.parent)


class Traces:
    """What a build may leave: mounts, loop devices, processes, and files in places that are not its own."""

    def __init__(self, own: pathlib.Path) -> None:
        """Notes what is there now, so make it before the build; below `own` a build may write what it likes."""
        self._files = trace_parts.Files(own)
        self._mounts, self._loops = self._mounted(), self._attached()

    def check(self, *markers: str) -> None:
        """Fails if there is more than before, or a process whose command line has one of the markers."""
        until = time.monotonic() + 10
        while (left := self._left(markers)) and time.monotonic() < until:
            time.sleep(0.1)
        assert not left, f"left: {left}"

    def _left(self, markers: tuple[str, ...]) -> list[str]:
        found = [f"process {line}" for line in self._running(markers)]
        found += [f"mount {mount}" for mount in sorted(self._mounted() - self._mounts)]
        found += [f"loop device {device}" for device in sorted(self.loops())]
        return found + [f"file {path}" for path in sorted(self._files.new())]

    def loops(self) -> set[str]:
        """Loop devices that are there now and were not before."""
        return self._attached() - self._loops

    @staticmethod
    def _attached() -> set[str]:
        """The devices of a file `work/disk`, as tests call it; others on the machine are not ours."""
        files = pathlib.Path("/sys/block").glob("loop*/loop/backing_file")
        found = {}
        for file in files:
            with contextlib.suppress(OSError):
                found[file.parts[3]] = file.read_text().strip().removesuffix(" (deleted)")
        return {device for device, backing in found.items() if backing.endswith("/work/disk")}

    @staticmethod
    def _mounted() -> set[str]:
        return {line.split()[4] for line in pathlib.Path("/proc/self/mountinfo").read_text().splitlines()}

    @staticmethod
    def _running(markers: tuple[str, ...]) -> list[str]:
        said = subprocess.run(("ps", "-eo", "args"), capture_output=True, text=True, check=True).stdout
        return [line for line in said.splitlines() if any(marker in line for marker in markers)]
