# SPDX-License-Identifier: MIT
"""`POST /api/v1/resolve`: what references become, on the demo's Koji, Bodhi and repositories."""

from __future__ import annotations

import os
import pathlib
import re
import time
from collections.abc import Iterator
from typing import Any, ClassVar

import pytest
from flask.testing import FlaskClient
from typer import testing

from demo import builds as story
from demo import koji_files, site
from ondemand import errors, locks, plugins, references, releases, resolutions
from ondemand.build_requests import ImageType
from ondemand.commands import main
from ondemand_web import app, service
from ondemand_web.packages import presence, reading
from ondemand_web.packages.pools import Pools
from ondemand_web.packages.previews import Previews
from tests import master_parts, source_parts


@pytest.fixture
def here(distribution: pathlib.Path, servers: str, tmp_path: pathlib.Path) -> Iterator[service.Service]:
    """A master that offers the demo release."""
    made = site.write(tmp_path, distribution, servers)
    with master_parts.offering(made, tmp_path, read=False) as started:
        yield started


@pytest.fixture
def web(here: service.Service) -> FlaskClient:
    """A service that has read the repositories."""
    reading.read_all(here)
    return app.make(here).test_client()


def record(web: FlaskClient, *texts: str, **fields: Any) -> resolutions.ResolveRecord:
    """The whole answer."""
    answer = web.post("/api/v1/resolve", json={"release": "demo", "references": texts, **fields})
    assert answer.status_code == 200, answer.text
    return resolutions.ResolveRecord.model_validate(answer.get_json())


def resolve(web: FlaskClient, *texts: str) -> list[resolutions.ResolvedReference]:
    """What the texts become."""
    return list(record(web, *texts).references)


def places(found: resolutions.ResolvedReference) -> set[tuple[str, str]]:
    """Origin and trust of its packages."""
    return {(package.origin, package.trust.partition(":")[0]) for build in found.builds for package in build.packages}


@pytest.mark.parametrize(
    ("text", "reference", "place"),
    [
        (story.NAMES["update"], f"bodhi:{story.NAMES['update']}", ("updates-testing", "signed")),
        (story.NAMES["koji_build"], f"koji:{story.NAMES['koji_build']}", ("koji", "koji-digest")),
        (story.NAMES["signed_koji_build"], f"koji:{story.NAMES['signed_koji_build']}", ("koji", "signed")),
        (story.NAMES["stranger_build"], f"koji:{story.NAMES['stranger_build']}", ("koji", "refused")),
        (story.NAMES["stable_build"], f"koji:{story.NAMES['stable_build']}", ("main", "signed")),
        (f"task:{koji_files.SCRATCH_TASK}", f"task:{koji_files.SCRATCH_TASK}", ("koji task 9101", "koji-digest")),
        (f"tag:{story.NAMES['side_tag']}", f"tag:{story.NAMES['side_tag']}", ("koji", "koji-digest")),
        ("ondemand-hello", "package:ondemand-hello", ("main", "signed")),
    ],
)
def test_it_is_told_where_packages_would_come_from_and_who_signed_them(
    web: FlaskClient, text: str, reference: str, place: tuple[str, str]
) -> None:
    (found,) = resolve(web, text)
    assert (found.text, found.reference, found.error, found.partial) == (text, reference, None, False)
    assert places(found) == {place}


@pytest.mark.parametrize(
    ("text", "code", "word"),
    [
        ("ondemand-none-1-1", "unknown-reference", "no build ondemand-none-1-1"),
        ("no sense", "unknown-reference", "names nothing"),
        (story.NAMES["container_update"], "unknown-reference", "holds a container"),
        ("set:nothing", "unknown-reference", "there is none of that name"),
        ("upload:" + "0" * 64, "unknown-reference", "never uploaded here, or was swept since"),
        ("brew:something", "unknown-reference", "no source plugin for brew"),
    ],
)
def test_a_refusal_is_told_beside_what_works(web: FlaskClient, text: str, code: str, word: str) -> None:
    good, bad = resolve(web, story.NAMES["koji_build"], text)
    assert good.builds and good.error is None
    assert bad.error and bad.error.code == code and word in bad.error.sentence and not bad.partial


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("old_build", "updates-testing has a newer build, ondemand-hello-1.1-1.demo1"),
        ("stable_update", "stable already"),
        ("stranger_build", "which release demo does not trust"),
        ("stable_build", "Koji's tag demo-updates-candidate has a newer build, ondemand-tools-2.0-1.demo1"),
    ],
)
def test_what_is_worth_knowing_is_warned_of(web: FlaskClient, name: str, word: str) -> None:
    (found,) = resolve(web, story.NAMES[name])
    assert any(word in warning for warning in found.warnings), found.warnings


