# SPDX-License-Identifier: MIT
"""Step verify: the image's RPM database against the lock, by NEVRA and digest. Trusts no image tool."""

from __future__ import annotations

import dataclasses
import pathlib
import sys
from collections.abc import Iterable

from ondemand import errors, locks, proofs, states
from ondemand_consumer import attempts, fetching, namespaces

_TIMEOUT = 900.0
_SHOWN = 10


@dataclasses.dataclass(frozen=True, kw_only=True, order=True)
class Installed:
    """A package in the image; `header` is the SHA-256 of its RPM header."""

    name: str
    epoch: int
    version: str
    release: str
    arch: str
    header: str

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


def contains(
    attempt: attempts.Attempt, image: pathlib.Path, files: Iterable[fetching.Fetched], *, closed: bool
) -> tuple[proofs.Proof, errors.WrongContents | None]:
    """The proof, and what to raise where it does not hold."""
    headers = {file.package.nevra: file.header for file in files}
    installed = read(attempt, image)
    differences = compare(attempt.assignment.lock, headers, installed, closed=closed)
    wanted = attempt.assignment.lock.wanted
    phrases = differences.phrases()
    proof = proofs.Proof(
        kind=proofs.ProofKind.CONTAINS,
        held=not differences,
        how="The image's RPM database was compared with the lock by name, version and header digest.",
        facts={
            "packages": len(installed),
            "locked": len(headers),
            "closed": closed,
            "wanted": {package.nevra: headers[package.nevra] for package in wanted},
            "differences": phrases,
        },
    )
    for phrase in phrases:
        attempt.say(states.Step.VERIFY, phrase)
    if not differences:
        attempt.say(states.Step.VERIFY, f"{len(installed)} packages, {len(wanted)} wanted ones, as locked")
        return proof, None
    return proof, errors.WrongContents(
        f"The image does not hold what was locked: {'; '.join(phrases)}",
        cause="the image tool took packages from elsewhere, or left some out",
        remedy="look at the log of step build for these names",
        details=tuple(phrases),
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
            cause="it is damaged, or is no live image",
            remedy="look at the log of step build",
        )
    return parse(listing.read_text("utf-8", "replace"))


def parse(text: str) -> list[Installed]:
    """The packages in the list that ondemand_consumer.image_contents prints; keys are left out."""
    rows = [line.split("\t") for line in text.splitlines() if line.count("\t") == 5]
    return sorted(
        Installed(name=name, epoch=int(epoch), version=version, release=release, arch=arch, header=header)
        for name, epoch, version, release, arch, header in rows
        if name != "gpg-pubkey"
    )


def compare(lock: locks.Lock, headers: dict[str, str], installed: Iterable[Installed], *, closed: bool) -> Differences:
    """`headers` maps a locked NEVRA to its digest. If not `closed`, only wanted builds count."""
    expected = {package.nevra: package for package in (lock.packages if closed else lock.wanted)}
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
        other_bytes=tuple(
            sorted(nevra for nevra in expected if nevra in there and there[nevra].header != headers[nevra])
        ),
        unexpected=tuple(sorted(set(there) - set(expected) - replaced)) if closed else (),
    )
