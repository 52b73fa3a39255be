# SPDX-License-Identifier: MIT
"""The API: what it takes and gives, and problem documents for what it refuses."""

from __future__ import annotations

import dataclasses
import hashlib
from typing import Any

import pytest
import sqlalchemy.exc
from flask.testing import FlaskClient

from ondemand_web import app
from ondemand_web.builds import services as builds
from ondemand_web.builds.models import Build
from ondemand_web.people import services as people
from ondemand_web.queue import services as queue
from ondemand_web.queue import views as queue_views
from ondemand_web.service import Service
from tests import master_parts as parts

WORKER = "/api/v1/worker"


@pytest.fixture
def worker(here: Service) -> dict[str, str]:
    token = people.add_builder(here.database, "one")
    queue.register(here.database, "one", "instance-1", here.settings.queue)
    return {"Authorization": f"Bearer {token}"}


def begin(here: Service, web: FlaskClient, worker: dict[str, str]) -> str:
    """A running attempt; gives its address."""
    build_id = parts.queued(here)
    body = {"claim_id": "claim-0001", "instance": "instance-1", "capabilities": parts.CAN.model_dump(mode="json")}
    assert web.post(f"{WORKER}/claims", json=body, headers=worker).status_code == 200
    return f"{WORKER}/builds/{build_id}/attempts/1"


def test_a_submission_is_answered_at_once_with_id_and_page(web: FlaskClient) -> None:
    answer = web.post("/api/v1/builds", json={"release": "f44", "builds": ["bash-5.3.3-1.fc44"]})
    assert answer.status_code == 202
    assert answer.json == {"id": 1, "state": "received", "page": "http://master.example/builds/1"}


def test_the_same_key_makes_one_build_and_another_body_is_refused(web: FlaskClient) -> None:
    key = {"Idempotency-Key": "k1"}
    one = web.post("/api/v1/builds", json={"release": "f44"}, headers=key)
    two = web.post("/api/v1/builds", json={"release": "f44"}, headers=key)
    other = web.post("/api/v1/builds", json={"release": "f43"}, headers=key)
    assert one.json == two.json
    assert (other.status_code, other.get_json()["code"]) == (422, "idempotency-mismatch")