def test_a_newer_build_is_told_once_and_none_of_the_newest(web: FlaskClient) -> None:
    old, newest, name = resolve(web, story.NAMES["old_build"], story.NAMES["koji_build"], "ondemand-hello")
    assert old.builds[0].newer == name.builds[0].newer == ("ondemand-hello-1.1-1.demo1", story.NAMES["koji_build"])
    assert newest.builds[0].newer == () and newest.warnings == ()
    assert len([text for text in name.warnings if "has a newer build" in text]) == 2


def test_a_package_of_a_repository_is_told_with_its_update(web: FlaskClient) -> None:
    update, fresh = resolve(web, story.NAMES["update"], story.NAMES["koji_build"])
    notices = {package.update for build in update.builds for package in build.packages}
    assert notices == {resolutions.ResolvedUpdate(alias=story.NAMES["update"], kind="enhancement", severity="None")}
    assert {package.update for build in fresh.builds for package in build.packages} == {None}


def test_a_newer_build_is_told_with_its_update(web: FlaskClient) -> None:
    (found,) = resolve(web, story.NAMES["old_build"])
    assert any(f"ondemand-hello-1.1-1.demo1 of update {story.NAMES['single_update']}: name it" in w for w in found.warnings)


def test_repositories_that_were_read_too_long_ago_are_warned_of(here: service.Service, web: FlaskClient) -> None:
    (noted,) = (here.settings.master.data / "snapshots" / "newest").glob("*-main")
    old = time.time() - here.settings.master.metadata_age - 3600
    os.utime(noted, (old, old))
    (told,) = record(web, "bash").warnings
    assert told.startswith("The repository main was read last on ") and "25 hours ago" in told


def test_a_koji_that_is_away_leaves_the_rest_told(here: service.Service, web: FlaskClient) -> None:
    path = here.settings.master.config / "releases" / "demo.toml"
    release = source_parts.point(path, koji_hub="http://127.0.0.1:9/kojihub")
    found = here.previews.of(["ondemand-hello"], release, "x86_64")
    assert found.partial and places(found.references[0]) == {("main", "signed")} and not found.references[0].partial
    assert any("newer builds in Koji is not known yet" in text for text in found.warnings)


def presences(found: resolutions.ResolvedReference) -> dict[str, bool | None]:
    """Whether the image has each package, by its name."""
    return {package.nevra.rsplit("-", 2)[0]: package.in_image for build in found.builds for package in build.packages}


def test_it_is_told_which_packages_an_image_would_install(web: FlaskClient) -> None:
    found = record(web, story.NAMES["koji_build"], story.NAMES["update"], image_type="live")
    hello, update = found.references
    assert presences(hello) == {"ondemand-hello": True, "ondemand-hello-data": True, "ondemand-hello-doc": False}
    assert hello.builds[0].offer == () and not hello.warnings
    assert presences(update) == {"ondemand-greeting": False, "ondemand-libs": False}
    assert found.image and found.image.packages > 100 and found.image.error is None and not found.partial


def test_a_build_that_the_image_does_not_need_comes_with_an_offer_that_works(web: FlaskClient) -> None:
    (found,) = record(web, story.NAMES["update"], image_type="live").references
    greeting, libs = found.builds
    assert greeting.offer == ("ondemand-greeting",) and libs.offer == ("ondemand-libs",)
    assert (
        "ondemand-greeting-1.1-1.demo1 is not in this image: nothing depends on it; "
        "to install it add ondemand-greeting to add_packages (--add ondemand-greeting)."
    ) in found.warnings
    (again,) = record(web, story.NAMES["update"], image_type="live", add_packages=greeting.offer).references
    assert set(presences(again).values()) == {True} and all(not build.offer for build in again.builds)


def test_what_an_image_holds_is_said_as_in_a_request(web: FlaskClient) -> None:
    text = "%packages\nondemand-libs\n%end\n"
    (found,) = record(web, story.NAMES["update"], image_type="live", kickstart=text).references
    assert presences(found) == {"ondemand-greeting": False, "ondemand-libs": True}


