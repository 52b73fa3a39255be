# SPDX-License-Identifier: MIT
"""How far a build is: from a tool's line to the record and the page, with the time that builds of its kind still take."""

from __future__ import annotations

import datetime
import gzip
import pathlib

import pytest
from flask.testing import FlaskClient

from ondemand import plugins
from ondemand.builds import Progress
from ondemand.states import Step, StepState
from ondemand_consumer import progressing
from ondemand_plugins.backends import kiwi, livecd, lorax, progress
from ondemand_web.database import clock
from ondemand_web.people import services as people
from ondemand_web.queue import running
from ondemand_web.queue import services as queue
from ondemand_web.queue.models import AttemptStep
from ondemand_web.service import Service
from tests import master_parts as parts

TOOLCHAINS = pathlib.Path(__file__).parents[2] / "docs" / "toolchains"
SCRIPTLET = (pathlib.Path(__file__).parents[1] / "data" / "tool_logs" / "kiwi_scriptlet_failed.txt").read_text()
LINES = [
    (progress.KIWI, "bootstrap:   Installing       : bash-5.2-2.x86_64      74/148", "package 74 of 148: bash-5.2-2.x86_64", 0.2),
    (progress.KIWI, "EXEC: [mksquashfs /work/root /var/tmp/x -noappend]", "mksquashfs packs the root", 0.6),
    (progress.LIVECD, "[=====-     ]  120/1200  10%", "mksquashfs packs the root: 10 %", 0.545),
    (progress.LIVECD, "xorriso : UPDATE :  50.00% done", "xorriso writes the image: 50.00 %", 0.975),
    (progress.LIVECD, "dracut: *** Including module: bash ***", "dracut: Including module: bash", 0.3),
    (progress.LORAX, "2026-11-25 04:00:00,000: (20/200) bash-5.2-2.x86_64", "package 20 of 200: bash-5.2-2.x86_64", 0.075),
    (progress.LORAX, "creating the runtime image", "the runtime's image is packed", 0.35),
]


@pytest.mark.parametrize(("patterns", "line", "text", "fraction"), LINES)
def test_a_tool_s_line_says_how_far_it_is(patterns: tuple[plugins.Progress, ...], line: str, text: str, fraction: float) -> None:
    told = progressing.Progressing()
    told.begin(Step.BUILD)
    progressing.Follower(told, patterns)(line)
    assert told.last is not None and told.last.fraction == pytest.approx(fraction)
    assert (told.last.step, told.last.text) == (Step.BUILD, text)


def test_a_real_log_of_kiwi_is_followed_and_never_goes_back() -> None:
    told, seen = progressing.Progressing(), []
    told.begin(Step.BUILD)
    follow = progressing.Follower(told, plugins.progress(kiwi.KiwiBackend()))
    for line in SCRIPTLET.splitlines():
        follow(line)
        seen.append(told.last.fraction or 0 if told.last else 0)
    assert seen == sorted(seen) and 0.3 < seen[-1] < 0.4


@pytest.mark.parametrize(
    ("backend", "log"), [(livecd.LivecdBackend(), "livecd/31.0/build.log.gz"), (lorax.LoraxBackend(), "lorax/build.log.gz")]
)
def test_the_logs_of_real_runs_are_followed_to_their_end_and_never_go_back(backend: plugins.Backend, log: str) -> None:
    told, seen = progressing.Progressing(), []
    told.begin(Step.BUILD)
    follow = progressing.Follower(told, plugins.progress(backend))
    for line in gzip.decompress((TOOLCHAINS / log).read_bytes()).decode().splitlines():
        follow(line)
        seen.append(told.last.fraction or 0 if told.last else 0)
    assert seen == sorted(seen) and seen[-1] > 0.8 and len(set(seen)) > 100


def test_a_new_step_begins_at_nothing() -> None:
    told = progressing.Progressing()
    told.tell("nobody hears it", 0.5)
    assert told.last is None
    told.begin(Step.FETCH)
    told.tell("half", 0.5)
    told.begin(Step.BUILD)
    assert told.last == Progress(step=Step.BUILD)


MEANS = {Step.FETCH: 10.0, Step.BUILD: 100.0, Step.VERIFY: 5.0, Step.BOOT: 40.0, Step.PUBLISH: 2.0}


@pytest.mark.parametrize(
    ("step", "since", "fraction", "left"),
    [(Step.BUILD, 30, None, 117.0), (Step.BUILD, 30, 0.5, 97.0), (Step.BUILD, 300, None, 57.0), (Step.REPO, 1, None, None)],
)
def test_the_time_left_is_that_of_earlier_builds(step: Step, since: float, fraction: float | None, left: float | None) -> None:
    assert running.remaining(MEANS, step, since, fraction) == left


def _stepped(here: Service, build_id: int, number: int, step: Step, seconds: float) -> None:
    """The step as one that took so long."""
    with here.database.writing() as session:
        now = clock(session)
        began = now - datetime.timedelta(seconds=seconds)
        session.add(
            AttemptStep(build_id=build_id, attempt=number, step=step, state=StepState.DONE, started_at=began, ended_at=now)
        )


def test_record_and_page_show_it_with_the_time_left(here: Service, web: FlaskClient) -> None:
    name = parts.builder(here)
    earlier = parts.succeeded(here, name)
    for step, seconds in ((Step.BUILD, 100.0), (Step.BOOT, 40.0)):
        _stepped(here, earlier, 1, step, seconds)
    build_id = parts.queued(here)
    attempt = parts.claim(here, name)
    assert attempt is not None
    queue.report_step(here.database, name, build_id, attempt.number, Step.BUILD, StepState.RUNNING)
    told = Progress(step=Step.BUILD, text="package 7 of 9", fraction=0.25)
    queue.beat(here.database, name, build_id, attempt.number, here.settings.queue, told)
    answer = web.get(f"/api/v1/builds/{build_id}").json
    assert answer and answer["progress"]["text"] == "package 7 of 9" and answer["progress"]["remaining"] == 115.0
    page = web.get(f"/builds/{build_id}", headers={"Accept": "text/html"}).text
    assert "Step build: package 7 of 9; about 2 min left" in page


def test_an_older_builder_beats_without_a_body_and_a_newer_one_may_say_more(here: Service, web: FlaskClient) -> None:
    token = people.add_builder(here.database, "two")
    queue.register(here.database, "two", "two-instance", here.settings.queue)
    build_id = parts.queued(here)
    attempt = parts.claim(here, "two")
    assert attempt is not None
    address = f"/api/v1/worker/builds/{build_id}/attempts/{attempt.number}/beat"
    headers = {"Authorization": f"Bearer {token}"}
    assert web.post(address, headers=headers).json == {"canceled": False}
    body = {"progress": {"step": "fetch", "text": "x", "fraction": 0.5, "more": 1}, "other": 2}
    assert web.post(address, headers=headers, json=body).json == {"canceled": False}
    assert web.post(address, headers=headers, json={"progress": {"step": "nap"}}).status_code == 422