def test_who_comes_second_with_a_key_at_the_same_moment_gets_the_first_one_s_build(
    web: FlaskClient, here: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, submit = {"Idempotency-Key": "k1"}, builds._submit

    def overtaken(*args: Any) -> Build:
        monkeypatch.setattr(builds, "_submit", submit)
        submit(*args)
        raise sqlalchemy.exc.IntegrityError("INSERT INTO submission", None, Exception("duplicate key"))

    monkeypatch.setattr(builds, "_submit", overtaken)
    answer = web.post("/api/v1/builds", json={"release": "f44"}, headers=key)
    assert (answer.status_code, answer.get_json()["id"]) == (202, 1)
    assert len(web.get("/api/v1/builds").get_json()["builds"]) == 1


@pytest.mark.parametrize(
    ("body", "code", "status"),
    [
        ({"release": "f44", "image_type": "floppy"}, "invalid-request", 422),
        ({"release": "f44", "surprise": 1}, "invalid-request", 422),
        ({}, "invalid-request", 422),
        ({"release": "f44", "kickstart": "%post\nid\n%end\n"}, "not-permitted", 403),
        ({"release": "f44", "kickstart": "repo --name=x --baseurl=http://x\n"}, "not-permitted", 403),
        ({"release": "f44", "kickstart": "url --url=http://x\n"}, "not-permitted", 403),
        ({"release": "f44", "kickstart": "x" * 5_000_000}, "invalid-request", 422),
        ({"release": "f44", "kickstart": "lang C\n\0"}, "invalid-request", 422),
        ({"release": "f44", "repositories": [{"name": "x", "url": "http://x"}]}, "not-permitted", 403),
        ({"release": "f44", "builds": ["bash-5.3-1.fc44", "task:12345"]}, "not-permitted", 403),
    ],
)
def test_what_is_refused_is_a_problem_document(web: FlaskClient, body: Any, code: str, status: int) -> None:
    answer = web.post("/api/v1/builds", json=body)
    assert answer.status_code == status
    assert answer.content_type == "application/problem+json"
    assert answer.get_json()["code"] == code
    assert answer.get_json()["detail"].endswith(".")


@pytest.mark.parametrize(
    ("url", "status"),
    [
        ("https://repo.example.org/{arch}", 202),
        ("https://repo.example.org.evil.example/", 403),
        ("https://user:secret@repo.example.org/", 403),
    ],
)
def test_a_repository_on_a_host_that_is_not_allowed_is_refused_at_once(here: Service, url: str, status: int) -> None:
    limits = {"own_code": ("alice",), "repository_hosts": ("repo.example.org",)}
    master = here.settings.master.model_copy(update=limits)
    allowing = dataclasses.replace(here, settings=here.settings.model_copy(update={"master": master}))
    body = {"release": "f44", "repositories": [{"name": "mine", "url": url}]}
    answer = app.make(allowing).test_client().post("/api/v1/builds", json=body)
    assert answer.status_code == status
    if status == 403:
        assert answer.get_json()["code"] == "not-permitted" and "secret" not in answer.get_json()["detail"]


def test_a_backend_that_is_not_there_is_refused_and_not_waited_for(web: FlaskClient) -> None:
    answer = web.post("/api/v1/check", json={"release": "f44", "backend": "nosuch"})
    assert (answer.status_code, answer.get_json()["code"]) == (422, "unknown-image-type")
    assert "no backend «nosuch»" in answer.get_json()["detail"]


def test_the_line_that_needs_a_permission_is_named(web: FlaskClient) -> None:
    kickstart = "lang C\nrepo --name=fedora\nliveimg --url=http://x/y\n%post\nid\n%end\n"
    answer = web.post("/api/v1/builds", json={"release": "f44", "kickstart": kickstart}).get_json()
    assert answer["details"] == ["the script in line 4 of the kickstart", "`liveimg` in line 3 of the kickstart"]


def test_an_unknown_build_and_address_are_problem_documents(web: FlaskClient) -> None:
    assert web.get("/api/v1/builds/99").get_json()["code"] == "unknown-build"
    missing = web.get("/api/v1/nothing")
    assert (missing.status_code, missing.content_type) == (404, "application/problem+json")


def test_a_build_is_shown_listed_and_canceled(web: FlaskClient, here: Service) -> None:
    build_id = parts.queued(here)
    shown = web.get(f"/api/v1/builds/{build_id}").get_json()
    assert shown["wanted"][0]["origin"] == "side repository"
    assert web.post(f"/api/v1/builds/{build_id}/cancel").get_json()["state"] == "canceled"
    assert [item["state"] for item in web.get("/api/v1/builds").get_json()["builds"]] == ["canceled"]


def test_mail_addresses_are_shown_to_nobody_but_the_owner(web: FlaskClient, here: Service) -> None:
    parts.queued(here, notify=["tester@example.org"])
    owner, other = ({"Authorization": f"Bearer {people.add_person(here.database, name)}"} for name in ("alice", "bob"))
    for headers, shown in ((owner, ["tester@example.org"]), (other, []), ({}, []), ({"Authorization": "Bearer x"}, [])):
        one = web.get("/api/v1/builds/1", headers=headers).get_json()
        (listed,) = web.get("/api/v1/builds", headers=headers).get_json()["builds"]
        assert one["request"]["notify"] == listed["request"]["notify"] == shown


def test_a_builder_learns_no_mail_address(web: FlaskClient, here: Service, worker: dict[str, str]) -> None:
    parts.queued(here, notify=["tester@example.org"])
    body = {"claim_id": "claim-0001", "instance": "instance-1", "capabilities": parts.CAN.model_dump(mode="json")}
    assert "tester@example.org" not in web.post(f"{WORKER}/claims", json=body, headers=worker).text


def test_an_empty_key_is_no_key(web: FlaskClient) -> None:
    answer = web.post("/api/v1/builds", json={"release": "f44"}, headers={"Idempotency-Key": ""})
    assert (answer.status_code, answer.get_json()["code"]) == (422, "invalid-request")


@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("/api/v1/builds/99999999999999999999", 404),
        ("/builds/99999999999999999999", 404),
        ("/api/v1/builds?before=99999999999999999999", 200),
        ("/api/v1/builds?before=-99999999999999999999", 200),
        ("/?before=99999999999999999999", 200),
        ("/api/v1/builds/1/log?step=build&attempt=99999999999999999999", 422),
        ("/api/v1/builds/1/events?after=99999999999999999999", 422),
    ],
)
def test_a_number_that_no_column_holds_is_no_trouble_of_the_service(web: FlaskClient, address: str, status: int) -> None:
    assert web.get(address).status_code == status