@pytest.mark.parametrize(
    ("fields", "code", "word"),
    [
        ({"image_type": "live", "preset": "nope"}, "unknown-image-type", "no preset «nope»"),
        ({"image_type": "live", "remove_packages": ["bash"]}, "unsolvable", "bash"),
        ({"image_type": "live", "kickstart": "%post\ntrue\n%end\n"}, "not-permitted", "may not bring code"),
    ],
)
def test_why_there_can_be_no_image_is_told_beside_the_references(
    web: FlaskClient, fields: dict[str, Any], code: str, word: str
) -> None:
    found = record(web, story.NAMES["koji_build"], **fields)
    assert found.image and found.image.error and found.image.error.code == code and word in found.image.error.sentence
    assert found.references[0].builds and set(presences(found.references[0]).values()) == {None} and not found.partial


def test_references_that_are_refused_leave_the_image_of_the_others(web: FlaskClient) -> None:
    names = [story.NAMES["koji_build"], story.NAMES["stranger_build"], "ondemand-none-1-1"]
    found = record(web, *names, image_type="live")
    assert found.image and found.image.error is None and presences(found.references[0])["ondemand-hello"] is True
    assert presences(found.references[1]) == {"ondemand-weather": None}


@pytest.mark.parametrize(
    "fields",
    [
        {"add_packages": ["bash"]},
        {"preset": "demo-live"},
        {"image_type": "tape"},
        {"image_type": "live", "preset": "a", "kickstart": "b"},
        {"image_type": "live", "add_packages": ["a"], "remove_packages": ["a"]},
    ],
)
def test_an_image_that_is_half_named_is_refused(web: FlaskClient, fields: dict[str, Any]) -> None:
    body = {"release": "demo", "references": ["bash"], **fields}
    assert web.post("/api/v1/resolve", json=body).get_json()["code"] == "invalid-request"


def test_a_hundred_references_are_answered_in_time_and_once_each(web: FlaskClient) -> None:
    names = [story.NAMES["koji_build"], story.NAMES["update"], *(f"ondemand-none-{n}-1" for n in range(97))]
    before = time.monotonic()
    assert [each.text for each in resolve(web, *names, names[0])] == names
    assert time.monotonic() - before < 4


@pytest.mark.parametrize("texts", [[], ["bash"] * 101, [""], ["x" * 1001]])
def test_too_many_none_and_too_long_ones_are_refused(web: FlaskClient, texts: list[str]) -> None:
    assert web.post("/api/v1/resolve", json={"release": "demo", "references": texts}).status_code == 422


def test_before_the_first_reading_packages_are_partial(here: service.Service) -> None:
    name, build = resolve(app.make(here).test_client(), "bash", story.NAMES["koji_build"])
    assert name.partial and name.error and "has not read that repository yet" in name.error.sentence
    assert places(build) == {("koji", "koji-digest")}


class Slow:
    """A source that takes `seconds`, and counts how often it is asked."""

    kind: ClassVar[str] = "koji"

    def __init__(self, seconds: float) -> None:
        self.seconds, self.asked = seconds, 0

    def resolve(
        self, reference: references.Reference, release: releases.Release, arch: str, catalog: plugins.Catalog
    ) -> plugins.Resolution:
        """A build without packages."""
        self.asked += 1
        time.sleep(self.seconds)
        build = plugins.SourceBuild(nvr=reference.value, rpms=())
        return plugins.Resolution(reference=reference, builds=(build,))


def test_what_takes_too_long_is_partial_and_known_at_the_next_time(here: service.Service, tmp_path: pathlib.Path) -> None:
    slow, release = Slow(0.4), here.releases.get("demo")
    previews = Previews({"koji": slow}, tmp_path, Pools(), budget=0.1)
    first = previews.of(["a-1-1"], release, "x86_64")
    assert first.partial and first.references[0].error and "ask again" in first.references[0].error.sentence
    time.sleep(0.6)
    assert not previews.of(["a-1-1"], release, "x86_64").partial and slow.asked == 1


def test_an_image_that_takes_too_long_is_partial_and_known_at_the_next_time(here: service.Service, tmp_path: pathlib.Path) -> None:
    def check(*_: object) -> locks.Lock:
        time.sleep(0.4)
        return master_parts.LOCK

    request = resolutions.ResolveRequest(release="demo", references=("a-1-1",), image_type=ImageType.LIVE)
    image = presence.Image(kind=ImageType.LIVE, owner="you", request=request.image, check=check)
    previews = Previews({"koji": Slow(0)}, tmp_path, Pools(), budget=0.1)
    first = previews.of(["a-1-1"], here.releases.get("demo"), "x86_64", image)
    assert first.partial and first.image and first.image.error and "not solved yet" in first.image.error.sentence
    time.sleep(0.6)
    second = previews.of(["a-1-1"], here.releases.get("demo"), "x86_64", image)
    assert not second.partial and second.image and second.image.packages == len(master_parts.LOCK.packages)


