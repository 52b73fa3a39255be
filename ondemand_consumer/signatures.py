# SPDX-License-Identifier: MIT
"""Checks the signatures of many RPMs with rpmkeys against keyrings of exactly the lock's keys.

The release's keys stand for all packages but those of a request's own repository with a key, and that key for these
alone. The rings are apart, for rpmkeys may print but eight digits of a key's id, and anybody can make a key with those.
"""

from __future__ import annotations

import concurrent.futures
import contextlib
import dataclasses
import os
import pathlib
import re
import subprocess
from collections.abc import Iterator, Mapping, Sequence

from ondemand import builds, errors, locks
from ondemand_consumer import namespaces

_SIGNATURE = re.compile(r"signature, key (?:ID|fingerprint):? ([0-9a-f]+): (\w+)", re.IGNORECASE)
_PROCESSES = os.cpu_count() or 2
_BATCH = 8 * 1024**2
"""Bytes for which one more rpmkeys is worth its start."""
_MOST_FILES = 250
_DIGEST = re.compile(r"digest.*: (BAD|NOTFOUND)", re.IGNORECASE)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Verdict:
    """What rpmkeys says of a file: good signatures' key ids, `key: why` of all others, wrong digests."""

    good: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    broken: bool = False


class Keyring:
    """A keyring in its own folder; the machine's keys do not count."""

    def __init__(self, folder: pathlib.Path, keys: Sequence[str], owner: str) -> None:
        """`keys` are armored and their `owner`'s; raises errors.ContentError for what is no key."""
        self._owner = owner
        self._database = folder / "keyring"
        self._database.mkdir(parents=True)
        for number, key in enumerate(keys):
            file = folder / f"key-{number}.asc"
            file.write_text(key, "utf-8")
            done = self._rpmkeys("--import", str(file))
            if done.returncode:
                raise errors.ContentError(
                    f"Key {number + 1} of {owner} can't be used",
                    cause=" ".join(done.stdout.split())[:300],
                    remedy="let who defined it send an armored OpenPGP public key",
                )

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

    def check(self, files: Mapping[pathlib.Path, locks.LockedPackage]) -> None:
        """Holds each file to its package's trust; raises errors.WrongSignature or errors.WrongDigest."""
        for path, verdict in self.verdicts(list(files)).items():
            _judge(files[path], verdict, self._owner)

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


class Keyrings:
    """The release's keyring and one for each repository of the request that has a key."""

    def __init__(self, folder: pathlib.Path, assignment: builds.Assignment) -> None:
        """`folder` is new; raises errors.ContentError for what is no key."""
        repositories = assignment.request.repositories
        own = {repository.name: repository.key for repository in repositories if repository.key}
        # Whatever a request brought along counts for the release only if the release has that very key.
        brought = {repository.key for repository in repositories} - set(assignment.release.keys)
        release = [key for key in assignment.lock.keys if key not in brought]
        self._release = Keyring(folder / "release", release, "the release")
        self._own = {
            f"{locks.EXTRA}{name}": Keyring(folder / f"own-{number}", [key], f"repository {name}")
            for number, (name, key) in enumerate(own.items())
        }

    def check(self, files: Mapping[pathlib.Path, locks.LockedPackage]) -> None:
        """Holds each file to its package's trust; raises errors.WrongSignature or errors.WrongDigest."""
        parts: dict[Keyring, dict[pathlib.Path, locks.LockedPackage]] = {}
        for path, package in files.items():
            parts.setdefault(self._own.get(package.origin, self._release), {})[path] = package
        for keyring, part in parts.items():
            keyring.check(part)

    @contextlib.contextmanager
    def checks(self) -> Iterator[Checks]:
        """Checks that run while further files arrive."""
        with concurrent.futures.ThreadPoolExecutor(_PROCESSES) as pool:
            yield Checks(self, pool)


class Checks:
    """Holds files to their packages' trust in several rpmkeys at once, a batch each."""

    def __init__(self, keyrings: Keyrings, pool: concurrent.futures.Executor) -> None:
        self._keyrings, self._pool = keyrings, pool
        self._running: list[concurrent.futures.Future[None]] = []
        self._batch: dict[pathlib.Path, locks.LockedPackage] = {}
        self._bytes = 0

    def add(self, path: pathlib.Path, package: locks.LockedPackage) -> None:
        """Takes a file that is whole; it is checked at the latest by `finish`."""
        self._batch[path] = package
        self._bytes += path.stat().st_size
        if self._bytes >= _BATCH or len(self._batch) >= _MOST_FILES:
            self._start(self._batch)
            self._batch, self._bytes = {}, 0

    def finish(self) -> None:
        """Returns when every file holds; raises errors.WrongSignature or errors.WrongDigest."""
        rest = list(self._batch.items())
        for number in range(_PROCESSES):
            self._start(dict(rest[number::_PROCESSES]))
        for future in self._running:
            future.result()

    def _start(self, batch: Mapping[pathlib.Path, locks.LockedPackage]) -> None:
        if batch:
            self._running.append(self._pool.submit(self._keyrings.check, batch))


def _verdict(lines: list[str]) -> Verdict:
    found = [match.groups() for line in lines if (match := _SIGNATURE.search(line))]
    return Verdict(
        good=tuple(key.lower() for key, word in found if word == "OK"),
        refused=tuple(f"{key.lower()}: {word}" for key, word in found if word != "OK"),
        broken=not lines or any(_DIGEST.search(line) for line in lines),
    )


def _judge(package: locks.LockedPackage, verdict: Verdict, owner: str) -> None:
    if verdict.refused:
        key, _, word = verdict.refused[0].partition(": ")
        why = f"by a key that is none of {owner}" if word == "NOKEY" else "and the signature is wrong"
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
