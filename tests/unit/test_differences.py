# SPDX-License-Identifier: MIT
"""What differs between two locks is told package by package, in the program as in the API and on the page."""

from __future__ import annotations

import itertools
import random
import shutil
import subprocess
from typing import Any

import pytest
from flask.testing import FlaskClient

from ondemand import differences, locks, versions
from ondemand.commands import differences as command
from ondemand_web import app
from ondemand_web.builds.models import BuildLock
from ondemand_web.service import Service
from tests import master_parts as parts

ORDERED = ["1~~a", "1~", "1~a", "1", "1^", "1^a", "1^1", "1a", "1.0", "1.0.1", "1.2", "1.10", "2"]
SAME = [("1.0", "1_0"), ("1.0", "01.00"), ("1.0", "1.0."), ("1é", "1"), ("a1", "a.1"), ("", ".")]


def package(name: str, version: str = "1", **changes: Any) -> locks.LockedPackage:
    fixed = {"release": "1", "arch": "noarch", "origin": "main", "urls": (), "checksums": {}, "trust": "koji-digest"}
    return locks.LockedPackage.model_validate({"name": name, "version": version, **fixed, **changes})


def lock(*packages: locks.LockedPackage) -> locks.Lock:
    return parts.LOCK.model_copy(update={"packages": packages})


def between(old: list[locks.LockedPackage], new: list[locks.LockedPackage]) -> dict[str, list[tuple[Any, Any]]]:
    found = differences.between(lock(*old), lock(*new))
    kinds = ("added", "removed", "up", "down", "rebuilt")
    return {kind: [(c.old, c.new) for c in getattr(found, kind)] for kind in kinds if getattr(found, kind)}


def spelled(count: int) -> list[str]:
    """Versions of the signs that matter, the same ones each time."""
    chance = random.Random(9)
    return ["".join(chance.choices("0019abZ.~^_+", k=chance.randint(0, 7))) for _ in range(count)]


def test_versions_are_ordered_as_rpm_orders_them() -> None:
    for older, newer in itertools.combinations(ORDERED, 2):
        assert versions.key(older) < versions.key(newer), (older, newer)


@pytest.mark.parametrize(("one", "other"), SAME)
def test_what_only_parts_the_runs_does_not_count(one: str, other: str) -> None:
    assert versions.key(one) == versions.key(other)


def test_two_thousand_random_pairs_are_ordered_as_by_rpm_itself() -> None:
    if not shutil.which("rpm"):
        pytest.skip("needs rpm")
    words = [word or "." for word in spelled(2001)]
    calls = ",".join(f"rpm.vercmp('{one}','{other}')" for one, other in itertools.pairwise(words))
    said = "print(table.concat({" + calls + "},' '))"
    mine = [_compared(one, other) for one, other in itertools.pairwise(words)]
    answer = subprocess.run(["rpm", "--eval", "%{lua:" + said + "}"], capture_output=True, text=True, check=True)
    assert [int(word) for word in answer.stdout.split()] == mine


def _compared(one: str, other: str) -> int:
    return (versions.key(one) > versions.key(other)) - (versions.key(one) < versions.key(other))


def test_the_epoch_counts_before_the_version() -> None:
    assert versions.evr_key(1, "1", "1") > versions.evr_key(0, "9", "9")


def test_the_same_lock_does_not_differ() -> None:
    one = lock(package("a"), package("b"))
    found = differences.between(one, one)
    assert not found and (found.unchanged, found.uncompared) == (2, 2)


def test_added_removed_up_and_down_are_told_apart() -> None:
    found = between([package("a"), package("b", "2~rc"), package("c", "2")], [package("b", "2"), package("c"), package("d")])
    assert found == {
        "added": [(None, "d-1-1.noarch")],
        "removed": [("a-1-1.noarch", None)],
        "up": [("b-2~rc-1.noarch", "b-2-1.noarch")],
        "down": [("c-2-1.noarch", "c-1-1.noarch")],
    }


def test_the_same_name_with_other_bytes_is_rebuilt() -> None:
    one, other = (package("a", checksums={"sigmd5": digest, "sha256": digest}) for digest in "xy")
    assert between([one], [other]) == {"rebuilt": [("a-1-1.noarch", "a-1-1.noarch")]}


def test_a_signature_alone_is_no_rebuild() -> None:
    one, other = (package("a", checksums={"sigmd5": "m", "sha256": digest}) for digest in "xy")
    assert between([one], [other]) == {}


def test_digests_of_different_kinds_say_nothing() -> None:
    one, other = package("a", checksums={"sigmd5": "x"}), package("a", checksums={"sha256": "y"})
    assert differences.between(lock(one), lock(other)).uncompared == 1


