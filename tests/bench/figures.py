# SPDX-License-Identifier: MIT
"""The arithmetic and the paper of the benchmarks: percentiles, spreads, the file, the table. Measures nothing."""

from __future__ import annotations

import json
import math
import os
import pathlib
import statistics
from collections.abc import Mapping, Sequence


def percentile(values: Sequence[float], percent: float) -> float:
    """The smallest of the values that `percent` of them do not exceed (nearest rank)."""
    if not values:
        raise ValueError("no values, no percentile")
    rank = math.ceil(len(values) * percent / 100)
    return sorted(values)[max(0, rank - 1)]


def spread(name: str, values: Sequence[float], unit: str) -> str:
    """One line with the least, the middle and the greatest of the values."""
    middle = statistics.median(values)
    return f"   {name:16} min {min(values):.2f}  median {middle:.2f}  max {max(values):.2f} {unit}  n={len(values)}"


def announce(what: str) -> None:
    """Says what is measured now, and how busy the machine is before it."""
    print(f"-- {what} (load {os.getloadavg()[0]:.2f} on {os.cpu_count()} processors)", flush=True)


def skip(keys: Sequence[str], why: str) -> None:
    """Says which figures can't be measured on this machine."""
    print(f"-- skipped {', '.join(keys)}: {why}", flush=True)


def sentence(error: BaseException) -> str:
    """The error on one line. An assertion about a process holds all that this has said, of which the end tells why."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    # An assertion that pytest has not rewritten has no text of its own.
    return lines[-1][:300] if lines else f"{type(error).__name__} without a word; read the logs in build/bench"


def merge(path: pathlib.Path, figures: Mapping[str, float]) -> dict[str, float]:
    """Puts the figures into the JSON file; others that stand there are kept. Gives all of them."""
    kept: dict[str, float] = json.loads(path.read_text("utf-8")) if path.exists() else {}
    merged = {key: round(value, 3) for key, value in sorted({**kept, **figures}.items())}
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_suffix(".new")
    new.write_text(json.dumps(merged, indent=2) + "\n", "utf-8")
    new.replace(path)
    return merged


def table(figures: Mapping[str, float], targets: Mapping[str, float]) -> list[str]:
    """A line for each figure: key, value, what it may be at most, and whether it is."""
    rows = [("key", "value", "target", "")]
    for key, value in sorted(figures.items()):
        most = targets.get(key)
        verdict = "" if most is None else "ok" if value <= most else "over"
        rows.append((key, f"{value:.3f}", "" if most is None else f"{most:g}", verdict))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        f"{key:<{widths[0]}}  {value:>{widths[1]}}  {target:>{widths[2]}}  {verdict}".rstrip()
        for key, value, target, verdict in rows
    ]
