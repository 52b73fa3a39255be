# SPDX-License-Identifier: MIT
"""Step boot: the image in a virtual machine, until its own root says who it is. Changes nothing in it."""

from __future__ import annotations

import codecs
import contextlib
import dataclasses
import pathlib
import time
from typing import IO, Any

from ondemand import errors, proofs, states
from ondemand_consumer import attempts, console, fetching, firmware, machines, namespaces, rpm_headers

_STEP = states.Step.BOOT
_SECOND_WORD = 15.0
"""Seconds to wait for the unit's repetition when its first word came through damaged."""
_ACCELERATED = 0.3
"""Share of the time limit that a machine with KVM gets; a working one is several times as fast."""
_SPOKEN = "the running system itself named the wanted packages on the serial line after multi-user."
_SPOKEN_WITHOUT_DATABASE = "the running system itself spoke on the serial line after multi-user; it has no RPM database to tell of."
_SPOKEN_ELSEWHERE = "the running system itself spoke on the serial line after multi-user; the wanted packages are in what it installs."
_SPOKEN_UNASKED = "the running system itself spoke on the serial line after multi-user; no builds were asked for."
_INSTALLER = (
    "the published installer came up, as its console says, to which its boot menu has it log where the proof's own disk is attached; "
    "there was no other disk, so that nothing was installed."
)
_MARKED = "the console reached its login prompt or installer; the image lacks ondemand-boot-proof, which could say more."


def prove(
    attempt: attempts.Attempt,
    image: pathlib.Path,
    files: tuple[fetching.Fetched, ...],
    screen: pathlib.Path,
    *,
    database: bool = True,
) -> tuple[proofs.Proof, errors.DoesNotBoot | None]:
    """Boots the image under each firmware that firmware.choose names, until one fails; the proof, and what to raise where
    it does not hold. `screen` becomes a PNG of the last. Without an RPM `database` in it
    the running system can't name its packages, and is not asked for them."""
    sha256 = rpm_headers.sha256(image)
    assignment, found = attempt.assignment, firmware.available()
    choice = firmware.choose(firmware.of_image(image), frozenset(found), assignment.request.profile, assignment.lock)
    for remark in choice.remarks:
        attempt.say(_STEP, remark)
    runs: list[_Boot] = []
    for kind in choice.kinds:
        runs.append(_under(kind, found.get(kind), attempt, image, files, screen, asked=database))
        if runs[-1].trouble:
            break
    last = runs[-1]
    proof = proofs.Proof(
        kind=proofs.ProofKind.BOOTS,
        held=not last.trouble,
        how=" ".join((f"Under {' and '.join(run.kind for run in runs)}: {last.how}", *choice.remarks)),
        facts={"sha256": sha256, **last.facts, "boots": [run.facts for run in runs], "remarks": list(choice.remarks)},
    )
    if not last.trouble:
        return proof, None
    return proof, errors.DoesNotBoot(
        f"The image does not boot under {last.kind}: {last.trouble}", remedy="look at the console in the log of step boot"
    )


def _under(
    kind: firmware.Firmware,
    described: dict[str, Any] | None,
    attempt: attempts.Attempt,
    image: pathlib.Path,
    files: tuple[fetching.Fetched, ...],
    screen: pathlib.Path,
    *,
    asked: bool,
) -> _Boot:
    """The image's boot under one firmware, judged; with emulation as the last word."""
    for acceleration in machines.accelerations():
        run = _Boot(attempt, image, files, screen, acceleration, kind, described, asked=asked)
        run.judge()
        if not run.trouble or acceleration is machines.TCG:
            break
        attempt.say(_STEP, f"{run.trouble}; once more without KVM, which may be what is at fault")
    attempt.say(_STEP, run.trouble or f"booted under {kind} after {run.seconds:.0f} s, state {run.console.state or 'not told'}")
    return run


class _Boot:
    """One run of the machine."""

    def __init__(
        self,
        attempt: attempts.Attempt,
        image: pathlib.Path,
        files: tuple[fetching.Fetched, ...],
        screen: pathlib.Path,
        acceleration: tuple[str, ...],
        kind: firmware.Firmware,
        described: dict[str, Any] | None,
        *,
        asked: bool,
    ) -> None:
        lock = attempt.assignment.lock
        self._attempt = attempt
        self._image = image
        self._screen = screen
        self.acceleration = acceleration
        self._headers = {file.package.nevra: file.header for file in files}
        self._asked = asked
        # Not of a DVD's tree: what runs has none of that.
        self._wanted = tuple(package for package in lock.packages if package.wanted) if asked else ()
        self.published = lock.boot_iso is not None
        self._medium = self.published or bool(lock.tree)
        self.speaks = not self.published and any(package.name == console.PROOF_PACKAGE for package in lock.packages)
        self.console = console.Console(token=machines.token())
        self.kind = kind
        self.trouble = "it was not started"
        self.seconds = 0.0
        self._described = described
        self._firmware = attempt.proof

    @property
    def how(self) -> str:
        """Who said that the system is up, one sentence."""
        if self.published:
            return _INSTALLER
        if not self.speaks:
            return _MARKED
        if not self._asked:
            return _SPOKEN_WITHOUT_DATABASE
        if self._wanted:
            return _SPOKEN
        return _SPOKEN_ELSEWHERE if self._attempt.assignment.lock.wanted else _SPOKEN_UNASKED

    @property
    def facts(self) -> dict[str, Any]:
        """What was seen."""
        said = self.console
        return {
            "firmware": str(self.kind),
            "seconds": round(self.seconds, 1),
            "acceleration": self.acceleration[1].partition(",")[0],
            "said_by": console.PROOF_PACKAGE if self.speaks else "console marker",
            "packages": said.packages,
            "failed_units": sorted(said.failed_units),
            "state": said.state,
            "root": said.root,
        }

    def judge(self) -> None:
        """Boots; then `trouble` is empty when the proof holds, else why not, and `seconds` is how long it took."""
        began = time.monotonic()
        self.trouble = self._watch()
        self.seconds = time.monotonic() - began

    def _watch(self) -> str:
        folder = self._attempt.proof / f"boot-{self.kind.name.lower()}-{self.acceleration[1].partition(',')[0]}"
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
            extra=firmware.words(self._described, folder) if self._described else (),
            listener=machines.listening_disk(folder) if self._medium else None,
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
