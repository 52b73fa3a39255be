# SPDX-License-Identifier: MIT
"""The arithmetic of the benchmarks: percentiles, the file that keeps other groups' figures, the table."""

from __future__ import annotations

import json
import pathlib
import signal
import sys
from collections.abc import Iterator, Mapping
from types import MappingProxyType

import pytest

from tests.bench import __main__ as bench
from tests.bench import figures


class Broken:
    """A group whose service says why it does not start."""

    TARGETS: Mapping[str, float] = MappingProxyType({})

    def measure(self, folder: pathlib.Path) -> Iterator[dict[str, float]]:
        """Fails as tests.service_parts does."""
        yield {"early_ms": 1.0}
        raise AssertionError("starting\nthe web part ended: no such folder")


def test_a_percentile_is_one_of_the_values() -> None:
    values = [float(number) for number in range(100, 0, -1)]
    assert [figures.percentile(values, percent) for percent in (0, 50, 95, 100)] == [1, 50, 95, 100]
    assert figures.percentile([7.5], 95) == 7.5


def test_no_values_have_no_percentile() -> None:
    with pytest.raises(ValueError, match="no values"):
        figures.percentile([], 95)


def test_figures_of_groups_that_did_not_run_are_kept(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "build" / "bench.json"
    figures.merge(path, {"wake_p95_ms": 300.0, "old_ms": 1.0})
    assert figures.merge(path, {"wake_p95_ms": 20.12345}) == {"old_ms": 1.0, "wake_p95_ms": 20.123}
    assert json.loads(path.read_text()) == {"old_ms": 1.0, "wake_p95_ms": 20.123}
    assert [file.name for file in path.parent.iterdir()] == ["bench.json"]


def test_the_table_says_what_is_over_its_target() -> None:
    head, *rows = figures.table({"b_ms": 100, "a_ms": 100.5, "c_s": 3}, {"a_ms": 100, "b_ms": 100, "other": 1})
    assert head.split() == ["key", "value", "target"]
    assert [row.split() for row in rows] == [
        ["a_ms", "100.500", "100", "over"],
        ["b_ms", "100.000", "100", "ok"],
        ["c_s", "3.000"],
    ]


def test_a_spread_names_the_middle() -> None:
    assert figures.spread("raw", [3, 1, 2], "s").split() == ["raw", "min", "1.00", "median", "2.00", "max", "3.00", "s", "n=3"]


def test_what_ends_a_group_is_told_in_one_sentence() -> None:
    said = "Starting.\nTraceback:\n  File x\nerror: the port 8080 is taken, so end the other service\n\n"
    assert figures.sentence(AssertionError(said)) == "error: the port 8080 is taken, so end the other service"
    assert figures.sentence(AssertionError()) == "AssertionError without a word; read the logs in build/bench"
    assert len(figures.sentence(OSError("x" * 5000))) == 300


def test_a_service_that_does_not_start_ends_its_group_without_a_traceback(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(bench, "BUILD", tmp_path)
    monkeypatch.setattr(bench, "GROUPS", {"broken": Broken()})
    monkeypatch.setattr(sys, "argv", ["bench"])
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    assert bench.main() == 1
    assert capsys.readouterr().err == "bench: group broken ended early: the web part ended: no such folder\n"


def test_what_is_not_on_this_machine_is_a_named_skip(capsys: pytest.CaptureFixture[str]) -> None:
    figures.skip(["a_ms", "b_ms"], "needs PostgreSQL")
    assert capsys.readouterr().out == "-- skipped a_ms, b_ms: needs PostgreSQL\n"
