# SPDX-License-Identifier: MIT
"""The form for a new build: it submits what the API would, shows faults above the fields, and obeys no other site."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from ondemand_web import app
from ondemand_web.builds import services as builds
from ondemand_web.service import Service
from tests import master_parts as parts


@pytest.fixture
def web(here: Service) -> FlaskClient:
    client = app.make(here).test_client()
    client.environ_base["HTTP_ACCEPT"] = "text/html"
    return client


BUILDS = "bash-5.3.3-1.fc44,\n FEDORA-2026-0123456789 zsh-5.9-1.fc44,draft_7,"
SENT = {"release": "f44", "image_type": "live", "builds": BUILDS, "do": "build"}


def test_a_form_makes_the_build_and_leads_to_its_page(web: FlaskClient, here: Service) -> None:
    answer = web.post("/new", data={**SENT, "title": "Try <it>", "notify": "a@b.example"})
    assert (answer.status_code, answer.headers["Location"]) == (303, "/builds/1")
    with here.database.reading() as session:
        request = builds.request_of(builds.get(session, 1))
    assert request.builds == ("bash-5.3.3-1.fc44", "FEDORA-2026-0123456789", "zsh-5.9-1.fc44,draft_7")
    assert request.title == "Try <it>"


def test_the_same_form_sent_twice_makes_one_build(web: FlaskClient) -> None:
    one, two = (web.post("/new", data={**SENT, "key": "k-1"}).headers["Location"] for _ in range(2))
    assert one == two == "/builds/1"


def test_a_fault_is_shown_above_the_form_as_it_was_sent(web: FlaskClient) -> None:
    answer = web.post("/new", data={**SENT, "builds": "<b>what</b>"})
    assert answer.status_code == 422 and "&lt;b&gt;what&lt;/b&gt;</textarea>" in answer.text
    assert "Error <code>invalid-request</code>" in answer.text and "<b>what" not in answer.text


def test_a_check_that_can_not_be_made_says_why(web: FlaskClient) -> None:
    answer = web.post("/new", data={**SENT, "builds": "", "do": "check"})
    assert answer.status_code == 503 and "has not read that repository yet" in answer.text


@pytest.mark.parametrize("header", [{"Origin": "http://evil.example"}, {"Sec-Fetch-Site": "cross-site"}])
def test_another_site_s_form_is_refused(web: FlaskClient, header: dict[str, str]) -> None:
    assert web.post("/new", data=SENT, headers=header).status_code == 403
    assert web.get("/api/v1/builds/1").status_code == 404


def test_a_wrong_token_is_refused_and_not_shown_again(web: FlaskClient) -> None:
    answer = web.post("/new", data={**SENT, "token": "hunter2secret"})
    assert answer.status_code == 401 and "hunter2secret" not in answer.text


def test_own_code_needs_its_permission_here_too(web: FlaskClient) -> None:
    answer = web.post("/new", data={**SENT, "builds": "", "kickstart": "%post\nid\n%end\n"})
    assert answer.status_code == 403 and "<details open>" in answer.text


def test_the_empty_form_offers_the_releases_and_is_reached_from_every_page(web: FlaskClient, here: Service) -> None:
    page = web.get("/new?builds=bash-5.3.3-1.fc44").text
    assert '<option value="f44">Fedora 44</option>' in page and "bash-5.3.3-1.fc44</textarea>" in page
    assert '<option value="fedora-live">fedora-live</option>' in page
    assert 'href="/new"' in web.get(f"/builds/{parts.queued(here)}").text


def test_a_preset_that_is_chosen_is_asked_for_and_the_release_s_own_is_none(web: FlaskClient, here: Service) -> None:
    for chosen in ("fedora-live", ""):
        web.post("/new", data={**SENT, "builds": "", "preset": chosen})
    with here.database.reading() as session:
        assert [builds.request_of(builds.get(session, number)).preset for number in (1, 2)] == ["fedora-live", None]
