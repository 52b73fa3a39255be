# SPDX-License-Identifier: MIT
"""Checks the signatures of many RPMs with rpmkeys against a keyring of exactly the lock's keys."""

from __future__ import annotations

import concurrent.futures
import dataclasses
import pathlib
import re
import subprocess
from collections.abc import Mapping, Sequence

from ondemand import errors, locks
from ondemand_consumer import namespaces

_SIGNATURE = re.compile(r"signature, key (?:ID|fingerprint):? ([0-9a-f]+): (\w+)", re.IGNORECASE)
_DIGEST = re.compile(r"digest.*: (BAD|NOTFOUND)", re.IGNORECASE)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Verdict:
    """What rpmkeys says of a file: good signatures' key ids, `key: why` of all others, wrong digests."""

    good: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    broken: bool = False


class Keyring:
    """A keyring in its own folder; the machine's keys do not count."""

    def __init__(self, folder: pathlib.Path, keys: Sequence[str]) -> None:
        """`keys` are armored; raises errors.ContentError for what is no key."""
        self._database = folder / "keyring"
        self._database.mkdir(parents=True)
        for number, key in enumerate(keys):
            file = folder / f"key-{number}.asc"
            file.write_text(key, "utf-8")
            done = self._rpmkeys("--import", str(file))
            if done.returncode:
                raise errors.ContentError(
                    f"Key {number + 1} of the release can't be used",
                    cause=" ".join(done.stdout.split())[:300],
                    remedy="let the operator correct the release definition",
                )

    def check(self, files: Mapping[pathlib.Path, locks.LockedPackage]) -> None:
        """Holds each file to its package's trust; raises errors.WrongSignature or errors.WrongDigest."""
        paths = list(files)
        halves = [half for half in (paths[::2], paths[1::2]) if half]
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            for verdicts in pool.map(self.verdicts, halves):
                for path, verdict in verdicts.items():
                    _judge(files[path], verdict)

    def verdicts(self, paths: Sequence[pathlib.Path]) -> dict[pathlib.Path, Verdict]:
        """What rpmkeys says of each file, in one run."""
        done = self._rpmkeys("--checksig", "--verbose", *map(str, paths))
        blocks: dict[str, list[str]] = {}
        current: list[str] = []
        names = {f"{path}:" for path in paths}
        for line in done.stdout.splitlines():
            if line.rstrip() in names:
                current = blocks.setdefault(line.rstrip()[:-1], [])
            else:
                current.append(line.strip())
        return {path: _verdict(blocks.get(str(path), [])) for path in paths}

    def _rpmkeys(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        program = namespaces.find("rpmkeys")
        if program is None:
            raise errors.ToolMissing("The program «rpmkeys» is missing on the builder", remedy="install rpm there")
        return subprocess.run(
            [program, "--dbpath", str(self._database), *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=900,
            check=False,
            env={"PATH": namespaces.PATH, "LC_ALL": "C", "HOME": str(self._database)},
        )


def _verdict(lines: list[str]) -> Verdict:
    found = [match.groups() for line in lines if (match := _SIGNATURE.search(line))]
    return Verdict(
        good=tuple(key.lower() for key, word in found if word == "OK"),
        refused=tuple(f"{key.lower()}: {word}" for key, word in found if word != "OK"),
        broken=not lines or any(_DIGEST.search(line) for line in lines),
    )


def _judge(package: locks.LockedPackage, verdict: Verdict) -> None:
    if verdict.refused:
        key, _, word = verdict.refused[0].partition(": ")
        why = "by a key that the release does not trust" if word == "NOKEY" else "and the signature is wrong"
        raise errors.WrongSignature(
            f"{package.nevra} is signed {why} (key {key})",
            cause="it comes from elsewhere, or was changed after signing",
            remedy="ask for the build that the distribution signed",
        )
    if verdict.broken:
        raise errors.WrongDigest(
            f"{package.nevra} is damaged: its own digests do not fit its bytes",
            cause="it was changed or cut after it was built",
            remedy="look at the file at its source",
        )
    if package.trust.startswith("signed:") and not verdict.good:
        raise errors.WrongSignature(
            f"{package.nevra} carries no signature",
            cause=f"the lock promises one by key {package.trust.removeprefix('signed:')}",
            remedy="request the image again, so that its packages are looked up anew",
        )
