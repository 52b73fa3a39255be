# SPDX-License-Identifier: MIT
"""Step boot: the image in a virtual machine, until its own root says who it is. Changes nothing in it."""

from __future__ import annotations

import codecs
import contextlib
import dataclasses
import pathlib
import time
from typing import IO

from ondemand import errors, proofs, states
from ondemand_consumer import attempts, console, fetching, machines, namespaces, rpm_headers

_STEP = states.Step.BOOT
_SECOND_WORD = 15.0
"""Seconds to wait for the unit's repetition when its first word came through damaged."""
_ACCELERATED = 0.3
"""Share of the time limit that a machine with KVM gets; a working one is several times as fast."""


def prove(
    attempt: attempts.Attempt, image: pathlib.Path, files: tuple[fetching.Fetched, ...], screen: pathlib.Path
) -> tuple[proofs.Proof, errors.DoesNotBoot | None]:
    """Boots the image; the proof, and what to raise where it does not hold. `screen` becomes a PNG."""
    sha256 = rpm_headers.sha256(image)
    for acceleration in machines.accelerations():
        run = _Boot(attempt, image, files, screen, acceleration)
        began = time.monotonic()
        trouble = run.watch()
        seconds = time.monotonic() - began
        if not trouble or acceleration is machines.TCG:
            break
        attempt.say(_STEP, f"{trouble}; once more without KVM, which may be what is at fault")
    said = run.console
    spoken = "The running system itself named the wanted packages on the serial line after multi-user."
    marker = "The console reached its login prompt; the image lacks ondemand-boot-proof, which could say more."
    proof = proofs.Proof(
        kind=proofs.ProofKind.BOOTS,
        held=not trouble,
        how=spoken if run.speaks else marker,
        facts={
            "sha256": sha256,
            "seconds": round(seconds, 1),
            "acceleration": run.acceleration[1].partition(",")[0],
            "said_by": console.PROOF_PACKAGE if run.speaks else "console marker",
            "packages": said.packages,
            "failed_units": sorted(said.failed_units),
            "state": said.state,
            "root": said.root,
        },
    )
    attempt.say(_STEP, trouble or f"booted after {seconds:.0f} s, state {said.state or 'not told'}")
    if not trouble:
        return proof, None
    return proof, errors.DoesNotBoot(
        f"The image does not boot: {trouble}", remedy="look at the console in the log of step boot"
    )


class _Boot:
    """One run of the machine."""

    def __init__(
        self,
        attempt: attempts.Attempt,
        image: pathlib.Path,
        files: tuple[fetching.Fetched, ...],
        screen: pathlib.Path,
        acceleration: tuple[str, ...],
    ) -> None:
        lock = attempt.assignment.lock
        self._attempt = attempt
        self._image = image
        self._screen = screen
        self.acceleration = acceleration
        self._headers = {file.package.nevra: file.header for file in files}
        self._wanted = lock.wanted
        self.speaks = any(package.name == console.PROOF_PACKAGE for package in lock.packages)
        self.console = console.Console(token=machines.token())
        self._firmware = attempt.proof

    def watch(self) -> str:
        """Runs the machine until it is judged; empty when the proof holds, else why not."""
        folder = self._attempt.proof / f"boot-{self.acceleration[1].partition(',')[0]}"
        folder.mkdir()
        serial, qmp, self._firmware = folder / "serial", folder / "qmp", folder / "firmware"
        serial.touch()
        credentials = {
            "ondemand.token": self.console.token,
            "ondemand.wanted": " ".join(sorted({package.name for package in self._wanted})),
        }
        argv = machines.argv(
            self._image,
            acceleration=self.acceleration,
            memory=self._attempt.settings.memory,
            console=serial,
            firmware=self._firmware,
            qmp=qmp,
            credentials=credentials,
        )
        self._attempt.say(_STEP, f"$ {' '.join(argv)}")
        with self._attempt.open_log(_STEP) as log, serial.open("rb") as tail, contextlib.ExitStack() as stack:
            made = namespaces.Process(argv, folder=self._attempt.folder, cwd=folder, output=log, hidden=self._attempt.hidden)
            process = stack.enter_context(made)
            follower = _Follower(tail, log, self.console)
            verdict = self._follow(process, follower)
            machines.screenshot(qmp, self._screen)
            return verdict

    def _follow(self, process: namespaces.Process, follower: _Follower) -> str:
        limit = self._attempt.settings.boot_timeout
        if self.acceleration is not machines.TCG:
            limit *= _ACCELERATED
        until = time.monotonic() + limit
        last = until
        while True:
            self._attempt.stop.sleep(0.3)
            ended = process.status is not None
            follower.read()
            self._read_firmware()
            verdict = self._judge()
            if verdict == "":
                return ""
            if verdict and self.console.failure:
                return verdict
            if verdict and last == until:
                last = min(until, time.monotonic() + _SECOND_WORD)
            if ended:
                return verdict or f"the machine ended with status {process.status} before it had booted"
            if time.monotonic() > last:
                return verdict or f"it said nothing of its proof within {limit:.0f} seconds, {follower.end}"

    def _read_firmware(self) -> None:
        with contextlib.suppress(OSError):
            if "No bootable device" in self._firmware.read_text("utf-8", "replace"):
                self.console.failure = self.console.failure or "No bootable device"

    def _judge(self) -> str | None:
        """Empty when the proof holds, a phrase when it does not, None while nothing is known."""
        said = self.console
        if self.speaks and said.blocks:
            return "; ".join(said.complaints(self._wanted, self._headers))
        if not self.speaks and said.login:
            return ""
        return f"its console says «{said.failure}»" if said.failure else None


@dataclasses.dataclass
class _Follower:
    """Takes what is new on the serial line to the step's log and the console's reader."""

    tail: IO[bytes]
    log: IO[bytes]
    said: console.Console

    def __post_init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._held = ""
        self._last = ""

    def read(self) -> None:
        """Reads on; an escape sequence that is cut in two waits for its other half."""
        text = self._held + self._decoder.decode(self.tail.read())
        cut = text.rfind("\x1b", max(0, len(text) - 16))
        if text.endswith("\r"):
            cut = len(text) - 1
        self._held = text[cut:] if cut >= 0 else ""
        plain = console.clean(text[:cut] if cut >= 0 else text)
        if plain:
            self.log.write(plain.encode())
            self.said.feed(plain)
            self._last = next((line for line in reversed(plain.splitlines()) if line.strip()), self._last)

    @property
    def end(self) -> str:
        """The last thing that the console said, for an error."""
        return f"its console ends with «{self._last.strip()[:150]}»" if self._last else "its console is empty"
