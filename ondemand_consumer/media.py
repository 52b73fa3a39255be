# SPDX-License-Identifier: MIT
"""Step verify for installation media: their RPMs against the lock; their installer against the published boot.iso, or the lock.

Every file is read out of the finished ISO and held to its SHA-256, which stands for the header's digest too.
"""

from __future__ import annotations

import dataclasses
import pathlib
import sys
from collections.abc import Iterable, Mapping

from ondemand import errors, kickstart_files, locks, proofs, states
from ondemand_consumer import attempts, fetching, media_contents, namespaces, rpm_headers, verification

UPDATES = "images/updates.img"
"""What a remastered boot ISO gives its installer to run instead of modules of its own."""
_UPDATED = f", and runs modules out of {UPDATES} instead of its own"
_TIMEOUT = 1800.0
_TREE, _SIDE = "Packages", "side"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Part:
    """The RPMs that have to be in a folder of the medium: file name -> SHA-256 as fetched."""

    name: str
    folder: str
    expected: Mapping[str, str]


def contains(
    attempt: attempts.Attempt, image: pathlib.Path, files: Iterable[fetching.Fetched]
) -> tuple[proofs.Proof, errors.WrongContents | None]:
    """The proof, and what to raise where it does not hold."""
    lock, fetched = attempt.assignment.lock, {file.package.nevra: file for file in files}
    part = _part(attempt, fetched)
    made = _read(attempt, image, part.folder)
    there = {path: digest for path, digest in made.items() if path in media_contents.RUNTIMES}
    installer = _published(attempt, there) if lock.boot_iso else _own(attempt, image, fetched)
    phrases = [*compare(part, made).phrases(), *installer.phrases]
    found = verification.Findings(
        how=f"Every RPM of the {part.name} was read out of the image and compared with the lock by name and digest; {installer.how}",
        facts={
            **installer.facts,
            "part": part.name,
            "packages": sum(path.startswith(f"{part.folder}/") for path in made),
            "locked": len(part.expected),
            "wanted": {package.nevra: fetched[package.nevra].header for package in lock.wanted},
            "installer": there,
            "differences": phrases,
        },
        phrases=phrases,
        said=f"{len(part.expected)} packages in the {part.name}, as locked; {installer.said}",
    )
    return verification.concluded(attempt, found, cause="what put it together took files from elsewhere, or left some out")


def compare(part: Part, made: Mapping[str, str]) -> verification.Differences:
    """How the RPMs in the part's folder differ from those that have to be there."""
    head = f"{part.folder}/"
    there = {path.removeprefix(head): digest for path, digest in made.items() if path.startswith(head)}
    both = part.expected.keys() & there.keys()
    return verification.Differences(
        missing=tuple(sorted(part.expected.keys() - there.keys())),
        other_bytes=tuple(sorted(name for name in both if there[name] != part.expected[name])),
        unexpected=tuple(sorted(there.keys() - part.expected.keys())),
    )


def _published(attempt: attempts.Attempt, there: Mapping[str, str]) -> verification.Findings:
    """The published installer: the files that it runs from, as they are in that boot.iso."""
    boot_iso = attempt.assignment.lock.boot_iso
    return verification.Findings(
        how=f"the installer is the published one, byte for byte{_UPDATED * (UPDATES in there)}.",
        facts={"closed": True, "boot_iso": boot_iso.sha256 if boot_iso else "", "updates": UPDATES in there, "database": False},
        phrases=_other_runtime(there, _read(attempt, attempt.boot_iso)),
        said="the installer as published",
    )


def _own(attempt: attempts.Attempt, image: pathlib.Path, fetched: Mapping[str, fetching.Fetched]) -> verification.Findings:
    """An installer that was made for this image, beside what the lock has without the tree."""
    runtime = attempt.assignment.lock.model_copy(update={"tree": ()})
    found = verification.look(attempt, image, fetched.values(), runtime, closed=False)
    return verification.Findings(
        how=f"the installer was made for this image. Of the installer: {found.how}",
        facts={**found.facts, "installer_packages": found.facts["packages"]},
        phrases=[f"in the installer, {phrase}" for phrase in found.phrases],
        said=f"in the installer, {found.said}",
    )


def _part(attempt: attempts.Attempt, fetched: Mapping[str, fetching.Fetched]) -> Part:
    lock = attempt.assignment.lock
    if not lock.remastered:
        tree = {package.filename: fetched[package.nevra].sha256 for package in lock.tree}
        return Part(name="DVD's tree", folder=_TREE, expected=tree)
    side = kickstart_files.side(lock, attempt.assignment.release)
    return Part(name="side repository on the medium", folder=_SIDE, expected={p.filename: _sha256(attempt, fetched, p) for p in side})


def _sha256(attempt: attempts.Attempt, fetched: Mapping[str, fetching.Fetched], package: locks.LockedPackage) -> str:
    """Of a file that only the side repository has, none was handed on."""
    file = fetched.get(package.nevra)
    return file.sha256 if file else rpm_headers.sha256(attempt.side / package.filename)


def _other_runtime(there: Mapping[str, str], published: Mapping[str, str]) -> list[str]:
    """Phrases for files of the installer that are not the published boot.iso's; `updates.img` may come as a further one."""
    known = {path for path in published if path != UPDATES}
    other = sorted(path for path in known if there.get(path) != published[path])
    other += sorted(there.keys() - known - {UPDATES})
    return [f"not the published installer's: {', '.join(other)}"] if other else []


def _read(attempt: attempts.Attempt, image: pathlib.Path, *folders: str) -> dict[str, str]:
    """Path -> SHA-256; raises errors.WrongContents when the image can't be read."""
    listing = attempt.proof / f"media-{image.stem}"
    with listing.open("wb") as output, attempt.open_log(states.Step.VERIFY) as log:
        status = namespaces.run(
            (sys.executable, "-m", "ondemand_consumer.media_contents", str(image), *folders),
            folder=attempt.folder,
            cwd=attempt.proof,
            output=output,
            errors_to=log,
            stop=attempt.stop,
            hidden=attempt.hidden,
            timeout=_TIMEOUT,
            environment={"PYTHONPATH": ":".join(path for path in sys.path if path)},
        )
    if status:
        last = attempt.log(states.Step.VERIFY).read_text("utf-8", "replace").strip().splitlines()[-1:]
        raise errors.WrongContents(
            f"The image can't be looked into: {''.join(last) or f'status {status}'}",
            cause="it is damaged, or is no ISO",
            remedy="look at the log of step build",
        )
    rows = [line.split("\t") for line in listing.read_text("utf-8", "replace").splitlines()]
    return {row[0]: row[2] for row in rows if len(row) == 3}
