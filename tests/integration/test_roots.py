# SPDX-License-Identifier: MIT
"""A root is taken over from an earlier build over a real overlay, or made anew; a user's own code never gets into the cache."""

from __future__ import annotations

import concurrent.futures
import os
import pathlib
import shutil
from typing import Any

import pytest

from ondemand import plugins, states
from ondemand_consumer import attempts, building, roots, sweeper
from tests import builder_parts, runner_parts

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
PREPARE = "mkdir -p tree; echo prepared >> tree/log; touch tree/gone"
RENEW = "echo renewed >> tree/log; rm tree/gone; mkdir tree/old; mv tree/old tree/new"
BUILD = "mkdir -p tree out; [ -e tree/log ] || echo by itself > tree/log; cat tree/log > out/image.iso; ls tree >> out/image.iso"


class Backend:
    """A tool that takes a root where it finds one."""

    name, closed, image_types, tools, commands = "tool", True, frozenset({"live"}), ("bash",), None

    def __init__(self, renew: str | None = RENEW) -> None:
        self._renew = renew

    def disk(self, lock: object) -> int:
        return 10**6

    def plan(self, order: plugins.Order) -> plugins.Plan:
        def command(script: str) -> plugins.Command:
            return plugins.Command(argv=("bash", "-ec", script), timeout=20)

        def renew(change: plugins.Change) -> tuple[plugins.Command, ...] | None:
            return (command(self._renew),) if self._renew else None

        root = plugins.Root(folder="tree", key={"tool": 1}, prepare=(command(PREPARE),), renew=renew)
        return plugins.Plan(files={}, commands=(command(BUILD),), image="out/*.iso", root=root)


