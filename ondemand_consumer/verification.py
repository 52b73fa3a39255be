# SPDX-License-Identifier: MIT
"""Step verify: the image's RPM database against the lock, by NEVRA and digest. Trusts no image tool.

An installer without a database is compared by lorax's own list of packages, and the proof says so.
"""

from __future__ import annotations

import dataclasses
import pathlib
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ondemand import errors, locks, proofs, states
from ondemand_consumer import attempts, fetching, image_contents, namespaces

_TIMEOUT = 900.0
_SHOWN = 10
_LISTED = 500
"""Names that a proof holds of packages that are in an image and not in its lock."""
_BY_DATABASE = "The image's RPM database was compared with the lock by name, version and header digest."
_BY_LIST = (
    "The installer holds no RPM database: the list of packages that its tool wrote was compared with the lock by name and "
    "version, not by digest."
)


@dataclasses.dataclass(frozen=True, kw_only=True, order=True)
class Installed:
    """A package in the image; `header` is the SHA-256 of its RPM header, None where only the tool's list names it."""

    name: str
    epoch: int
    version: str
    release: str
    arch: str
    header: str | None

    @property
    def nevra(self) -> str:
        """Written as ondemand.locks.LockedPackage.nevra."""
        epoch = f"{self.epoch}:" if self.epoch else ""
        return f"{self.name}-{epoch}{self.version}-{self.release}.{self.arch}"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Differences:
    """How an image differs from the lock; each entry is a phrase that names the package."""

    missing: tuple[str, ...] = ()
    other_version: tuple[str, ...] = ()
    other_bytes: tuple[str, ...] = ()
    unexpected: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return any(dataclasses.astuple(self))

    def phrases(self) -> list[str]:
        """Everything that differs, the worst first."""
        heads = ("missing", "of another version", "with other bytes", "not in the lock")
        return [
            f"{head}: {', '.join(names[:_SHOWN])}{f' and {len(names) - _SHOWN} more' * (len(names) > _SHOWN)}"
            for head, names in zip(heads, dataclasses.astuple(self), strict=True)
            if names
        ]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Findings:
    """What a look into an image found: how it was looked, the proof's facts, a phrase for each thing that differs from the
    lock, and what is said where nothing does."""

    how: str
    facts: Mapping[str, Any]
    phrases: Sequence[str]
    said: str


def contains(
    attempt: attempts.Attempt, image: pathlib.Path, files: Iterable[fetching.Fetched], *, closed: bool
) -> tuple[proofs.Proof, errors.WrongContents | None]:
    """The proof, and what to raise where it does not hold."""
    found = look(attempt, image, files, attempt.assignment.lock, closed=closed)
    return concluded(attempt, found, cause="the image tool took packages from elsewhere, or left some out")


def look(
    attempt: attempts.Attempt, image: pathlib.Path, files: Iterable[fetching.Fetched], lock: locks.Lock, *, closed: bool
) -> Findings:
    """The root of the image beside `lock`, which is the attempt's or a part of it; raises as `read` does."""
    headers = {file.package.nevra: file.header for file in files}
    installed = read(attempt, image)
    phrases = compare(lock, headers, installed, closed=closed).phrases()
    outside = outsiders(lock, installed)
    database = all(package.header is not None for package in installed)
    if outside and not closed:
        attempt.say(states.Step.VERIFY, f"{len(outside)} packages are not in the lock: {', '.join(outside[:_LISTED])}")
    return Findings(
        how=_BY_DATABASE if database else _BY_LIST,
        facts={
            "packages": len(installed),
            "locked": len(headers),
            "closed": closed,
            "database": database,
            "wanted": {package.nevra: headers[package.nevra] for package in lock.wanted},
            "differences": phrases,
            **({} if closed else {"outside": outside[:_LISTED], "left_out": _left_out(lock, installed)[:_LISTED]}),
        },
        phrases=phrases,
        said=f"{len(installed)} packages, {len(lock.wanted)} wanted ones, as locked",
    )


