# SPDX-License-Identifier: MIT
"""One attempt on this node: its assignment, its folders, its step logs and its stop. Runs nothing itself."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import pathlib
import shutil
from typing import IO

from ondemand import builds, errors, kickstart_files, settings, states
from ondemand_consumer import progressing, stopping


@dataclasses.dataclass(frozen=True, kw_only=True)
class Attempt:
    """`folder` is the attempt's own and holds everything that it writes."""

    assignment: builds.Assignment
    settings: settings.Builder
    folder: pathlib.Path
    stop: stopping.Stop
    hidden: tuple[pathlib.Path, ...] = ()
    """What of the host no tool of the attempt may see, beside what nobody's tools see."""
    progress: progressing.Progressing = dataclasses.field(default_factory=progressing.Progressing)
    """How far it is, as it is told from time to time."""

    @property
    def name(self) -> str:
        """Build and attempt number, for logs and file names."""
        return f"{self.assignment.build_id}-{self.assignment.attempt}"

    @property
    def repository(self) -> pathlib.Path:
        """The frozen repository: repodata and exactly the locked RPMs."""
        return self.folder / "repository"

    @property
    def side(self) -> pathlib.Path:
        """The side repository as it is made; first the locked RPMs that are in it alone."""
        return self.folder / "side"

    @property
    def tree(self) -> pathlib.Path:
        """A DVD's tree: `packages` and their repodata with groups."""
        return self.folder / "tree"

    @property
    def packages(self) -> pathlib.Path:
        """The RPMs of a DVD's tree."""
        return self.tree / "Packages"

    @property
    def boot_iso(self) -> pathlib.Path:
        """The boot.iso that the release published."""
        return self.folder / "boot.iso"

    @property
    def work(self) -> pathlib.Path:
        """The backend's own folder."""
        return self.folder / "work"

    @property
    def proof(self) -> pathlib.Path:
        """Where the proofs unpack and write."""
        return self.folder / "proof"

    @property
    def artifacts(self) -> pathlib.Path:
        """What will be published."""
        return self.folder / "artifacts"

    @property
    def logs(self) -> pathlib.Path:
        """One file a step."""
        return self.folder / "logs"

    @property
    def kickstart(self) -> str:
        """`build.ks`, which names the frozen repository; raises errors.KickstartInvalid."""
        assignment = self.assignment
        return kickstart_files.build_text(
            assignment.kickstart, assignment.release, assignment.build_id, self.repository.absolute().as_uri()
        )

    def log(self, step: states.Step) -> pathlib.Path:
        """The step's log file."""
        return self.logs / f"{step.value}.log"

    def say(self, step: states.Step, sentence: str) -> None:
        """Appends a line with the time to the step's log; where that can't be written it says nothing."""
        now = datetime.datetime.now(datetime.UTC)
        with contextlib.suppress(OSError), self.open_log(step) as file:
            file.write(f"[{now:%H:%M:%S}] {sentence}\n".encode())

    def open_log(self, step: states.Step) -> IO[bytes]:
        """The step's log, open to be appended to by a tool."""
        return self.log(step).open("ab", buffering=0)

    def make_folders(self) -> None:
        """Makes the attempt's folders anew."""
        for folder in (self.repository, self.side, self.packages, self.work, self.proof, self.artifacts, self.logs):
            folder.mkdir(parents=True)

    def check_disk(self, needed: int) -> None:
        """Raises errors.TooLittleDisk unless `needed` bytes fit beside the reserve."""
        free = max(0, shutil.disk_usage(self.folder).free - self.settings.disk_reserve)
        if needed > free:
            raise errors.TooLittleDisk(
                f"The build needs {needed / 1e9:.1f} GB of disk, the builder has {free / 1e9:.1f}",
                cause=f"{self.settings.disk_reserve / 1e9:.1f} GB are kept in reserve",
                remedy="make room on the builder, or ask for fewer packages",
            )
