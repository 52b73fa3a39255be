# SPDX-License-Identifier: MIT
"""Why a tool failed, from the end of its output: by its backend's table of known failures, else by the line that says so."""

from __future__ import annotations

import pathlib
import re
from collections.abc import Iterable, Sequence

from ondemand import errors, plugins
from ondemand.errors import FailureClass

LINES = 20
"""Lines around the place that an error carries."""
_BEFORE = 12
_SEARCHED = 2000
_NEAR = 100
"""Lines at the end in which the machine's own faults are searched: one that a tool lived with may stand anywhere before."""
_LINE = 4096
"""Characters of a line that are looked at: patterns take quadratic time."""
_GUESSED = 400
_LONGEST = 300
_END = 64 * 1024
_SHOWN = 200
_MARKED = re.compile(r"\[ ?(error|fatal|critical) *\]", re.IGNORECASE)
_ERROR = re.compile(r"\b(error|fatal|failed|no space left)\b", re.IGNORECASE)
_STAMP = re.compile(r"^\[ *\w+ *\]: [\d:]+ \| |^\[\d\d:\d\d:\d\d\] ")
_CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|[\x00-\x08\x0b-\x1f\x7f]")
_KILLED = (-9, 137)
# What unshare says, with status 1, when the first process in its namespaces was ended by SIGKILL (util-linux 2.38).
_UNSHARE = "unshare: sigprocmask unblock failed"
_KINDS: dict[FailureClass, type[errors.OndemandError]] = {
    FailureClass.REQUEST: errors.ToolRefused,
    FailureClass.CONTENT: errors.ToolFailed,
    FailureClass.BUILDER: errors.ToolStarved,
    FailureClass.SERVICE: errors.ToolCutOff,
}


def explain(tool: str, status: int, output: str, known: Iterable[plugins.Failure]) -> errors.OndemandError:
    """The error to raise for a tool that ended with `status` and said `output` last."""
    lines = _lines(output)[-_SEARCHED:]
    killed = status in _KILLED or bool(lines[-1:] and _UNSHARE in lines[-1])
    if place := _place(lines, known, killed):
        failure, at, found = place
        return _KINDS[failure.failure_class](
            f"{tool} failed: {failure.happened.format(**_groups(found))}",
            cause=failure.cause or f"it said «{_short(lines[at], _SHOWN)}»",
            remedy=failure.remedy,
            lines=around(lines, at),
        )
    at, line = _failing(lines)
    if killed:
        return errors.ToolStarved(
            f"{tool} was killed",
            cause="the builder ran out of memory, or somebody ended it there",
            remedy="it is tried again on another builder if there is one",
            lines=around(lines, at),
        )
    return errors.ToolFailed(
        f"{tool} ended with status {status}: {line}",
        remedy="look at the log of step build around that line",
        lines=around(lines, at),
    )


def failing_line(output: str) -> str:
    """The last line marked as an error, else the last that looks like one, else the last that says anything.

    A line that ends in a colon announces its reason, so the next two belong to it.
    """
    return _failing(_lines(output))[1]


def last_lines(log: pathlib.Path) -> tuple[str, ...]:
    """The last lines of a log, 20 at most; none where it can't be read."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - _END))
            output = file.read().decode("utf-8", "replace")
    except OSError:
        return ()
    lines = _lines(output)
    return around(lines, len(lines) - 1)


def around(lines: Sequence[str], at: int) -> tuple[str, ...]:
    """The lines around a place, 20 at most."""
    first = max(0, min(at - _BEFORE, len(lines) - LINES))
    return tuple(_cut(line, _LONGEST) for line in lines[first : first + LINES])


def _place(
    lines: list[str], known: Iterable[plugins.Failure], killed: bool
) -> tuple[plugins.Failure, int, re.Match[str]] | None:
    """The first row that counts, and the last place of it. One of the machine counts near the end alone, and not where the tool
    went on to another fault of its own; of who was killed only these count."""
    places = [place for failure in known if (place := _last(lines, failure))]
    own = [at for failure, at, _ in places if failure.failure_class is not FailureClass.BUILDER and not failure.consequence]
    for failure, at, found in places:
        if failure.failure_class is not FailureClass.BUILDER:
            if not killed:
                return failure, at, found
        elif at >= len(lines) - _NEAR and (killed or not any(later > at for later in own)):
            return failure, at, found
    return None


def _last(lines: list[str], failure: plugins.Failure) -> tuple[plugins.Failure, int, re.Match[str]] | None:
    pattern = re.compile(failure.pattern)
    for at in range(len(lines) - 1, -1, -1):
        if found := pattern.search(lines[at]):
            return failure, at, found
    return None


def _lines(output: str) -> list[str]:
    return [line for line in (_clean(line[:_LINE]) for line in re.split(r"[\r\n]+", output)) if line.strip()]


def _failing(lines: list[str]) -> tuple[int, str]:
    if not lines:
        return 0, "it said nothing"
    first = max(0, len(lines) - _GUESSED)
    places = [at for at in range(first, len(lines)) if _MARKED.search(lines[at])]
    places = places or [at for at in range(first, len(lines)) if _ERROR.search(lines[at])] or [len(lines) - 1]
    said = _STAMP.sub("", lines[places[-1]].strip())
    for line in lines[places[-1] + 1 : places[-1] + 3]:
        said += f" {line.strip()}" if said.endswith(":") else ""
    return places[-1], said[:_LONGEST]


def _groups(found: re.Match[str]) -> dict[str, str]:
    return {name: _short(text or "", _SHOWN) for name, text in found.groupdict().items()}


def _short(line: str, most: int) -> str:
    return _cut(_STAMP.sub("", line.strip()), most).strip()


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _clean(line: str) -> str:
    return _CONTROL.sub("", line).rstrip()