def test_each_of_several_architectures_and_versions_finds_its_partner() -> None:
    old = [package("a", arch="i686"), package("a", arch="x86_64"), package("k", "1"), package("k", "2")]
    new = [package("a", "2", arch="x86_64"), package("a", "2", arch="i686"), package("k", "2"), package("k", "3")]
    assert between(old, new)["up"] == [
        ("a-1-1.i686", "a-2-1.i686"),
        ("a-1-1.x86_64", "a-2-1.x86_64"),
        ("k-1-1.noarch", "k-3-1.noarch"),
    ]


@pytest.mark.parametrize("seed", range(30))
def test_there_and_back_is_the_reverse_and_nothing_is_lost(seed: int) -> None:
    chance = random.Random(seed)
    names = [(name, str(n)) for name in "abcd" for n in range(3)]
    old, new = (lock(*(package(*one) for one in chance.sample(names, 5))) for _ in range(2))
    there, back = differences.between(old, new), differences.between(new, old)
    assert {(c.old, c.new) for c in there.up + there.added} == {(c.new, c.old) for c in back.down + back.removed}
    moved = len(there.up + there.down + there.rebuilt) + there.unchanged
    assert (moved + len(there.removed), moved + len(there.added)) == (5, 5)


def test_sizes_are_told_and_unknown_ones_are_not_invented() -> None:
    old, new = [package("a", installed_size=10)], [package("a", "2", installed_size=4), package("b")]
    found = differences.between(lock(*old), lock(*new))
    assert found.up[0].installed_size == -6 and found.added[0].installed_size is None
    assert (found.installed_size.old, found.installed_size.new) == (10, 4)


def test_the_command_prints_a_line_for_each_package() -> None:
    found = differences.between(lock(package("a"), package("b")), lock(package("a", "2")))
    assert command.lines(found)[:3] == [
        "removed  b-1-1.noarch",
        "up       a-1-1.noarch -> a-2-1.noarch",
        "0 packages are unchanged",
    ]


@pytest.fixture
def web(here: Service) -> FlaskClient:
    client = app.make(here).test_client()
    client.environ_base["HTTP_ACCEPT"] = "text/html"
    return client


def two_builds(here: Service, other_owner: bool = False) -> tuple[int, int]:
    """An older build with a package more, and a newer one."""
    first, second = parts.queued(here, "bob" if other_owner else "alice"), parts.queued(here)
    with here.database.writing() as session:
        row = session.get_one(BuildLock, first)
        row.body = lock(*parts.LOCK.packages, package("gone")).model_dump(mode="json")
    return first, second


def test_the_api_tells_what_changes_between_two_builds(here: Service, web: FlaskClient) -> None:
    first, second = two_builds(here)
    found = web.get(f"/api/v1/builds/{first}/differences/{second}").get_json()
    assert [change["old"] for change in found["removed"]] == ["gone-1-1.noarch"] and found["unchanged"] == 1
    assert web.get(f"/api/v1/builds/{second}/differences/{first}").get_json()["added"][0]["new"] == "gone-1-1.noarch"


def test_a_build_without_a_lock_is_not_found(here: Service, web: FlaskClient) -> None:
    _, second = two_builds(here)
    bare = parts.submit(here)
    for address in (f"/api/v1/builds/{second}/differences/{bare}", f"/api/v1/builds/{bare}/differences/{second}"):
        answer = web.get(address, headers={"Accept": "application/json"})
        assert (answer.status_code, answer.get_json()["code"]) == (404, "unknown-build")
        assert f"Build {bare} has no lock" in answer.get_json()["detail"]


def test_the_page_compares_with_the_owners_previous_build(here: Service, web: FlaskClient) -> None:
    first, second = two_builds(here)
    assert f'<a href="/builds/{second}/differences?from={first}">' in web.get(f"/builds/{second}").text
    text = web.get(f"/builds/{second}/differences").text
    assert f"from build {first} to build {second}" in text and "gone-1-1.noarch" in text


def test_without_a_previous_build_the_page_asks_for_one(here: Service, web: FlaskClient) -> None:
    _, second = two_builds(here, other_owner=True)
    assert "What changed since" not in web.get(f"/builds/{second}").text
    assert "alice has no earlier build of f44 live x86_64" in web.get(f"/builds/{second}/differences").text


@pytest.mark.parametrize(("given", "status"), [("x", 422), ("9999", 404), ("9" * 30, 422), ("", 422)])
def test_what_is_no_build_is_refused_in_words(here: Service, web: FlaskClient, given: str, status: int) -> None:
    _, second = two_builds(here)
    assert web.get(f"/builds/{second}/differences?from={given}").status_code == status
