# SPDX-License-Identifier: MIT
"""Wishes and rules by API, pages and commands: what they take, show and refuse."""

from __future__ import annotations

import pathlib
from collections.abc import Iterator
from typing import Any

import pytest
from flask.testing import FlaskClient
from typer import testing

from ondemand import errors
from ondemand.client import Client
from ondemand.commands import main
from ondemand.wishes import DecisionState
from ondemand_web import app
from ondemand_web.people import services as people
from ondemand_web.service import Service
from tests import master_parts
from tests import wish_parts as parts

URL = "/api/v1/wishes"
BODY = parts.facts().model_dump(mode="json")


@pytest.fixture
def made(here: Service, tmp_path: pathlib.Path) -> Service:
    """A service whose anonymous owner brings messages and pauses rules."""
    here.settings.master.__dict__.update(wishers=("alice",), operators=("alice",))
    return parts.ruled(here, tmp_path)


@pytest.fixture
def web(made: Service) -> FlaskClient:
    return app.make(made).test_client()


@pytest.fixture
def browser(web: FlaskClient) -> FlaskClient:
    web.environ_base["HTTP_ACCEPT"] = "text/html"
    return web


@pytest.fixture
def url(made: Service) -> Iterator[str]:
    """The address of the running service."""
    with master_parts.served(made) as address:
        yield address


def test_a_new_message_is_accepted_and_a_repeated_one_has_the_same_answer(web: FlaskClient) -> None:
    one, two = web.post(URL, json=BODY), web.post(URL, json={**BODY, "again": True})
    assert (one.status_code, two.status_code) == (202, 200)
    assert one.json == two.json == {"id": 1, "page": "http://master.example/wishes/1"}
    assert one.headers["Location"] == f"{URL}/1"


@pytest.mark.parametrize("wrong", [{"at": "noon"}, {"happened": "burnt"}, {"subject": "a b"}, {"more": 1}, {"builds": "x"}])
def test_a_malformed_message_is_told_by_field(web: FlaskClient, wrong: dict[str, Any]) -> None:
    answer = web.post(URL, json={**BODY, **wrong})
    assert (answer.status_code, answer.get_json()["code"]) == (422, "invalid-request")
    assert next(iter(wrong)) in answer.get_json()["detail"]


def test_only_those_whom_the_operator_names_bring_messages_and_pause_rules(made: Service, web: FlaskClient) -> None:
    bob = {"Authorization": f"Bearer {people.add_person(made.database, 'bob')}"}
    for address, body in ((URL, BODY), (f"{URL}/replay", {"facts": []}), ("/api/v1/triggers/all/pause", None)):
        answer = web.post(address, json=body, headers=bob)
        assert (answer.status_code, answer.get_json()["code"]) == (403, "not-permitted"), address
        assert web.post(address, json=body, headers={"Authorization": "Bearer x"}).status_code == 401


def test_wishes_are_listed_by_state_and_rule_and_page_by_page(made: Service, web: FlaskClient) -> None:
    parts.bring(made, *(parts.facts(n, n, subject=f"u-{n}", builds=(f"p{n}-1-1",)) for n in range(4)))
    parts.bring(made, parts.facts(9, content="flatpak"))
    parts.work(made)

    def ids(query: str) -> list[int]:
        return [each["id"] for each in web.get(f"{URL}?{query}").get_json()["wishes"]]

    assert (ids("limit=2"), ids("limit=2&before=4"), ids("state=skipped")) == ([5, 4], [3, 2], [5])
    assert (len(ids("rule=all")), ids("rule=other")) == (5, [])
    assert web.get(f"{URL}?state=none").status_code == web.get(f"{URL}?rule=a%00b").status_code == 422


def test_a_wish_is_shown_with_facts_and_decisions(made: Service, web: FlaskClient) -> None:
    parts.bring(made, parts.facts())
    parts.work(made)
    found = web.get(f"{URL}/1").get_json()
    assert found["facts"] == BODY and found["decided_at"] and found["note"] is None
    assert [(each["state"], each["build_id"]) for each in found["decisions"]] == [("ordered", 1)]
    assert web.get(f"{URL}/2").get_json()["code"] == "unknown-wish"


def test_a_replay_tells_and_writes_nothing(web: FlaskClient) -> None:
    answer = web.post(f"{URL}/replay", json={"facts": [BODY, parts.facts(2, release="F9").model_dump(mode="json")]})
    told = [[each["state"] for each in wish["decisions"]] for wish in answer.get_json()["wishes"]]
    assert told == [["ordered"], ["skipped"]]
    assert web.get(URL).get_json()["wishes"] == [] == web.get("/api/v1/builds").get_json()["builds"]


def test_a_replay_shows_what_a_rule_would_order_before_it_is_switched_on(made: Service, web: FlaskClient, tmp_path: pathlib.Path) -> None:
    parts.ruled(made, tmp_path, parts.rule(enabled=False))
    (wish,) = web.post(f"{URL}/replay", json={"facts": [BODY]}).get_json()["wishes"]
    (decision,) = wish["decisions"]
    assert decision["state"] == "ordered" and decision["reason"].endswith("Rule all is switched off.")


