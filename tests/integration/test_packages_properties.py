# SPDX-License-Identifier: MIT
"""Whatever is asked of a made universe: a lock that holds by rules told without the solver, or a refusal in words."""

from __future__ import annotations

import dataclasses
import ipaddress
import pathlib
import random
from collections.abc import Iterator, Sequence

import hypothesis
import pytest
from hypothesis import strategies

from ondemand import addresses, build_requests, errors, locks, plugins, releases
from ondemand_web.packages import checking, pools
from tests import universe_parts
from tests.universe_parts import Made

STABLE = (
    Made("base"),
    Made("lib"),
    Made("tool", requires=("lib >= 1",)),
    Made("strict", requires=("lib = 1-1",)),
    Made("one", requires=("two",)),
    Made("two", requires=("one",)),
    Made("chooser", requires=("(left or right)",)),
    Made("left"),
    Made("right"),
)
BUILDS = (
    Made("tool", "1", requires=("lib >= 1",)),
    Made("tool", "2", requires=("lib >= 2",)),
    Made("lib", "2"),
    Made("lib", "0.5"),
    Made("one", "2", requires=("two = 2-1",)),
    Made("two", "2", requires=("one = 2-1", "base")),
    Made("left", "2", conflicts=("right",)),
    Made("right", "2", requires=("(left or strict)",)),
    Made("hostile", conflicts=("base",)),
    Made("successor", obsoletes=("strict",)),
    Made("broken", requires=("nowhere",)),
)
KNOWN = {made.nvr: made for made in (*STABLE, *BUILDS)}
NAMES = sorted({made.name for made in KNOWN.values()})
HERE = addresses.Guard(hosts=("127.0.0.1",), networks=(ipaddress.ip_network("127.0.0.0/8"),))
UPDATE = "FEDORA-2026-0123456789"
Asked = tuple[list[str], list[str], list[str]]


@strategies.composite
def requests(draw: strategies.DrawFn) -> Asked:
    """Builds, packages to add, mostly the builds' own among them, and packages to leave out."""
    builds = draw(strategies.lists(strategies.sampled_from(BUILDS), max_size=4, unique_by=lambda made: made.nvr))
    add = set(draw(strategies.lists(strategies.sampled_from(NAMES), max_size=3)))
    if draw(strategies.integers(0, 3)):
        add.update(made.name for made in builds)
    without = set(draw(strategies.lists(strategies.sampled_from(NAMES), max_size=2)))
    return [made.nvr for made in builds], sorted(add), sorted(without - add)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Desk:
    """Where checks are made, again and again on the same loaded universe."""

    release: releases.Release
    sources: dict[str, plugins.Source]
    folder: pathlib.Path
    pools: pools.Pools

    def check(self, builds: Sequence[str], add: Sequence[str] = (), without: Sequence[str] = (), *, warm: bool = True) -> locks.Lock:
        """The lock; without `warm` the universe is loaded anew."""
        request = build_requests.BuildRequest(
            release="made", builds=tuple(builds), add_packages=tuple(add), remove_packages=tuple(without)
        )
        kept = self.pools if warm else None
        return checking.check(request, self.release, "%packages\n%end\n", self.sources, self.folder, pools=kept, kept=True)[0]

    def tried(
        self, builds: Sequence[str], add: Sequence[str], without: Sequence[str], *, warm: bool = True
    ) -> locks.Lock | errors.OndemandError:
        """The lock, or the refusal for which the request itself is to blame."""
        try:
            return self.check(builds, add, without, warm=warm)
        except (errors.RequestError, errors.ContentError) as error:
            return error

    def outcome(self, asked: Asked, *, warm: bool = True) -> str:
        """The lock or the refusal, to the letter."""
        found = self.tried(*asked, warm=warm)
        return found.model_dump_json() if isinstance(found, locks.Lock) else "\n".join((found.code, found.sentence, *found.details))


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """The made universe, its repository read once."""
    with universe_parts.served(universe_parts.files({"main": STABLE}, BUILDS)) as url:
        folder, release = tmp_path_factory.mktemp("snapshots"), universe_parts.release(url, "main")
        update = {UPDATE: [made for made in BUILDS if made.name == "hostile"]}
        sources: dict[str, plugins.Source] = {
            "koji": universe_parts.Source(url, {made.nvr: [made] for made in BUILDS}),
            "bodhi": universe_parts.Source(url, update),
        }
        request = build_requests.BuildRequest(release="made", add_packages=("base",))
        checking.check(request, release, "%packages\n%end\n", sources, folder)
        yield Desk(release=release, sources=sources, folder=folder, pools=pools.Pools())