def concluded(
    attempt: attempts.Attempt, found: Findings, *, cause: str
) -> tuple[proofs.Proof, errors.WrongContents | None]:
    """The proof of what was found, and what to raise, with that cause, where it does not hold; the step's log hears of it."""
    proof = proofs.Proof(kind=proofs.ProofKind.CONTAINS, held=not found.phrases, how=found.how, facts=dict(found.facts))
    for phrase in found.phrases or (found.said,):
        attempt.say(states.Step.VERIFY, phrase)
    if proof.held:
        return proof, None
    return proof, errors.WrongContents(
        f"The image does not hold what was locked: {'; '.join(found.phrases)}",
        cause=cause,
        remedy="look at the log of step build for these names",
        details=tuple(found.phrases),
    )


def read(attempt: attempts.Attempt, image: pathlib.Path) -> list[Installed]:
    """The packages in the image; raises errors.WrongContents when it can't be read."""
    folder = attempt.proof / "contents"
    folder.mkdir()
    listing = attempt.proof / "packages"
    with listing.open("wb") as output, attempt.open_log(states.Step.VERIFY) as log:
        status = namespaces.run(
            (sys.executable, "-m", "ondemand_consumer.image_contents", str(image), str(folder)),
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
            cause="it is damaged, or is no image of a live system or installer",
            remedy="look at the log of step build",
        )
    return parse(listing.read_text("utf-8", "replace"), attempt.assignment.lock)


def parse(text: str, lock: locks.Lock) -> list[Installed]:
    """The packages in the list that ondemand_consumer.image_contents prints; keys are left out.

    An epoch that the list does not tell is the lock's for that name and version, else 0.
    """
    none = image_contents.NONE
    epochs = {(p.name, p.version, p.release, p.arch): p.epoch for p in lock.packages}
    rows = [line.split("\t") for line in text.splitlines() if line.count("\t") == 5]
    return sorted(
        (
            Installed(
                name=name,
                epoch=epochs.get((name, version, release, arch), 0) if epoch == none else int(epoch),
                version=version,
                release=release,
                arch=arch,
                header=None if header == none else header,
            )
            for name, epoch, version, release, arch, header in rows
            if name != "gpg-pubkey"
        ),
        key=lambda package: package.nevra,
    )


def outsiders(lock: locks.Lock, installed: Iterable[Installed]) -> list[str]:
    """The packages of the image that are not in the lock, by NEVRA."""
    return sorted({package.nevra for package in installed} - {package.nevra for package in lock.packages})


def _left_out(lock: locks.Lock, installed: Iterable[Installed]) -> list[str]:
    return sorted({package.nevra for package in lock.packages} - {package.nevra for package in installed})


def compare(lock: locks.Lock, headers: dict[str, str], installed: Iterable[Installed], *, closed: bool) -> Differences:
    """`headers` maps a locked NEVRA to its digest. If not `closed`, only wanted builds have to be there."""
    expected = {package.nevra: package for package in (lock.packages if closed else lock.wanted)}
    locked = {package.nevra for package in lock.packages}
    there = {package.nevra: package for package in installed}
    by_name: dict[tuple[str, str], list[str]] = {}
    for package in there.values():
        by_name.setdefault((package.name, package.arch), []).append(package.nevra)
    gone = [package for nevra, package in expected.items() if nevra not in there]
    others = {package.nevra: by_name.get((package.name, package.arch), []) for package in gone}
    replaced = {nevra for found in others.values() for nevra in found}
    return Differences(
        missing=tuple(sorted(nevra for nevra, found in others.items() if not found)),
        other_version=tuple(
            f"{', '.join(found)} instead of {nevra}" for nevra, found in sorted(others.items()) if found
        ),
        # Also of what need not be there: what is has to be the lock's.
        other_bytes=tuple(sorted(n for n in locked if n in there and there[n].header not in (None, headers[n]))),
        unexpected=tuple(sorted(set(there) - set(expected) - replaced)) if closed else (),
    )