def test_a_source_that_breaks_harms_no_other(here: service.Service, tmp_path: pathlib.Path) -> None:
    class Broken(Slow):
        """A plugin with a mistake in it."""

        def resolve(self, *_: Any) -> plugins.Resolution:
            raise KeyError("mistake")

    sources = {"koji": Slow(0), "tag": Broken(0)}
    good, bad = Previews(sources, tmp_path, Pools()).of(["a-1-1", "tag:x"], here.releases.get("demo"), "x86_64").references
    assert good.builds and bad.partial and bad.error and bad.error.code == errors.ServiceError.code


@pytest.fixture
def served(here: service.Service) -> Iterator[dict[str, str]]:
    """The environment of a command line that speaks to a running service."""
    reading.read_all(here)
    with master_parts.served(here) as url:
        yield {"ONDEMAND_MASTER__URL": url, "COLUMNS": "200"}


def command(environment: dict[str, str], *words: str) -> tuple[int, str]:
    """Exit status and output of `ondemand resolve`."""
    answer = testing.CliRunner().invoke(main.make(), ["resolve", "--release", "demo", *words], env=environment)
    return answer.exit_code, answer.output


def test_the_command_prints_a_table_and_what_is_worth_knowing(served: dict[str, str]) -> None:
    status, output = command(served, story.NAMES["update"], story.NAMES["koji_build"], "ondemand-hello")
    lines = [line.split() for line in output.splitlines()]
    assert status == 0 and lines[0] == ["reference", "build", "package", "from", "trust", "update"]
    nvr = "ondemand-greeting-1.1-1.demo1"
    assert lines[1][:4] == [story.NAMES["update"], nvr, f"{nvr}.x86_64", "updates-testing"]
    assert lines[1][5:] == [story.NAMES["update"], "(enhancement)"]
    assert "warning: updates-testing has a newer build, ondemand-hello-1.1-1.demo1" in output


def test_the_command_says_what_an_image_would_install(served: dict[str, str]) -> None:
    status, output = command(served, "--type", "live", story.NAMES["koji_build"], f"tag:{story.NAMES['side_tag']}")
    lines = [line.split() for line in output.splitlines()]
    assert status == 0 and lines[0][-2:] == ["in", "image"]
    assert [line[-1] for line in lines[1:6]] == ["yes", "no", "yes", "no", "no"]
    assert "(--add ondemand-greeting)" in output and re.search(r"The live image would hold \d{3} packages", output)


def test_the_command_needs_no_type_with_what_the_image_holds(served: dict[str, str]) -> None:
    status, output = command(served, "--add", "ondemand-greeting", story.NAMES["update"])
    assert status == 0 and "The live image would hold" in output and "nothing depends on it" not in output


def test_the_command_ends_with_the_status_of_an_image_that_can_not_be(here: service.Service, served: dict[str, str]) -> None:
    here.releases.get("demo").image_types.pop(ImageType.DVD)
    status, output = command(served, "--type", "dvd", story.NAMES["update"])
    assert status == errors.UnknownImageType.exit_status and "error: the image can't be made: Release demo offers" in output


def test_the_command_tells_every_reason_against_an_image(served: dict[str, str]) -> None:
    status, output = command(served, "--add", "ondemand-helo", "--add", "ondemand-tols", "ondemand-hello")
    assert status == errors.UnknownReference.exit_status
    assert output.count("There is no package «ondemand-helo»") == 2 and "\n  There is no package «ondemand-tols»" in output


def test_the_command_ends_with_the_status_of_what_is_refused(served: dict[str, str]) -> None:
    status, output = command(served, story.NAMES["koji_build"], "ondemand-none-1-1")
    assert status == errors.UnknownReference.exit_status and "error: There is no build ondemand-none-1-1" in output


def test_the_command_prints_the_answer_for_scripts(served: dict[str, str]) -> None:
    status, output = command(served, "--json", story.NAMES["koji_build"])
    found = resolutions.ResolveRecord.model_validate_json(output)
    assert status == 0 and found.references[0].builds[0].nvr == story.NAMES["koji_build"]
