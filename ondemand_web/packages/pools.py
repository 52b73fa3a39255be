# SPDX-License-Identifier: MIT
"""Universes kept warm: loading a distribution takes a second, solving on a loaded one a tenth of that."""

from __future__ import annotations

import collections
import contextlib
import dataclasses
import threading
from collections.abc import Iterator, Sequence

from ondemand import locks
from ondemand_web.packages.places import Place
from ondemand_web.packages.universe import Universe

KEEP = 2
"""Universes that a process keeps; one of a whole Fedora takes some 300 MB."""

Key = tuple[str, bool, tuple[tuple[str, str], ...]]


@dataclasses.dataclass(kw_only=True)
class _Kept:
    lock: threading.Lock = dataclasses.field(default_factory=threading.Lock)
    universe: Universe | None = None


class Pools:
    """The universes of one process, the longest unused go first; each serves one check at a time."""

    def __init__(self, keep: int = KEEP) -> None:
        """Keeps `keep` universes at most; one that is in use while it is dropped is finished all the same."""
        self._keep = keep
        self._lock = threading.Lock()
        self._kept: collections.OrderedDict[Key, _Kept] = collections.OrderedDict()

    @contextlib.contextmanager
    def borrow(self, places: Sequence[Place], arch: str, *, filelists: bool) -> Iterator[Universe]:
        """A universe of these places with an empty side repository; raises errors.SourceUnavailable.

        One with a user's own repository is made for this use alone.
        """
        if any(place.snapshot.repository.startswith(locks.EXTRA) for place in places):
            yield Universe(places, arch, filelists=filelists)
            return
        kept = self._place(places, arch, filelists)
        with kept.lock:
            if kept.universe is None:
                kept.universe = Universe(places, arch, filelists=filelists)
            try:
                yield kept.universe
            finally:
                kept.universe.clear()

    def _place(self, places: Sequence[Place], arch: str, filelists: bool) -> _Kept:
        key = (arch, filelists, tuple((place.snapshot.repository, place.snapshot.sha256) for place in places))
        with self._lock:
            kept = self._kept.setdefault(key, _Kept())
            self._kept.move_to_end(key)
            while len(self._kept) > self._keep:
                self._kept.popitem(last=False)
        return kept
