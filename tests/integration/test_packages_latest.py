# SPDX-License-Identifier: MIT
"""The latest snapshot: every way in which a mirror can fail leads to the next one, then to what was read last."""

from __future__ import annotations

import gzip
import ipaddress
import os
import pathlib
import time
from collections.abc import Iterator
from typing import Any

import pytest
import requests
import solv

from ondemand import addresses, build_requests, deadlines, errors, locks, releases
from ondemand_web.packages import checking, downloads, latest, mirrors, places, snapshots
from tests import mirror_parts

FILES = mirror_parts.repository("small")
REPOMD = mirror_parts.REPOMD
FAULTS = ("404", "503", "html", "hang", "drip", "loop")


@pytest.fixture
def session(monkeypatch: pytest.MonkeyPatch) -> Iterator[requests.Session]:
    """A session; what else waits for seconds waits for less."""
    monkeypatch.setattr(mirrors, "resting", mirrors.Resting())
    monkeypatch.setattr(latest, "REPOMD", 0.4)
    monkeypatch.setattr(downloads, "SHORTEST", 0.4)
    with deadlines.session() as made:
        yield made


@pytest.fixture
def good() -> Iterator[Any]:
    with mirror_parts.serving(FILES) as server:
        yield server


def take(folder: pathlib.Path, session: requests.Session, age: float = latest.DAY, **where: Any) -> snapshots.Snapshot:
    """What is taken of a repository there."""
    return latest.take(releases.Repository(id="main", **where), "x86_64", "r-main", folder, session, age)


@pytest.mark.parametrize("only", ["repomd", "primary"])
@pytest.mark.parametrize("fault", FAULTS)
def test_a_mirror_that_fails_leads_to_the_next_one(
    fault: str, only: str, good: Any, session: requests.Session, tmp_path: pathlib.Path
) -> None:
    with mirror_parts.serving(FILES, fault, only) as bad:
        began = time.monotonic()
        snapshot = take(tmp_path, session, baseurl=[bad.url, good.url])
    assert time.monotonic() - began < 3
    assert snapshot.urls == (good.url, bad.url) and snapshot.warnings == ()
    assert not list(tmp_path.rglob(".new-*"))


@pytest.mark.parametrize("fault", FAULTS)
def test_when_all_fail_the_last_state_is_taken_and_that_is_said(
    fault: str, good: Any, session: requests.Session, tmp_path: pathlib.Path
) -> None:
    first = take(tmp_path, session, baseurl=good.url)
    good.fault = fault
    second = take(tmp_path, session, baseurl=good.url)
    assert second.sha256 == first.sha256 and second.url == good.url
    assert "The repository main could not be read now; its state of 20" in second.warnings[0]


def test_a_last_state_that_is_too_old_is_not_taken(good: Any, session: requests.Session, tmp_path: pathlib.Path) -> None:
    take(tmp_path, session, baseurl=good.url)
    os.utime(tmp_path / "newest" / "r-main", (time.time() - 3601,) * 2)
    good.fault = "503"
    assert take(tmp_path, session, baseurl=good.url).warnings
    with pytest.raises(errors.SourceUnavailable, match="503"):
        take(tmp_path, session, 3600, baseurl=good.url)


def broken(*names: str) -> dict[str, bytes]:
    """A repository whose metadata were cut short before they were indexed: their digest is right."""
    return mirror_parts.repository(*names, packer=lambda data: gzip.compress(data)[:-9])


def test_metadata_that_are_broken_at_their_source_leave_the_last_state(
    good: Any, session: requests.Session, tmp_path: pathlib.Path
) -> None:
    first = take(tmp_path, session, baseurl=good.url)
    good.files = broken("small", "new")
    for _ in range(3):
        snapshot = take(tmp_path, session, baseurl=good.url)
        assert snapshot.sha256 == first.sha256 and "could not be read now; its state of" in snapshot.warnings[0]
    assert len([path for path in good.asked if path.endswith("primary.xml.gz")]) == 2
    good.files = mirror_parts.repository("small", "new")
    assert take(tmp_path, session, baseurl=good.url).warnings == ()


