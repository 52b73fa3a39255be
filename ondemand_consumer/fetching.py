# SPDX-License-Identifier: MIT
"""Step fetch: every locked RPM, by digest and signature, and the published boot.iso. Believes no server and no cache.

An RPM from a request's own repository is asked of that host alone, at a public address or an allowed one; what
remains is that its server sees the builder ask. The release's own mirrors may redirect anywhere.
"""

from __future__ import annotations

import concurrent.futures
import contextlib
import dataclasses
import pathlib
import threading
import time
import urllib.parse
from collections.abc import Iterator

import requests

from ondemand import addresses, deadlines, errors, locks, states
from ondemand_consumer import attempts, cache, rpm_headers, signatures

_PIECE = 64 * 1024
_TRIES = 4
_BIGGEST = 8 * 1024**3
_TIMEOUT = (10, 60)
_SHORTEST, _SLOWEST = 60.0, 100_000
"""One try may take so many seconds, and the time of the file at so many bytes a second; the next one resumes it."""
_MANY = 3
_KINDS = frozenset({"sha256", "sigmd5", "header-sha256"})


@dataclasses.dataclass(frozen=True, kw_only=True)
class Fetched:
    """A locked RPM on this disk, proven to be the lock's; `header` is its header's SHA-256."""

    package: locks.LockedPackage
    path: pathlib.Path
    sha256: str
    header: str
    from_cache: bool


def fetch(attempt: attempts.Attempt) -> tuple[Fetched, ...]:
    """All of the lock: its packages in `attempt.repository`, a DVD's tree in `attempt.packages`, both given; the rest of the
    side repository in `attempt.side`; the published boot.iso.

    Raises errors.WrongDigest, errors.WrongSignature, or errors.SourceUnavailable when no URL answers.
    """
    lock = attempt.assignment.lock
    _distinct(lock)
    store = _store(attempt)
    keyrings = signatures.Keyrings(attempt.proof / "keys", attempt.assignment)
    with keyrings.checks() as checks:
        files = _receive(attempt, store, checks)
        checks.finish()
    attempt.say(states.Step.FETCH, f"every digest and signature holds, by {len(lock.keys)} keys")
    store.evict()
    mine = {file.package.nevra: file for file in files if file.path.parent in (attempt.repository, attempt.packages)}
    return tuple(mine.values())


def _store(attempt: attempts.Attempt) -> cache.Cache:
    """The cache; where that can't be written one of the attempt's own, since a cache is never needed."""
    limit = attempt.settings.cache_limit
    try:
        return cache.Cache(attempt.settings.cache, limit)
    except OSError as error:
        attempt.say(states.Step.FETCH, f"the cache can't be used, so that this build fetches everything for itself: {error}")
        return cache.Cache(attempt.folder / "cache", limit)


def _receive(attempt: attempts.Attempt, store: cache.Cache, checks: signatures.Checks) -> tuple[Fetched, ...]:
    """All files, each by its digests; those that came first have their signatures checked meanwhile."""
    began = time.monotonic()
    lock = attempt.assignment.lock
    files, hosts = [], _Hosts()
    with concurrent.futures.ThreadPoolExecutor(attempt.settings.fetch_parallel) as pool:
        tries = [_Fetch(attempt, store, package, hosts, attempt.repository / package.filename) for package in lock.packages]
        tries += [_Fetch(attempt, store, package, hosts, attempt.packages / package.filename) for package in lock.tree]
        tries += [_Fetch(attempt, store, package, hosts, attempt.side / package.filename) for package in lock.side]
        image = pool.submit(_FetchBootIso(attempt, store, lock.boot_iso, hosts).run) if lock.boot_iso else None
        futures = [pool.submit(each.run) for each in tries]
        try:
            for future in concurrent.futures.as_completed(futures):
                files.append(future.result())
                attempt.progress.tell(f"package {len(files)} of {len(futures)} is here", len(files) / len(futures))
                checks.add(files[-1].path, files[-1].package)
            if image is not None:
                image.result()
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    seconds = time.monotonic() - began
    size = sum(file.path.stat().st_size for file in files)
    cached = sum(file.from_cache for file in files)
    attempt.say(
        states.Step.FETCH,
        f"{len(files)} RPMs, {size / 1e6:.0f} MB in {seconds:.1f} s, {cached} from the cache",
    )
    return tuple(files)


