# SPDX-License-Identifier: MIT
"""Sets by the API: versions, owners, and what may not be in one."""

from __future__ import annotations

import concurrent.futures
from typing import Any

import pytest
import sqlalchemy.exc
from flask.testing import FlaskClient

from ondemand.reference_sets import SetChange
from ondemand_web.people import services as people
from ondemand_web.service import Service
from ondemand_web.sets import services as sets

URL = "/api/v1/sets/blockers"
ONE, TWO = "FEDORA-2026-0123456789", "bash-5.3.3-1.fc44"


def put(web: FlaskClient, *texts: str, token: str = "", **fields: Any) -> tuple[int, dict[str, Any]]:
    """Status and body of a change."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    answer = web.put(URL, json={"references": texts, **fields}, headers=headers)
    return answer.status_code, answer.get_json()


def test_every_change_is_a_version_and_the_old_ones_stay(web: FlaskClient) -> None:
    assert put(web, ONE)[1]["version"] == 1 and put(web, ONE, TWO, ONE)[1]["version"] == 2
    newest, first = web.get(URL).get_json(), web.get(f"{URL}?version=1").get_json()
    assert (newest["references"], newest["owner"], newest["newest"]) == ([ONE, TWO], "alice", 2)
    assert (first["references"], first["version"], first["newest"]) == ([ONE], 1, 2)
    assert [each["version"] for each in web.get("/api/v1/sets").get_json()["sets"]] == [2]


def test_a_change_of_what_another_changed_meanwhile_is_refused(web: FlaskClient) -> None:
    assert put(web, ONE, based_on=0)[0] == 200
    status, problem = put(web, TWO, based_on=0)
    assert (status, problem["code"]) == (409, "state-conflict") and "is at version 1, not 0" in problem["detail"]
    assert put(web, TWO, based_on=1)[0] == 200


def overtaken(monkeypatch: pytest.MonkeyPatch, here: Service, who: str) -> None:
    """Lets `who` make the set first, as PostgreSQL lets another transaction do between our look and our row."""
    put_once = sets._put

    def late(*args: Any) -> Any:
        monkeypatch.setattr(sets, "_put", put_once)
        put_once(args[0], args[1], SetChange(references=(ONE,)), who, here.settings.master)
        raise sqlalchemy.exc.IntegrityError("INSERT INTO reference_set", None, Exception("duplicate key"))

    monkeypatch.setattr(sets, "_put", late)


@pytest.mark.parametrize(
    ("who", "fields", "status", "said"),
    [
        ("alice", {}, 200, ""),
        ("alice", {"based_on": 0}, 409, "Set blockers is at version 1, not 0"),
        ("bob", {}, 403, "it belongs to bob"),
    ],
)
def test_who_makes_a_set_at_the_same_moment_as_another_is_answered_as_if_after_him(
    web: FlaskClient, here: Service, monkeypatch: pytest.MonkeyPatch, who: str, fields: dict[str, Any], status: int, said: str
) -> None:
    overtaken(monkeypatch, here, who)
    found, body = put(web, TWO, **fields)
    assert found == status and said in body.get("detail", "")
    assert web.get(URL).get_json()["newest"] == (2 if status == 200 else 1)


def test_many_who_make_a_set_at_once_make_a_version_each(here: Service) -> None:
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        made = pool.map(lambda _: sets.put(here.database, "many", SetChange(references=(ONE,)), "alice", here.settings.master), range(8))
    assert sorted(each.version for each in made) == list(range(1, 9))


def test_a_removed_set_is_gone_and_its_numbers_never_come_twice(web: FlaskClient) -> None:
    put(web, ONE)
    assert web.delete(URL).status_code == 204 and web.delete(URL).status_code == 404
    assert web.get(URL).get_json()["code"] == "unknown-set" and web.get("/api/v1/sets").get_json()["sets"] == []
    assert put(web, TWO, based_on=0)[1]["version"] == 2


def test_only_its_owner_and_those_whom_the_operator_allows_may_change_it(here: Service, web: FlaskClient) -> None:
    put(web, ONE)
    bob = people.add_person(here.database, "bob")
    status, problem = put(web, TWO, token=bob)
    assert (status, problem["code"]) == (403, "not-permitted") and "belongs to alice" in problem["detail"]
    assert web.delete(URL, headers={"Authorization": f"Bearer {bob}"}).status_code == 403
    here.settings.master.__dict__["set_editors"] = ("bob",)
    assert put(web, TWO, token=bob)[1]["owner"] == "alice"


@pytest.mark.parametrize("texts", [[], ["no sense"], ["set:other"], ["task:12345"], ["upload:" + "0" * 64], ["bash"] * 201])
def test_what_everybody_uses_holds_only_what_all_may_ask_for(web: FlaskClient, texts: list[str]) -> None:
    assert put(web, *texts)[0] == 422


@pytest.mark.parametrize(("query", "status"), [("?version=2", 404), ("?version=0", 422), ("?version=x", 422)])
def test_a_version_that_there_is_not_is_said(web: FlaskClient, query: str, status: int) -> None:
    put(web, ONE)
    assert web.get(f"{URL}{query}").status_code == status


def test_a_name_has_its_form(web: FlaskClient) -> None:
    assert web.put("/api/v1/sets/Not_one", json={"references": [ONE]}).status_code == 422
