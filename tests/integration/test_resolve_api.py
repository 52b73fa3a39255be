# SPDX-License-Identifier: MIT
"""`POST /api/v1/resolve`: what references become, on the demo's Koji, Bodhi and repositories."""

from __future__ import annotations

import pathlib
import threading
import time
from collections.abc import Iterator
from typing import Any, ClassVar

import pytest
from flask.testing import FlaskClient
from typer import testing
from werkzeug import serving

from demo import builds as story
from demo import koji_files, site
from ondemand import errors, plugins, references, releases, resolutions, settings
from ondemand.commands import main
from ondemand_web import app, service
from ondemand_web.packages import reading
from ondemand_web.packages.pools import Pools
from ondemand_web.packages.previews import Previews


@pytest.fixture
def here(distribution: pathlib.Path, servers: str, tmp_path: pathlib.Path) -> Iterator[service.Service]:
    """A master that offers the demo release."""
    made = site.write(tmp_path, distribution, servers)
    master = {"data": tmp_path / "master", "config": made.folder / "config", "anonymous_owner": "you", "url": made.url}
    started = service.make(settings.load(master=master))
    yield started
    started.database.close()


@pytest.fixture
def web(here: service.Service) -> FlaskClient:
    """A service that has read the repositories."""
    reading.read_all(here)
    return app.make(here).test_client()


def resolve(web: FlaskClient, *texts: str) -> list[resolutions.ResolvedReference]:
    """What the texts become."""
    answer = web.post("/api/v1/resolve", json={"release": "demo", "references": texts})
    assert answer.status_code == 200, answer.text
    return list(resolutions.ResolveRecord.model_validate(answer.get_json()).references)


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
    ],
)
def test_what_is_worth_knowing_is_warned_of(web: FlaskClient, name: str, word: str) -> None:
    (found,) = resolve(web, story.NAMES[name])
    assert any(word in warning for warning in found.warnings), found.warnings


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
    server = serving.make_server("127.0.0.1", 0, app.make(here), threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield {"ONDEMAND_MASTER__URL": f"http://127.0.0.1:{server.port}", "COLUMNS": "200"}
    server.shutdown()
    thread.join()
    server.server_close()


def command(environment: dict[str, str], *words: str) -> tuple[int, str]:
    """Exit status and output of `ondemand resolve`."""
    answer = testing.CliRunner().invoke(main.make(), ["resolve", "--release", "demo", *words], env=environment)
    return answer.exit_code, answer.output


def test_the_command_prints_a_table_and_what_is_worth_knowing(served: dict[str, str]) -> None:
    status, output = command(served, story.NAMES["update"], story.NAMES["koji_build"], "ondemand-hello")
    lines = [line.split() for line in output.splitlines()]
    assert status == 0 and lines[0] == ["reference", "build", "package", "from", "trust"]
    nvr = "ondemand-greeting-1.1-1.demo1"
    assert lines[1][:4] == [story.NAMES["update"], nvr, f"{nvr}.x86_64", "updates-testing"]
    assert "warning: updates-testing has a newer build, ondemand-hello-1.1-1.demo1" in output


def test_the_command_ends_with_the_status_of_what_is_refused(served: dict[str, str]) -> None:
    status, output = command(served, story.NAMES["koji_build"], "ondemand-none-1-1")
    assert status == errors.UnknownReference.exit_status and "error: There is no build ondemand-none-1-1" in output


def test_the_command_prints_the_answer_for_scripts(served: dict[str, str]) -> None:
    status, output = command(served, "--json", story.NAMES["koji_build"])
    found = resolutions.ResolveRecord.model_validate_json(output)
    assert status == 0 and found.references[0].builds[0].nvr == story.NAMES["koji_build"]