def test_a_replay_of_too_much_is_refused(web: FlaskClient) -> None:
    assert web.post(f"{URL}/replay", json={"facts": [BODY] * 1001}).status_code == 422


def test_the_commands_list_pause_and_resume_rules(made: Service, url: str) -> None:
    parts.bring(made, parts.facts())
    parts.work(made)

    def command(*words: str) -> str:
        environment = {"ONDEMAND_MASTER__URL": url, "ONDEMAND_CONF": "/dev/null", "COLUMNS": "200"}
        answer = testing.CliRunner().invoke(main.make(), ["trigger", *words], env=environment)
        return answer.exception.sentence if isinstance(answer.exception, errors.OndemandError) else answer.output

    assert "f44: 1 of 10" in command("list") and '"waiting": 0' in command("list", "--json")
    assert command("pause", "all") == "rule all: paused by alice, 0 waiting\n"
    assert "paused by alice" in command("list")
    assert command("resume", "all") == "rule all: runs, 0 waiting\n"
    assert "There is no trigger rule «none»" in command("pause", "none")


def test_the_client_lists_wishes(made: Service, url: str) -> None:
    parts.bring(made, parts.facts())
    parts.work(made)
    (found,) = Client(url).wishes(state=DecisionState.ORDERED, rule="all")
    assert found.facts == parts.facts() and found.decisions[0].build_id == 1


def test_the_page_shows_each_decision_with_its_reason_and_links(made: Service, browser: FlaskClient) -> None:
    parts.bring(made, parts.facts(), parts.facts(2, content="flatpak", subject="FEDORA-FLATPAK-2026-1"))
    parts.bring(made, parts.facts(3, happened="composed", subject="<b>", release="F44"))
    parts.work(made)
    text = browser.get("/wishes").text
    assert "Build 1 was ordered with FEDORA-2026-0123456789." in text and 'href="/builds/1"' in text
    assert 'href="https://bodhi.fedoraproject.org/updates/FEDORA-2026-0123456789"' in text
    assert "Its content is flatpak" in text and "f44: 1 of 10" in text
    assert "&lt;b&gt;" in text and "The repositories of release f44 are read anew." in text


def test_the_page_filters_and_leads_to_older_wishes(made: Service, browser: FlaskClient) -> None:
    parts.bring(made, *(parts.facts(n, n, content="flatpak", subject=f"u-{n}") for n in range(51)))
    parts.work(made)
    text = browser.get("/wishes?state=skipped&rule=all").text
    assert 'href="/wishes?state=skipped&amp;rule=all&amp;before=2"' in text and "u-50" in text
    assert "No message led to such a decision yet." in browser.get("/wishes?state=ordered").text
    assert browser.get("/wishes?rule=a%00b&before=99999999999999999999&state=x").status_code == 200


def test_a_service_without_messages_or_rules_says_so(made: Service, browser: FlaskClient) -> None:
    made.rules.__dict__["_rules"] = {}
    text = browser.get("/wishes").text
    assert "The operator has defined no rule" in text and "No message has come yet." in text


def test_a_wish_has_a_page(made: Service, browser: FlaskClient) -> None:
    parts.bring(made, parts.facts(critical_path=("core",), user="bob"))
    assert "It is judged in a moment." in browser.get("/wishes/1").text
    parts.work(made)
    text = browser.get("/wishes/1").text
    assert parts.BASH in text and "core" in text and "Build 1 was ordered" in text
    assert browser.get("/wishes/2").status_code == 404


def test_a_rule_is_paused_and_resumed_on_the_page(made: Service, browser: FlaskClient) -> None:
    assert browser.post("/wishes", data={"rule": "all", "do": "pause"}).headers["Location"] == "/wishes"
    assert "paused by alice since" in browser.get("/wishes").text
    browser.post("/wishes", data={"rule": "all", "do": "resume"})
    assert "paused by" not in browser.get("/wishes").text


@pytest.mark.parametrize(
    ("data", "headers", "status"),
    [
        ({"rule": "none"}, {}, 404),
        ({"rule": "all", "token": "wrong"}, {}, 401),
        ({"rule": "all"}, {"Origin": "http://evil.example"}, 403),
    ],
)
def test_a_pause_that_may_not_be_changes_nothing(
    browser: FlaskClient, data: dict[str, str], headers: dict[str, str], status: int
) -> None:
    assert browser.post("/wishes", data={"do": "pause", **data}, headers=headers).status_code == status
    assert "paused by" not in browser.get("/wishes").text


def test_no_operator_no_pause(made: Service, browser: FlaskClient) -> None:
    made.settings.master.__dict__["operators"] = ()
    answer = browser.post("/wishes", data={"do": "pause", "rule": "all"})
    assert answer.status_code == 403 and "alice may not pause or resume trigger rules" in answer.text