def test_metadata_that_are_broken_at_their_source_delay_the_first_reading(session: requests.Session, tmp_path: pathlib.Path) -> None:
    with mirror_parts.serving(broken("small")) as bad:
        for word in ("can't be unpacked", "could not be read a moment ago"):
            with pytest.raises(errors.SourceUnavailable, match=word):
                take(tmp_path, session, baseurl=bad.url)
    assert snapshots.newest("main", "", "r-main", tmp_path) is None


def test_an_older_state_of_the_metalink_is_taken_for_one_that_is_broken(
    good: Any, session: requests.Session, tmp_path: pathlib.Path
) -> None:
    new = broken("small", "new")
    with mirror_parts.serving(new) as bad:
        link = mirror_parts.metalink(new[REPOMD], bad.url, good.url, older=(FILES[REPOMD],))
        with mirror_parts.serving({"metalink": link}) as manager:
            assert take(tmp_path, session, metalink=f"{manager.url}/metalink").url == good.url


def test_a_mirror_is_held_to_the_metalink(good: Any, session: requests.Session, tmp_path: pathlib.Path) -> None:
    with mirror_parts.serving(mirror_parts.repository("swapped")) as bad:
        good.files["link"] = mirror_parts.metalink(FILES[mirror_parts.REPOMD], bad.url, good.url)
        assert take(tmp_path, session, metalink=f"{good.url}/link").url == good.url
        good.files["link"] = mirror_parts.metalink(FILES[mirror_parts.REPOMD], bad.url)
        with pytest.raises(errors.SourceUnavailable, match="none of those that the metalink names"):
            take(tmp_path / "new", session, metalink=f"{good.url}/link")


def test_a_mirror_that_is_behind_is_taken_only_when_none_is_up_to_date(
    good: Any, session: requests.Session, tmp_path: pathlib.Path
) -> None:
    old = mirror_parts.repository("old")
    with mirror_parts.serving(old) as behind:
        links = (FILES[mirror_parts.REPOMD], behind.url, good.url)
        good.files["link"] = mirror_parts.metalink(*links, older=(old[mirror_parts.REPOMD],))
        assert take(tmp_path, session, metalink=f"{good.url}/link").url == good.url
        good.only, good.fault = "primary", "404"
        assert take(tmp_path / "new", session, metalink=f"{good.url}/link").url == behind.url


def test_only_so_many_mirrors_are_asked(session: requests.Session, tmp_path: pathlib.Path) -> None:
    with mirror_parts.serving({}, "503") as bad:
        with pytest.raises(errors.SourceUnavailable):
            take(tmp_path, session, baseurl=[f"{bad.url}/{number}" for number in range(20)])
        assert len(bad.asked) == latest.TRIES


def test_a_mirror_that_failed_slowly_is_asked_last_for_a_while(
    good: Any, session: requests.Session, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mirrors, "SLOW", 0.3)
    with mirror_parts.serving(FILES, "hang") as bad:
        for _ in range(3):
            assert take(tmp_path, session, baseurl=[bad.url, good.url]).url == good.url
        assert len(bad.asked) == 1


def test_a_mirror_that_failed_slowly_is_not_waited_for_while_the_last_state_can_be_taken(
    good: Any, session: requests.Session, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mirrors, "SLOW", 0.3)
    take(tmp_path, session, baseurl=good.url)
    good.fault = "hang"
    assert [len(take(tmp_path, session, baseurl=good.url).warnings) for _ in range(3)] == [1, 1, 1]
    assert len(good.asked) == 3
    with pytest.raises(errors.SourceUnavailable, match="in time"):
        take(tmp_path, session, 0, baseurl=good.url)


def test_a_metalink_that_hangs_delays_one_check_only(
    good: Any, session: requests.Session, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mirrors, "SLOW", 0.3)
    monkeypatch.setattr(mirrors, "SECONDS", 0.4)
    with mirror_parts.serving({}, "hang") as bad:
        bad.files["link"] = b""
        for _ in range(2):
            assert take(tmp_path, session, metalink=f"{bad.url}/link", baseurl=good.url).url == good.url
        assert bad.asked == ["link"]