def possible(asked: Asked) -> bool:
    """Whether some set answers a request that asks for all of its wanted builds' packages."""
    builds, add, without = asked
    wanted = {KNOWN[nvr].name: KNOWN[nvr] for nvr in builds}
    allowed = {**{made.name: made for made in STABLE}, **wanted}
    clear = len(wanted) == len(builds)
    return clear and universe_parts.possible(add, [made for name, made in allowed.items() if name not in without])


@hypothesis.settings(max_examples=200)
@hypothesis.example(([], ["tool"], ["lib"]))
@hypothesis.example((["lib-0.5-1"], ["lib"], []))
@hypothesis.example((["lib-0.5-1"], ["lib", "tool"], []))
@hypothesis.example((["one-2-1", "two-2-1"], ["one", "two"], []))
@hypothesis.example((["left-2-1"], ["left", "chooser"], ["right"]))
@hypothesis.given(requests())
def test_any_request_ends_in_a_lock_that_holds_or_in_sentences(desk: Desk, asked: Asked) -> None:
    builds, add, without = asked
    found = desk.tried(*asked)
    hypothesis.event(found.code if isinstance(found, errors.OndemandError) else f"lock with {len(builds)} wanted builds")
    if isinstance(found, errors.OndemandError):
        assert found.sentence.endswith(".") and all(found.details)
        assert not {KNOWN[nvr].name for nvr in builds} <= set(add) or not possible(asked)
        return
    held = [KNOWN[f"{package.name}-{package.version}-{package.release}"] for package in found.packages]
    assert universe_parts.faults(held) == [] and {made.name for made in held}.isdisjoint(without)
    assert {made.name for made in held}.issuperset(add)
    assert sorted(f"{p.name}-{p.version}-{p.release}" for p in found.wanted) == sorted(builds)


@hypothesis.given(requests(), strategies.randoms())
def test_the_same_request_ends_the_same_in_any_order(desk: Desk, asked: Asked, chance: random.Random) -> None:
    first = desk.outcome(asked)
    for each in asked:
        chance.shuffle(each)
    assert desk.outcome(asked) == first
    assert desk.outcome(asked, warm=False) == first


def test_a_build_that_two_references_name_is_brought_by_the_same_one_in_any_order(desk: Desk) -> None:
    tool = next(made for made in BUILDS if made.nvr == "tool-2-1")
    koji = desk.sources["koji"]
    assert isinstance(koji, universe_parts.Source)
    bodhi = universe_parts.Source(koji.url, {UPDATE: [tool]})
    other = dataclasses.replace(desk, sources={"koji": koji, "bodhi": bodhi})
    names = ["lib-2-1", "tool-2-1", UPDATE]
    assert other.check(names, ["tool"]) == other.check(names[::-1], ["tool"])


def test_an_update_that_conflicts_with_a_stable_package_is_refused_with_both_named(desk: Desk) -> None:
    with pytest.raises(errors.Unsolvable) as caught:
        desk.check([UPDATE], ["base", "hostile"])
    said = "hostile-1-1.noarch (of the wanted build hostile-1-1) conflicts with base-1-1.noarch (of main)"
    assert said in caught.value.sentence


@pytest.mark.parametrize("order", [("first", "second"), ("second", "first")])
def test_of_two_repositories_with_the_same_package_the_first_one_s_bytes_are_locked(
    order: tuple[str, str], tmp_path: pathlib.Path
) -> None:
    twins = {name: [Made("twin", bytes_of=name), Made(f"only-{name}")] for name in order}
    request = build_requests.BuildRequest(release="made", add_packages=("twin",))
    with universe_parts.served(universe_parts.files(twins, [])) as url:
        release = universe_parts.release(url, *order)
        found = [checking.check(request, release, "%packages\n%end\n", {}, tmp_path)[0] for _ in range(3)]
        assert found[0] == found[1] == found[2]
    (package,) = found[0].packages
    assert package.origin == order[0] and package.urls[0].startswith(f"{url}/{order[0]}/")
    assert package.checksums["sha256"] == twins[order[0]][0].sha256


@pytest.mark.parametrize(("builds", "origin"), [((), "main"), (("lib-2-1",), locks.SIDE_REPOSITORY)])
def test_a_request_s_own_repository_can_t_put_itself_in_another_s_place(
    desk: Desk, tmp_path: pathlib.Path, builds: tuple[str, ...], origin: str
) -> None:
    version = "2" if builds else "1"
    with universe_parts.served(universe_parts.files({"own": [Made("lib", version, bytes_of="mallory")]}, [])) as url:
        extra = build_requests.ExtraRepository(name="mine", url=f"{url}/own")
        request = build_requests.BuildRequest(release="made", add_packages=("lib",), builds=builds, repositories=(extra,))
        lock, _ = checking.check(request, desk.release, "%packages\n%end\n", desk.sources, tmp_path, HERE)
    (package,) = lock.packages
    assert (package.version, package.origin) == (version, origin) and url not in package.urls[0]
    assert package.wanted is bool(builds)