def test_another_s_build_can_not_be_canceled(web: FlaskClient, here: Service) -> None:
    build_id = parts.queued(here, "bob")
    assert web.post(f"/api/v1/builds/{build_id}/cancel").status_code == 403


def test_the_worker_api_wants_a_token(web: FlaskClient) -> None:
    answer = web.post(f"{WORKER}/registration", json={"instance": "instance-1"})
    assert (answer.status_code, answer.get_json()["code"]) == (401, "not-authenticated")


def test_a_log_is_appended_and_read_by_offset(web: FlaskClient, here: Service, worker: dict[str, str]) -> None:
    attempt = begin(here, web, worker)
    log = f"{attempt}/logs/build"
    assert web.put(f"{log}?offset=0", data=b"one\n", headers=worker).get_json() == {"size": 4}
    wrong = web.put(f"{log}?offset=0", data=b"two\n", headers=worker)
    assert (wrong.status_code, wrong.get_json()["size"]) == (409, 4)
    web.put(f"{log}?offset=4", data=b"two\n", headers=worker)
    read = web.get("/api/v1/builds/1/log?step=build&from=4")
    assert (read.data, read.headers["X-Log-Size"], read.headers["X-Log-Done"]) == (b"two\n", "8", "no")


def test_a_piece_past_the_log_s_limit_leaves_nothing(
    web: FlaskClient, here: Service, worker: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue_views, "LOG_LIMIT", 6)
    log = f"{begin(here, web, worker)}/logs/build"
    web.put(f"{log}?offset=0", data=b"one\n", headers=worker)
    over = web.put(f"{log}?offset=4", data=b"two\n", headers=worker)
    assert over.get_json()["code"] == "invalid-request" and "send no more of it" in over.get_json()["detail"]
    assert web.put(f"{log}?offset=4", data=b"!\n", headers=worker).get_json() == {"size": 6}


def test_the_log_of_an_attempt_that_is_not_there_is_not_found(
    web: FlaskClient, here: Service, worker: dict[str, str]
) -> None:
    begin(here, web, worker)
    address = "/api/v1/builds/1/log?step=build&attempt="
    assert (web.get(f"{address}1").status_code, web.get(f"{address}1").data) == (200, b"")
    missing = web.get(f"{address}5")
    assert (missing.status_code, missing.get_json()["code"]) == (404, "unknown-build")


def test_the_log_of_a_build_that_waits_can_still_grow(web: FlaskClient, here: Service) -> None:
    log = f"/api/v1/builds/{parts.queued(here)}/log?step=build"
    assert web.get(log).headers["X-Log-Done"] == "no"
    web.post("/api/v1/builds/1/cancel")
    assert web.get(log).headers["X-Log-Done"] == "yes"


def test_an_error_that_could_not_be_shown_is_refused(web: FlaskClient, here: Service, worker: dict[str, str]) -> None:
    attempt = begin(here, web, worker)
    for error in ({"happened": "x"}, {"code": "tool-failed", "class": "bad luck", "sentence": "x."}):
        answer = web.post(f"{attempt}/finish", json={"error": error}, headers=worker)
        assert (answer.status_code, answer.get_json()["code"]) == (422, "invalid-request")
    assert web.post(f"{attempt}/beat", headers=worker).status_code == 200


def test_a_release_that_was_taken_away_ends_the_build_and_not_the_builder(
    web: FlaskClient, here: Service, worker: dict[str, str]
) -> None:
    build_id = parts.queued(here)
    with here.database.writing() as session:
        session.get_one(Build, build_id).release = "f12"
    body = {"claim_id": "claim-0001", "instance": "instance-1", "capabilities": parts.CAN.model_dump(mode="json")}
    assert web.post(f"{WORKER}/claims", json=body, headers=worker).status_code == 204
    shown = web.get(f"/api/v1/builds/{build_id}").get_json()
    assert (shown["state"], shown["error"]["code"]) == ("failed", "unknown-release")