def _distinct(lock: locks.Lock) -> None:
    names = [package.filename for package in lock.everything]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise errors.ContentError(
            f"The lock names {twice[0]} twice", remedy="request the image again, so that it is solved anew"
        )


class _Hosts:
    """The servers of one attempt: one that was in trouble for several files in a row is asked last."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._failures: dict[str, int] = {}

    def ordered(self, urls: list[str]) -> list[str]:
        """The addresses in the order in which they are tried."""
        with self._lock:
            return sorted(urls, key=lambda url: self._failures.get(urllib.parse.urlsplit(url).netloc, 0) >= _MANY)

    def note(self, url: str, *, well: bool) -> None:
        """Notes how it went."""
        host = urllib.parse.urlsplit(url).netloc
        with self._lock:
            self._failures[host] = 0 if well else self._failures.get(host, 0) + 1


class _Fetch:
    """One RPM: from the cache, or from its URLs in their order, mirrors that are in trouble last."""

    _local = threading.local()

    def __init__(
        self,
        attempt: attempts.Attempt,
        store: cache.Cache,
        package: locks.LockedPackage,
        hosts: _Hosts,
        target: pathlib.Path,
    ) -> None:
        self._attempt = attempt
        self._cache = store
        self._package = package
        self._hosts = hosts
        self._target = target
        self._called = package.nevra
        self._troubles: dict[str, str] = {}
        self._wrong: errors.WrongDigest | None = None
        self._digests: dict[str, str] = {}

    def run(self) -> Fetched:
        """The RPM in its folder."""
        package = self._package
        self._attempt.stop.check()
        if not _KINDS & set(package.checksums):
            raise errors.WrongDigest(f"The lock names no digest for {self._called}", remedy="request the image again")
        target = self._target
        with self._cache.locked(package.checksums) as partial:
            if (found := self._from_cache(target)) is not None:
                return found
            if (url := self._from_servers(partial)) is not None:
                cache.place(self._cache.add(partial, self._digests["sha256"], package.checksums), target)
                self._attempt.say(states.Step.FETCH, f"{self._called} from {url}")
                return self._fetched(target, from_cache=False)
            partial.unlink(missing_ok=True)
        trouble = "; ".join(self._troubles.values())
        if self._wrong and not trouble:
            raise self._wrong
        raise errors.SourceUnavailable(
            f"{self._called} can't be fetched",
            cause=trouble or f"none of its {len(package.urls)} addresses has it",
            remedy="it is tried again later; look whether its repository or Koji is up",
        )

    def _from_servers(self, partial: pathlib.Path) -> str | None:
        """The address that gave the file: each is asked in turn, those in trouble again and later each time."""
        left = list(dict.fromkeys(self._package.urls))
        for number in range(_TRIES):
            if number:
                self._attempt.stop.sleep(0.3 * 3 ** (number - 1))
            for url in self._hosts.ordered(left):
                self._troubles.pop(url, None)
                if self._download(url, partial):
                    self._hosts.note(url, well=True)
                    return url
                if url in self._troubles:
                    self._hosts.note(url, well=False)
                else:
                    left.remove(url)
            if not left:
                break
        return None

    def _fetched(self, path: pathlib.Path, *, from_cache: bool) -> Fetched:
        found = self._digests
        return Fetched(
            package=self._package,
            path=path,
            sha256=found["sha256"],
            header=found["header-sha256"],
            from_cache=from_cache,
        )

    def _from_cache(self, target: pathlib.Path) -> Fetched | None:
        kept = self._cache.find(self._package.checksums)
        if kept is None:
            return None
        cache.place(kept, target)
        try:
            self._verify(target)
        except errors.WrongDigest:
            self._cache.remove(kept)
            target.unlink()
            return None
        return self._fetched(target, from_cache=True)

    def _download(self, url: str, partial: pathlib.Path) -> bool:
        """Whether the whole right file is in `partial`; else `_wrong` or `_troubles` may say why."""
        resumed = partial.stat().st_size if partial.exists() else 0
        try:
            if not self._receive(url, partial, resumed):
                return False
            self._verify(partial)
        except (requests.RequestException, OSError) as error:
            self._troubles[url] = f"{url} does not answer rightly: {' '.join(str(error).split())[:200]}"
            return False
        except errors.WrongDigest as error:
            partial.unlink(missing_ok=True)
            if resumed:
                # The bytes of an earlier try may have come from another file.
                return self._download(url, partial)
            self._wrong = error
            return False
        self._wrong = None
        return True

    def _receive(self, url: str, partial: pathlib.Path, have: int) -> bool:
        if have and have == self._package.size:
            return True
        headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
        size = self._package.size if self._package.size >= 0 else _BIGGEST
        with deadlines.Deadline(_SHORTEST + (size - have) / _SLOWEST), self._asked(url, headers) as answer:
            if answer.status_code == 416:
                partial.unlink(missing_ok=True)
                self._troubles[url] = f"{url} can't go on after {have} bytes"
                return False
            if answer.status_code in (403, 404, 410):
                return False
            answer.raise_for_status()
            mode = "ab" if have and answer.status_code == 206 else "wb"
            with partial.open(mode) as file:
                for piece in self._pieces(answer):
                    file.write(piece)
                    if file.tell() > size:
                        raise self._digest_error("it is longer than the lock says")
            length = answer.headers.get("Content-Length", "")
            start = have if mode == "ab" else 0
            if length.isdigit() and partial.stat().st_size < start + int(length):
                self._troubles[url] = f"{url} broke off"
                return False
        return True

    @contextlib.contextmanager
    def _asked(self, url: str, headers: dict[str, str]) -> Iterator[requests.Response]:
        """The server's answer; one that a user's URL led to is held to that URL's host."""
        if not self._package.foreign:
            with self._session().get(url, stream=True, timeout=_TIMEOUT, headers=headers) as answer:
                yield answer
            return
        guard = addresses.Guard(hosts=(addresses.host_of(url),), networks=self._attempt.settings.private_networks)
        with guard.session() as session:
            try:
                answer = session.get(url, stream=True, timeout=_TIMEOUT, headers=headers)
            except errors.NotPermitted as error:
                raise errors.NotPermitted(
                    f"{self._called} of repository {self._package.origin} is not fetched",
                    cause=f"its server leads elsewhere or has no public address ({error.happened})",
                    remedy="name a repository whose own host gives out its RPMs",
                ) from error
            with answer:
                yield answer

    def _pieces(self, answer: requests.Response) -> Iterator[bytes]:
        for piece in answer.iter_content(_PIECE):
            self._attempt.stop.check()
            yield piece

    def _verify(self, path: pathlib.Path) -> None:
        """Holds the file to the lock and keeps its digests; the one time that our own code reads its bytes."""
        size, checksums = path.stat().st_size, self._package.checksums
        if size != self._package.size >= 0:
            raise self._digest_error(f"it has {size} bytes instead of {self._package.size}")
        try:
            self._digests = rpm_headers.digests(path, sigmd5="sigmd5" in checksums)
        except errors.WrongDigest as error:
            raise self._digest_error(f"it is no RPM: {error.cause}") from error
        for kind in sorted(_KINDS & set(checksums)):
            real, wanted = self._digests[kind], checksums[kind]
            if real != wanted.lower():
                raise self._digest_error(f"its {kind} is {real[:16]}… instead of {wanted[:16]}…")

    def _digest_error(self, cause: str) -> errors.WrongDigest:
        return errors.WrongDigest(
            f"{self._called} has other bytes than the lock names",
            cause=cause,
            remedy="request the image again; if it stays, its server gives out wrong files",
        )

    def _session(self) -> requests.Session:
        if not hasattr(self._local, "session"):
            self._local.session = deadlines.session()
        session: requests.Session = self._local.session
        return session


class _FetchBootIso(_Fetch):
    """The published boot.iso in the same way, which its digest alone vouches for."""

    def __init__(self, attempt: attempts.Attempt, store: cache.Cache, image: locks.BootIso, hosts: _Hosts) -> None:
        name = attempt.boot_iso.name
        file = locks.LockedPackage(
            name=name, version="", release="", arch="", origin="", trust="",
            urls=image.urls, size=image.size, checksums={"sha256": image.sha256},
        )  # fmt: skip
        super().__init__(attempt, store, file, hosts, attempt.boot_iso)
        self._called = name

    def _verify(self, path: pathlib.Path) -> None:
        self._digests = {"sha256": rpm_headers.sha256(path), "header-sha256": ""}
        if (real := self._digests["sha256"]) != self._package.checksums["sha256"]:
            raise self._digest_error(f"its sha256 is {real[:16]}… instead of {self._package.checksums['sha256'][:16]}…")