class Node:
    """One builder with its cache, on which builds follow each other."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.folder, self.number = folder, 0

    def attempt(self, versions: str = "1111", trust: str = "koji-digest", **changes: Any) -> attempts.Attempt:
        """An attempt at a lock of packages a, b, c and so on, with these versions."""
        self.number += 1
        packages = [
            builder_parts.locked(_rpm(self.folder, f"{name}-{version}-1.noarch.rpm"), "http://x", trust)
            for name, version in zip("abcdefgh", versions, strict=False)
        ]
        lock, cache = builder_parts.make_lock(*packages), self.folder / "cache"
        made = builder_parts.make_attempt(self.folder / str(self.number), lock, cache=cache, **changes)
        made.repository.rmdir()
        shutil.copytree(self.folder / "rpms", made.repository)
        return made

    def build(self, backend: Backend | None = None, **changes: Any) -> tuple[str, list[Any], str]:
        """What the image holds, what was reused, and the log."""
        attempt = self.attempt(**changes)
        image, proof = building.build(attempt, backend or Backend())  # type: ignore[arg-type]
        assert not sweeper.mounts(self.folder)
        return image.read_text(), proof.facts["reused"], attempt.log(states.Step.BUILD).read_text()

    def trees(self) -> list[pathlib.Path]:
        return sorted((self.folder / "cache" / "roots").glob("*/*/tree"))


def _rpm(folder: pathlib.Path, name: str) -> pathlib.Path:
    (folder / "rpms").mkdir(exist_ok=True)
    (folder / "rpms" / name).write_text(name)
    return folder / "rpms" / name


@pytest.fixture
def node(tmp_path: pathlib.Path) -> Node:
    return Node(tmp_path)


def test_the_same_packages_give_the_root_of_before(node: Node) -> None:
    first, nothing, _ = node.build()
    again, reused, log = node.build()
    assert first == again == "prepared\ngone\nlog\n" and nothing == []
    assert [(fact["what"], fact["from"], fact["packages_changed"]) for fact in reused] == [("root", "build 7", 0)]
    assert "the root of build 7 is used again" in log


def test_a_newer_package_is_put_over_the_root_of_before_and_kept_as_a_layer(node: Node) -> None:
    node.build()
    changed, reused, _ = node.build(versions="2111")
    again, same, _ = node.build(versions="2111")
    assert changed == again == "prepared\nrenewed\nlog\nnew\n"
    assert [fact["packages_changed"] for fact in (*reused, *same)] == [1, 0] and len(node.trees()) == 2


@pytest.mark.parametrize("versions", ["2211", "11", "11111111"])
def test_too_many_changes_make_a_new_root(node: Node, versions: str) -> None:
    node.build()
    image, reused, _ = node.build(versions=versions)
    assert image == "prepared\ngone\nlog\n" and not reused


@pytest.mark.parametrize("renew", [None, "false", "rm -r tree/log; exit 1"])
def test_a_root_that_can_not_be_renewed_is_made_anew(node: Node, renew: str | None) -> None:
    node.build()
    image, reused, log = node.build(Backend(renew), versions="2111")
    assert image == "prepared\ngone\nlog\n" and not reused and "the root is made anew" in log


def test_a_root_that_was_altered_is_thrown_away_and_made_anew(node: Node) -> None:
    node.build()
    (node.trees()[0] / "log").write_text("altered\n")
    image, reused, log = node.build()
    assert image == "prepared\ngone\nlog\n" and not reused and "a root of build 7 is thrown away" in log
    assert len(node.trees()) == 1


def test_own_code_begins_from_a_stored_root_and_stores_none(node: Node) -> None:
    node.build(trust="uploaded")
    assert node.trees() == []
    node.build()
    _, reused, _ = node.build(versions="2111", trust="uploaded")
    assert reused[0]["packages_changed"] == 1 and len(node.trees()) == 1


def test_a_cache_that_was_lost_or_is_turned_off_costs_time_alone(node: Node) -> None:
    node.build()
    shutil.rmtree(node.folder / "cache" / "roots")
    lost, reused, _ = node.build()
    off, nothing, _ = node.build(roots_limit=0)
    assert lost == "prepared\ngone\nlog\n" and off == "by itself\nlog\n" and not reused and not nothing


def test_a_cache_that_can_not_be_written_is_left_alone_with_a_line_in_the_log(node: Node) -> None:
    (node.folder / "cache").mkdir()
    (node.folder / "cache" / "roots").write_text("no folder")
    image, _, log = node.build()
    assert image == "by itself\nlog\n" and "can't be used" in log


def test_the_cache_is_held_to_its_limit_after_each_build(node: Node) -> None:
    node.build()
    node.build(roots_limit=1)
    assert node.trees() == []


def test_two_builds_at_once_both_get_their_image(node: Node) -> None:
    made = [node.attempt(versions=versions) for versions in ("1111", "1111", "2111", "1111")]
    with concurrent.futures.ThreadPoolExecutor() as pool:
        images = [image.read_text() for image, _ in pool.map(lambda attempt: building.build(attempt, Backend()), made)]  # type: ignore[arg-type]
    assert {image.splitlines()[0] for image in images} == {"prepared"} and node.trees()
    assert node.build()[1] and not list((node.folder / "cache" / "roots").glob("*/partial-*"))


def test_packages_that_a_lock_names_twice_are_no_content(node: Node) -> None:
    lock = node.attempt().assignment.lock
    assert roots.contents(lock) and roots.contents(lock.model_copy(update={"packages": lock.packages * 2})) is None


def test_a_cache_on_another_disk_costs_nothing_and_is_said_once(node: Node) -> None:
    with runner_parts.small_disk(node.folder / "cache", "8M"):
        attempt = node.attempt()
        image, proof = building.build(attempt, Backend())  # type: ignore[arg-type]
        assert image.read_text() == "by itself\nlog\n" and not proof.facts["reused"] and not node.trees()
    log = attempt.log(states.Step.BUILD).read_text()
    assert log.count("nothing is taken from earlier builds") == log.count("lies on another disk than") == 1
    assert "is not kept" not in log