def test_another_builder_s_attempt_is_out_of_reach(web: FlaskClient, here: Service, worker: dict[str, str]) -> None:
    attempt = begin(here, web, worker)
    other = {"Authorization": f"Bearer {people.add_builder(here.database, 'two')}"}
    assert web.post(f"{attempt}/beat", headers=other).get_json()["code"] == "lease-lost"
    assert web.put(f"{attempt}/artifacts/x?offset=0", data=b"x", headers=other).status_code == 409


def test_an_upload_of_another_size_is_refused(web: FlaskClient, here: Service, worker: dict[str, str]) -> None:
    attempt = begin(here, web, worker)
    file = {"name": "x.iso", "role": "image", "size": 3, "sha256": hashlib.sha256(b"abc").hexdigest()}
    web.put(f"{attempt}/artifacts/x.iso?offset=0", data=b"ab", headers=worker)
    wrong = web.post(f"{attempt}/artifacts/x.iso/complete", json=file, headers=worker)
    assert wrong.get_json()["code"] == "wrong-digest"
    web.put(f"{attempt}/artifacts/x.iso?offset=0", data=b"abc", headers=worker)
    assert web.post(f"{attempt}/artifacts/y.iso/complete", json=file, headers=worker).status_code == 422
    assert web.post(f"{attempt}/artifacts/x.iso/complete", json=file, headers=worker).status_code == 202
    listed = web.get(f"{attempt}/artifacts", headers=worker).get_json()["artifacts"]
    assert [item["state"] for item in listed] == ["uploaded"]


def test_what_was_completed_can_not_change(web: FlaskClient, here: Service, worker: dict[str, str]) -> None:
    upload = f"{begin(here, web, worker)}/artifacts/x.iso"
    file = {"name": "x.iso", "role": "image", "size": 3, "sha256": hashlib.sha256(b"abc").hexdigest()}
    web.put(f"{upload}?offset=0", data=b"abc", headers=worker)
    answers = [web.post(f"{upload}/complete", json=file, headers=worker) for _ in range(2)]
    answers += [web.post(f"{upload}/complete", json={**file, "sha256": "0" * 64}, headers=worker)]
    answers += [web.put(f"{upload}?offset=3", data=b"d", headers=worker)]
    assert [answer.status_code for answer in answers] == [202, 202, 409, 409]
    assert {answer.get_json()["code"] for answer in answers[2:]} == {"state-conflict"}


def test_a_whole_piece_is_taken_and_a_larger_one_is_not(
    web: FlaskClient, here: Service, worker: dict[str, str]
) -> None:
    upload = f"{begin(here, web, worker)}/artifacts/x.iso"
    terminated = {"wsgi.input_terminated": True}
    whole = web.put(f"{upload}?offset=0", data=bytes(8 << 20), headers=worker, environ_overrides=terminated)
    assert whole.get_json() == {"size": 8 << 20}
    more = web.put(f"{upload}?offset={8 << 20}", data=bytes(9 << 20), headers=worker, environ_overrides=terminated)
    assert (more.status_code, more.content_type) == (413, "application/problem+json")


@pytest.mark.parametrize("name", ["..%2Fx", ".hidden", "a b"])
def test_a_name_that_could_leave_the_folder_is_refused(
    web: FlaskClient, here: Service, worker: dict[str, str], name: str
) -> None:
    attempt = begin(here, web, worker)
    assert web.put(f"{attempt}/artifacts/{name}?offset=0", data=b"x", headers=worker).status_code in (404, 422)


def test_releases_tell_what_can_be_asked(web: FlaskClient) -> None:
    found = {item["name"]: item for item in web.get("/api/v1/releases").get_json()["releases"]}
    assert found["f44"]["image_types"] == {"live": "kiwi", "dvd": "dvd"} and found["f44"]["dist_tag"] == "fc44"


def test_the_api_describes_itself(web: FlaskClient) -> None:
    paths = web.get("/api/v1/openapi/openapi.json").get_json()["paths"]
    assert "/api/v1/builds" in paths
