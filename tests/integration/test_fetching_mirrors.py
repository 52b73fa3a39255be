# SPDX-License-Identifier: MIT
"""Fetching from several mirrors: each kind of failure leads to the next one; two builds fetch one file once."""

from __future__ import annotations

import multiprocessing
import pathlib
import time
from collections.abc import Iterator
from typing import Any

import pytest

from ondemand import errors, locks, states
from ondemand_consumer import attempts, fetching
from tests import builder_parts, mirror_parts


@pytest.fixture
def rpm(tmp_path: pathlib.Path) -> pathlib.Path:
    folder = tmp_path / "files"
    folder.mkdir()
    return builder_parts.make_rpm(folder)


@pytest.fixture
def good(rpm: pathlib.Path) -> Iterator[Any]:
    with mirror_parts.serving({rpm.name: rpm.read_bytes()}) as server:
        yield server


def attempt_of(folder: pathlib.Path, *packages: locks.LockedPackage, **changes: Any) -> attempts.Attempt:
    """An attempt that fetches one after another, so that tests know the order."""
    lock = builder_parts.make_lock(*packages)
    return builder_parts.make_attempt(folder, lock, **{"fetch_parallel": 1, **changes})


@pytest.mark.parametrize("fault", ["404", "403", "503", "html", "hang", "drip", "loop", "cut", "swapped"])
def test_a_mirror_that_fails_leads_to_the_next_one(
    fault: str, rpm: pathlib.Path, good: Any, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetching, "_SHORTEST", 0.4)
    data = {"cut": rpm.read_bytes()[:-1], "swapped": b"x" * rpm.stat().st_size}.get(fault, rpm.read_bytes())
    with mirror_parts.serving({rpm.name: data}, fault if fault not in ("cut", "swapped") else "") as bad:
        package = builder_parts.locked(rpm, good.url, urls=(f"{bad.url}/{rpm.name}", f"{good.url}/{rpm.name}"))
        began = time.monotonic()
        (file,) = fetching.fetch(attempt_of(tmp_path, package))
        assert time.monotonic() - began < 3 and bad.asked
    assert file.path.read_bytes() == rpm.read_bytes()


def test_a_mirror_that_is_in_trouble_again_and_again_is_asked_last(
    rpm: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    rpms = [rpm, *(builder_parts.make_rpm(rpm.parent, name=f"ball{number}") for number in range(6))]
    files = {path.name: path.read_bytes() for path in rpms}
    with mirror_parts.serving(files, "503") as bad, mirror_parts.serving(files) as good:
        urls = [(f"{bad.url}/{path.name}", f"{good.url}/{path.name}") for path in rpms]
        packages = [builder_parts.locked(path, "", urls=both) for path, both in zip(rpms, urls, strict=True)]
        assert len(fetching.fetch(attempt_of(tmp_path, *packages))) == 7
        assert (len(bad.asked), len(good.asked)) == (3, 7)


def test_a_mirror_that_recovers_is_asked_again(
    rpm: pathlib.Path, good: Any, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    good.fault = "503"
    attempt = attempt_of(tmp_path, builder_parts.locked(rpm, good.url))
    monkeypatch.setattr(attempt.stop, "sleep", lambda _: setattr(good, "fault", ""))
    assert len(fetching.fetch(attempt)) == 1 and len(good.asked) == 2


def test_tries_are_bounded_and_the_last_trouble_is_told(
    rpm: pathlib.Path, good: Any, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    good.fault = "503"
    package = builder_parts.locked(rpm, "", urls=(f"{good.url}/a", f"{good.url}/b"))
    attempt = attempt_of(tmp_path, package)
    pauses: list[float] = []
    monkeypatch.setattr(attempt.stop, "sleep", pauses.append)
    with pytest.raises(errors.SourceUnavailable, match=r"503.*/a; .*503.*/b"):
        fetching.fetch(attempt)
    assert len(good.asked) == 8 and pauses == pytest.approx([0.3, 0.9, 2.7])


def test_wrong_bytes_are_no_verdict_while_another_mirror_is_away(
    rpm: pathlib.Path, good: Any, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    good.files["swapped"] = b"x" * rpm.stat().st_size
    urls = (f"{good.url}/swapped", "http://127.0.0.1:1/away")
    attempt = attempt_of(tmp_path, builder_parts.locked(rpm, "", urls=urls))
    monkeypatch.setattr(attempt.stop, "sleep", lambda _: None)
    with pytest.raises(errors.SourceUnavailable):
        fetching.fetch(attempt)


def test_an_rpm_that_every_mirror_has_lost_comes_from_koji(rpm: pathlib.Path, good: Any, tmp_path: pathlib.Path) -> None:
    good.files["packages/ball/1/1/noarch/ball-1-1.noarch.rpm"] = good.files.pop(rpm.name)
    urls = (f"{good.url}/{rpm.name}", f"{good.url}/packages/ball/1/1/noarch/ball-1-1.noarch.rpm")
    attempt = attempt_of(tmp_path, builder_parts.locked(rpm, "", urls=urls))
    assert len(fetching.fetch(attempt)) == 1
    assert "noarch from http" in attempt.log(states.Step.FETCH).read_text()


def fetch_in_process(folder: str, cache: str, package: locks.LockedPackage, begin: Any, found: Any) -> None:
    """What each of two builds does."""
    attempt = attempt_of(pathlib.Path(folder), package, cache=pathlib.Path(cache))
    begin.wait(30)
    found.put([file.from_cache for file in fetching.fetch(attempt)])


def test_two_builds_that_want_one_file_fetch_it_once(rpm: pathlib.Path, good: Any, tmp_path: pathlib.Path) -> None:
    context = multiprocessing.get_context("spawn")
    begin, found = context.Barrier(2), context.Queue()
    shared = (str(tmp_path / "cache"), builder_parts.locked(rpm, good.url), begin, found)
    both = [context.Process(target=fetch_in_process, args=(str(tmp_path / name), *shared)) for name in "ab"]
    for process in both:
        process.start()
    assert sorted(found.get(timeout=60) for _ in both) == [[False], [True]]
    for process in both:
        process.join(30)
    assert good.asked == [rpm.name]
