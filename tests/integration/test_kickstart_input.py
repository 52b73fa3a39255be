# SPDX-License-Identifier: MIT
"""Large and unusual kickstarts all the way through the check, on the demo distribution."""

from __future__ import annotations

import pathlib
import time
from collections.abc import Iterator
from typing import Any

import pytest
from flask.testing import FlaskClient

from demo import site
from ondemand_web import service
from ondemand_web.builds import checks
from ondemand_web.builds.models import BuildLock
from tests import master_parts


@pytest.fixture
def here(distribution: pathlib.Path, servers: str, tmp_path: pathlib.Path) -> Iterator[service.Service]:
    """A master that offers the demo release and has read its repositories."""
    made = site.write(tmp_path, distribution, servers)
    with master_parts.offering(made, tmp_path) as started:
        yield started


def check(web: FlaskClient, *lines: str) -> tuple[int, dict[str, Any], float]:
    """Status, body and seconds of a check of these lines in %packages."""
    began = time.monotonic()
    answer = web.post("/api/v1/check", json={"release": "demo", "kickstart": "\n".join(["%packages", *lines, "%end", ""])})
    return answer.status_code, answer.get_json(), time.monotonic() - began


def test_ten_thousand_names_that_there_are_not_are_all_told_in_seconds(web: FlaskClient) -> None:
    status, body, seconds = check(web, *(f"nothing-{number}" for number in range(10_000)))
    assert (status, body["code"], len(body["details"])) == (422, "unknown-reference", 10_000)
    assert seconds < 20


def test_ten_thousand_names_left_out_change_nothing(web: FlaskClient) -> None:
    plain, long = check(web, "@core"), check(web, "@core", *(f"-nothing-{number}" for number in range(10_000)))
    assert (plain[0], long[0], plain[1]["packages"]) == (200, 200, long[1]["packages"]) and long[2] < 20


def test_a_few_unknown_names_are_guessed(web: FlaskClient) -> None:
    assert "near it: ondemand-hello" in check(web, "ondemand-helo")[1]["detail"]


def test_an_addon_is_kept_for_who_makes_the_image_elsewhere(here: service.Service, web: FlaskClient) -> None:
    text = "lang C\n%packages\n@core\n%end\n%addon org_fedora_oscap\n  profile = standard\n%end\n"
    build_id = web.post("/api/v1/builds", json={"release": "demo", "kickstart": text, "add_packages": ["ondemand-hello"]}).get_json()["id"]
    assert checks.check_next(here)
    assert web.get(f"/api/v1/builds/{build_id}").get_json()["state"] == "queued"
    with here.database.reading() as session:
        kept = session.get_one(BuildLock, build_id).kickstart
    assert "%addon org_fedora_oscap\n  profile = standard\n" in kept and "ondemand-hello" in kept
