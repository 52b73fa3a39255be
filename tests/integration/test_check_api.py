# SPDX-License-Identifier: MIT
"""`POST /api/v1/check`: the answer of the check without a build, on repositories that were read before."""

from __future__ import annotations

import os
import pathlib
import time
from collections.abc import Iterator
from typing import Any

import pytest
from flask.testing import FlaskClient

from demo import builds as story
from demo import site
from ondemand_web import service
from ondemand_web.packages import reading
from tests import master_parts


@pytest.fixture
def here(distribution: pathlib.Path, servers: str, tmp_path: pathlib.Path) -> Iterator[service.Service]:
    """A master that offers the demo release."""
    made = site.write(tmp_path, distribution, servers)
    with master_parts.offering(made, tmp_path, read=False, own_code=["you"]) as started:
        yield started


def check(web: FlaskClient, **fields: Any) -> tuple[int, dict[str, Any]]:
    """Status and body of the answer."""
    answer = web.post("/api/v1/check", json={"release": "demo", **fields})
    return answer.status_code, answer.get_json()


def test_before_the_first_reading_it_is_said_that_there_was_none(web: FlaskClient) -> None:
    status, body = check(web)
    assert (status, body["code"]) == (503, "source-unavailable") and "has not read that repository yet" in body["detail"]
    assert body["detail"].endswith("; ask again in a moment.")


def test_what_can_work_is_told_with_the_origin_of_each_wanted_package(here: service.Service, web: FlaskClient) -> None:
    reading.read_all(here)
    status, body = check(web, builds=[story.NAMES["koji_build"]])
    assert status == 200 and body["backend"] == "kiwi" and body["packages"] > 100
    assert {item["origin"] for item in body["wanted"]} == {"side repository"}
    assert web.get("/api/v1/builds").get_json()["builds"] == []


def test_what_can_not_work_is_told_as_a_build_would_be_refused(here: service.Service, web: FlaskClient) -> None:
    reading.read_all(here)
    status, body = check(web, builds=[story.NAMES["stranger_build"], "ondemand-nothing-1-1.demo1"])
    assert status == 422 and len(body["details"]) == 2 and "code" in body


def test_a_warm_pool_gives_the_same_answers_in_any_order(here: service.Service, web: FlaskClient) -> None:
    reading.read_all(here)
    plain, wanted = check(web), check(web, builds=[story.NAMES["koji_build"]])
    refused = check(web, remove_packages=["bash"])
    assert refused[0] == 422
    assert check(web) == plain and check(web, builds=[story.NAMES["koji_build"]]) == wanted
    assert check(web, remove_packages=["bash"]) == refused


def test_a_warm_pool_serves_one_side_repository_after_the_other(here: service.Service, web: FlaskClient) -> None:
    reading.read_all(here)
    names = [story.NAMES["koji_build"], f"tag:{story.NAMES['side_tag']}", story.NAMES["old_build"], story.NAMES["update"]]
    answers = [check(web, builds=[name], add_packages=["ondemand-greeting"]) for name in names * 3]
    assert answers[:4] == answers[4:8] == answers[8:] and {status for status, _ in answers} == {200}


def test_what_the_tool_does_not_do_is_said(here: service.Service, web: FlaskClient) -> None:
    reading.read_all(here)
    lines = ["lang C", "firewall --enabled", "repo --name=x --baseurl=http://x", "%packages", "@core", "@live", "%end"]
    warnings = check(web, kickstart="\n".join(lines))[1]["warnings"]
    assert any(text.startswith("The kickstart's `repo` in line 3 is not used") for text in warnings)
    assert "Backend kiwi does nothing with these commands of the kickstart: firewall." in warnings


def test_repositories_that_were_read_too_long_ago_are_warned_of(here: service.Service, web: FlaskClient) -> None:
    reading.read_all(here)
    assert not any("was read last" in text for text in check(web)[1]["warnings"])
    (noted,) = (here.settings.master.data / "snapshots" / "newest").glob("*-main")
    old = time.time() - here.settings.master.metadata_age - 3600
    os.utime(noted, (old, old))
    (told,) = [text for text in check(web)[1]["warnings"] if "was read last" in text]
    assert told.startswith("The repository main was read last on ") and "25 hours ago" in told
