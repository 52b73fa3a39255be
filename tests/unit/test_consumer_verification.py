# SPDX-License-Identifier: MIT
"""What differs between a lock and an image is named."""

from typing import Any

from ondemand import locks
from ondemand_consumer import verification
from tests import builder_parts


def _package(name: str, version: str = "1", **changes: Any) -> locks.LockedPackage:
    values = {"name": name, "version": version, "release": "1", "arch": "noarch", "origin": "main"}
    rest = {"urls": (), "checksums": {}, "trust": "koji-digest", **changes}
    return locks.LockedPackage.model_validate(values | rest)


def _installed(name: str, version: str = "1", header: str = "aa") -> verification.Installed:
    return verification.Installed(name=name, epoch=0, version=version, release="1", arch="noarch", header=header)


def _compare(
    packages: list[locks.LockedPackage], *there: verification.Installed, closed: bool = True
) -> verification.Differences:
    headers = {package.nevra: "aa" for package in packages}
    return verification.compare(builder_parts.make_lock(*packages), headers, there, closed=closed)


def test_the_same_packages_do_not_differ() -> None:
    assert not _compare([_package("a")], _installed("a"))


def test_a_missing_package_is_named() -> None:
    assert _compare([_package("a")]).phrases() == ["missing: a-1-1.noarch"]


def test_another_version_is_named_and_not_called_unexpected() -> None:
    found = _compare([_package("a")], _installed("a", "2"))
    assert found.phrases() == ["of another version: a-2-1.noarch instead of a-1-1.noarch"]


def test_the_same_name_with_other_bytes_is_named() -> None:
    assert _compare([_package("a")], _installed("a", header="bb")).other_bytes == ("a-1-1.noarch",)


def test_a_package_without_a_digest_has_other_bytes() -> None:
    assert _compare([_package("a")], _installed("a", header="(none)")).other_bytes == ("a-1-1.noarch",)


def test_an_unexpected_package_fails_a_closed_image_alone() -> None:
    assert _compare([], _installed("b")).unexpected == ("b-1-1.noarch",)
    assert not _compare([], _installed("b"), closed=False)


def test_an_open_image_must_hold_the_wanted_builds() -> None:
    assert _compare([_package("a", wanted=True)], closed=False).missing == ("a-1-1.noarch",)


def test_what_of_the_lock_is_in_an_open_image_has_its_bytes() -> None:
    assert _compare([_package("a"), _package("b")], _installed("a", header="bb"), closed=False).other_bytes == ("a-1-1.noarch",)


def test_long_lists_are_cut() -> None:
    phrase = _compare([_package(f"p{n:02}") for n in range(12)]).phrases()[0]
    assert phrase.endswith("and 2 more")


def test_the_printed_list_is_read_and_keys_are_left_out() -> None:
    text = "a\t2\t1\t3\tx86_64\tff\ngpg-pubkey\t0\t1\t2\t(none)\t(none)\nnoise\n"
    (package,) = verification.parse(text, builder_parts.make_lock())
    assert (package.nevra, package.header) == ("a-2:1-3.x86_64", "ff")


def test_a_list_without_epochs_and_digests_is_held_to_the_lock_by_name_and_version() -> None:
    lock = builder_parts.make_lock(_package("a", epoch=2, wanted=True), _package("b", wanted=True))
    there = verification.parse("a\t-\t1\t1\tnoarch\t-\nb\t-\t2\t1\tnoarch\t-\n", lock)
    headers = {package.nevra: "aa" for package in lock.packages}
    found = verification.compare(lock, headers, there, closed=False)
    assert found.phrases() == ["of another version: b-2-1.noarch instead of b-1-1.noarch"]


def test_what_an_open_image_has_beside_its_lock_is_told_and_no_difference() -> None:
    there = (_installed("a"), _installed("b"))
    assert not _compare([_package("a")], *there, closed=False)
    assert verification.outsiders(builder_parts.make_lock(_package("a")), there) == ["b-1-1.noarch"]
