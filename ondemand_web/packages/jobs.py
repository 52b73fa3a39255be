# SPDX-License-Identifier: MIT
"""Jobs that outlive the request that asked for them: each runs once however many ask, and its answer is kept a while.

Knows nothing of what the jobs do.
"""

from __future__ import annotations

import concurrent.futures
import dataclasses
import queue
import threading
import time
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

Answer = TypeVar("Answer")


@dataclasses.dataclass(kw_only=True)
class _Kept(Generic[Answer]):
    future: concurrent.futures.Future[Answer]
    until: float | None = None


class Jobs(Generic[Answer]):
    """Runs jobs on `threads` threads; these never hold up the end of the process.

    `keep` says for how many seconds an answer is given again. Of `most` jobs and answers, more are not taken.
    """

    def __init__(self, keep: Callable[[Answer], float], *, threads: int = 16, most: int = 2000) -> None:
        self._keep, self._threads, self._most = keep, threads, most
        self._lock = threading.Lock()
        self._kept: dict[Hashable, _Kept[Answer]] = {}
        self._waiting: queue.SimpleQueue[tuple[_Kept[Answer], Callable[[], Answer]]] = queue.SimpleQueue()
        self._started = 0

    def ask(self, key: Hashable, work: Callable[[], Answer]) -> concurrent.futures.Future[Answer] | None:
        """The answer to come, or that is kept; None when too many are waiting."""
        with self._lock:
            now = time.monotonic()
            self._kept = {k: kept for k, kept in self._kept.items() if kept.until is None or kept.until > now}
            if key in self._kept:
                return self._kept[key].future
            if len(self._kept) >= self._most:
                return None
            kept = self._kept[key] = _Kept(future=concurrent.futures.Future())
            if self._started < self._threads:
                self._started += 1
                threading.Thread(target=self._run, name="job", daemon=True).start()
        self._waiting.put((kept, work))
        return kept.future

    def _run(self) -> None:
        while True:
            kept, work = self._waiting.get()
            # `until` comes first: who has the answer may ask again at once.
            try:
                answer = work()
                kept.until = time.monotonic() + self._keep(answer)
            except Exception as error:
                kept.until = time.monotonic()
                kept.future.set_exception(error)
            else:
                kept.future.set_result(answer)