def test_a_lock_gets_a_bounded_number_of_mirrors(good: Any, session: requests.Session, tmp_path: pathlib.Path) -> None:
    urls = [good.url, *(f"http://127.0.0.1:1/{number}" for number in range(20))]
    assert len(take(tmp_path, session, baseurl=urls).urls) == 4


def test_a_repomd_that_changes_between_the_downloads_leaves_nothing_half(
    good: Any, session: requests.Session, tmp_path: pathlib.Path
) -> None:
    first = take(tmp_path, session, baseurl=good.url)
    good.files = {mirror_parts.REPOMD: mirror_parts.repository("newer")[mirror_parts.REPOMD]}
    assert take(tmp_path, session, baseurl=good.url).sha256 == first.sha256
    assert [path.name for path in (tmp_path / "main").iterdir()] == [first.sha256]


def test_the_names_of_a_kept_state_are_still_known(good: Any, session: requests.Session, tmp_path: pathlib.Path) -> None:
    where = mirrors.Mirrors(urls=(good.url, "http://127.0.0.1:1"))
    snapshots.remember(latest.read("main", where, tmp_path, session), "r-main", tmp_path)
    kept = snapshots.newest("main", "http://elsewhere", "r-main", tmp_path)
    assert kept is not None and kept.urls == where.urls
    pool = solv.Pool()
    snapshots.load(pool, kept, session)
    assert [item.name for item in pool.solvables_iter()] == ["small"]


def check(folder: pathlib.Path, *urls: str, extra: str = "") -> locks.Lock:
    """The lock of an image of `small`, from a repository at these addresses and the request's own one at `extra`."""
    definition = {
        "name": "small", "title": "Small", "version": "1", "arches": ["x86_64"], "kickstart_syntax": "F44",
        "koji_topurl": "http://koji/", "repositories": [{"id": "main", "baseurl": urls}],
        "image_types": {"live": {"backend": "kiwi", "preset": "none"}},
    }  # fmt: skip
    own = (build_requests.ExtraRepository(name="mine", url=extra),) if extra else ()
    request = build_requests.BuildRequest(release="small", repositories=own)
    guard = addresses.Guard(hosts=("127.0.0.1",), networks=(ipaddress.ip_network("127.0.0.0/8"),))
    release = releases.Release.model_validate(definition)
    return checking.check(request, release, "%packages\nsmall\n%end\n", {}, folder, guard)[0]


def test_a_lock_names_every_mirror_then_koji_and_says_when_a_state_is_old(good: Any, tmp_path: pathlib.Path) -> None:
    with mirror_parts.serving({}) as other:
        fresh = check(tmp_path, other.url, good.url)
        good.fault = "503"
        stale = check(tmp_path, other.url, good.url)
    tail = "small-1-1.noarch.rpm"
    mirrors_ = [f"{url}/Packages/{tail}" for url in (good.url, other.url)]
    assert [*fresh.packages[0].urls] == [*mirrors_, f"http://koji/packages/small/1/1/noarch/{tail}"]
    assert fresh.warnings == () and "The repository main could not be read now" in stale.warnings[0]
    assert (stale.packages, stale.snapshot) == (fresh.packages, fresh.snapshot)


@pytest.mark.parametrize("only", ["repomd", "primary"])
@pytest.mark.parametrize("fault", ["hang", "drip"])
def test_a_request_s_own_repository_can_not_hold_up_the_check(
    fault: str, only: str, good: Any, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(places, "EXTRA_SECONDS", 0.4)
    with mirror_parts.serving(mirror_parts.repository("own"), fault, only) as slow:
        began = time.monotonic()
        with pytest.raises(errors.SourceUnavailable, match="does not answer in time"):
            check(tmp_path, good.url, extra=slow.url)
    assert time.monotonic() - began < 2
