# SPDX-License-Identifier: MIT
"""How far an attempt is: one line and a fraction of its step, from what the step or its tool says. The beats carry it."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable

from ondemand import plugins, states
from ondemand.builds import Progress

_LONGEST = 160


class Progressing:
    """Told by the thread that works, asked by the one that beats. Within a step it never goes back."""

    def __init__(self) -> None:
        """Nothing has begun."""
        self._lock = threading.Lock()
        self._last: Progress | None = None

    @property
    def last(self) -> Progress | None:
        """What was told last; None before the first step."""
        with self._lock:
            return self._last

    def begin(self, step: states.Step) -> None:
        """A step begins."""
        with self._lock:
            self._last = Progress(step=step)

    def tell(self, text: str, fraction: float | None) -> None:
        """How far the step is; nothing without a step."""
        with self._lock:
            if self._last is None:
                return
            known = [part for part in (self._last.fraction, fraction) if part is not None]
            far = min(1.0, max(known)) if known else None
            self._last = Progress(step=self._last.step, text=text[:_LONGEST], fraction=far)


class Follower:
    """Takes each line of a tool and tells what it means, by the backend's patterns."""

    def __init__(self, progressing: Progressing, patterns: Iterable[plugins.Progress]) -> None:
        self._progressing = progressing
        self._patterns = [(re.compile(each.pattern), each) for each in patterns]

    def __call__(self, line: str) -> None:
        for pattern, each in self._patterns:
            if found := pattern.search(line):
                part = each.begin + (each.end - each.begin) * _part(found.groupdict())
                self._progressing.tell(each.text.format(**found.groupdict("")), part)
                return


def _part(groups: dict[str, str | None]) -> float:
    """Of 1: what the groups of a pattern say, 0 where they say nothing."""
    try:
        if percent := groups.get("percent"):
            return max(0.0, min(1.0, float(percent) / 100))
        done, whole = float(groups.get("done") or 0), float(groups.get("whole") or 0)
    except ValueError:
        return 0.0
    return min(1.0, done / whole) if whole > 0 else 0.0
