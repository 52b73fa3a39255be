# SPDX-License-Identifier: MIT
"""Builds made again: by the same lock nothing changes but what the service allows today."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from flask.testing import FlaskClient

from ondemand import releases
from ondemand_web.builds import checks
from ondemand_web.builds import services as builds
from ondemand_web.builds.models import Build, BuildLock
from ondemand_web.people import services as people
from ondemand_web.service import Service
from tests import master_parts as parts


def again(
    web: FlaskClient, lock: str = "same", build_id: int = 1, headers: dict[str, str] | None = None
) -> tuple[int, dict[str, Any]]:
    """Status and body of the answer."""
    answer = web.post(f"/api/v1/builds/{build_id}/rebuild", json={"lock": lock}, headers=headers)
    return answer.status_code, answer.get_json()


def checked(here: Service, web: FlaskClient, build_id: int) -> dict[str, Any]:
    """The build's record after its check."""
    assert checks.check_next(here)
    return dict(web.get(f"/api/v1/builds/{build_id}").get_json())


def test_by_the_same_lock_it_is_queued_with_that_lock_and_no_server_is_asked(here: Service, web: FlaskClient) -> None:
    parts.queued(here, title="One")
    status, body = again(web)
    record = checked(here, web, body["id"])
    assert (status, body["state"], record["state"], record["error"]) == (202, "received", "queued", None)
    assert (record["rebuild_of"], record["same_lock"], record["request"]["title"]) == (1, True, "One")
    with here.database.reading() as session:
        old, new = session.get_one(BuildLock, 1), session.get_one(BuildLock, body["id"])
        assert (old.body, old.kickstart) == (new.body, new.kickstart) and new.digest == parts.LOCK.digest()
    (event,) = (item for item in web.get("/api/v1/builds/2/events").get_json()["events"] if item["seq"] == 1)
    assert event["body"]["reason"] == "build 1 again, by the same lock"


def test_what_its_backend_refuses_is_refused_before_it_is_queued(here: Service, web: FlaskClient) -> None:
    parts.queued(here, title="It's")
    with here.database.writing() as session:
        session.get_one(Build, 1).backend = "livecd"
    error = checked(here, web, again(web)[1]["id"])["error"]
    assert error["code"] == "invalid-request" and "can't be put into the boot menu" in error["sentence"]


def test_with_a_new_lock_it_is_checked_as_any_other(here: Service, web: FlaskClient) -> None:
    parts.queued(here, builds=["bash-5.3-1.fc44"])
    build_id = again(web, "new")[1]["id"]
    with here.database.reading() as session:
        old, new = builds.get(session, 1), builds.get(session, build_id)
        assert (new.rebuild_of, new.same_lock, new.request) == (1, False, old.request)
    assert web.post("/api/v1/builds/1/rebuild", json={}).status_code == 202


def test_a_build_that_was_refused_has_no_lock_to_take(here: Service, web: FlaskClient) -> None:
    parts.submit(here)
    status, problem = again(web)
    assert (status, problem["code"]) == (409, "state-conflict") and "Build 1 has no lock" in problem["detail"]
    assert again(web, "new")[0] == 202 and again(web, build_id=9)[0] == 404
    assert again(web, "old")[1]["code"] == "invalid-request"


def test_a_release_that_takes_signed_packages_only_now_refuses_an_unsigned_lock(here: Service, web: FlaskClient) -> None:
    parts.queued(here)
    file = here.settings.master.config / "releases" / "f44.toml"
    file.write_text(file.read_text().replace("allow-unsigned-from-koji", "require-signed"))
    record = checked(dataclasses.replace(here, releases=releases.Releases(file.parent)), web, again(web)[1]["id"])
    assert (record["state"], record["error"]["code"]) == ("refused", "wrong-signature")
    assert "bash-5.3-1.fc44.x86_64 is not signed, and release f44 takes signed packages only" in record["error"]["sentence"]


def test_a_key_that_the_release_no_longer_has_is_not_trusted(here: Service, web: FlaskClient) -> None:
    parts.queued(here)
    signed = parts.LOCK.packages[0].model_copy(update={"trust": "signed:0123456789abcdef"})
    with here.database.writing() as session:
        body = parts.LOCK.model_copy(update={"packages": (signed, signed)}).model_dump(mode="json")
        session.get_one(BuildLock, 1).body = body
    error = checked(here, web, again(web)[1]["id"])["error"]
    assert error["code"] == "wrong-signature" and len(error["details"]) == 2
    assert "is signed by key 0123456789abcdef, which release f44 does not trust any more (and 1 more)" in error["sentence"]


@pytest.mark.parametrize("part", ["tree", "side"])
def test_what_lies_beside_the_image_s_packages_has_to_be_trusted_too(here: Service, web: FlaskClient, part: str) -> None:
    parts.queued(here)
    signed = parts.LOCK.packages[0].model_copy(update={"name": "nano", "trust": "signed:0123456789abcdef"})
    with here.database.writing() as session:
        session.get_one(BuildLock, 1).body = parts.LOCK.model_copy(update={part: (signed,)}).model_dump(mode="json")
    error = checked(here, web, again(web)[1]["id"])["error"]
    assert error["code"] == "wrong-signature" and "nano-5.3-1.fc44.x86_64 is signed by key" in error["sentence"]


@pytest.mark.parametrize(("field", "value", "code"), [("backend", "nosuch", "unknown-image-type"), ("backend", None, "unknown-image-type")])
def test_a_backend_that_is_gone_refuses_it(here: Service, web: FlaskClient, field: str, value: Any, code: str) -> None:
    parts.queued(here)
    with here.database.writing() as session:
        setattr(session.get_one(Build, 1), field, value)
    assert checked(here, web, again(web)[1]["id"])["error"]["code"] == code


def test_another_s_build_may_be_made_again_but_nobody_s_mail_address_is_used(here: Service, web: FlaskClient) -> None:
    parts.queued(here, "bob", notify=["bob@example.org"])
    build_id = again(web)[1]["id"]
    with here.database.reading() as session:
        build = builds.get(session, build_id)
    assert (build.owner, builds.request_of(build).notify) == ("alice", ())
    token = people.add_person(here.database, "bob")
    own = again(web, headers={"Authorization": f"Bearer {token}"})[1]["id"]
    with here.database.reading() as session:
        assert builds.request_of(builds.get(session, own)).notify == ("bob@example.org",)


@pytest.mark.parametrize("lock", ["same", "new"])
def test_own_code_needs_the_permission_of_who_builds_it_again(here: Service, web: FlaskClient, lock: str) -> None:
    parts.queued(here, "bob", kickstart="%post\nid\n%end\n")
    status, problem = again(web, lock)
    assert (status, problem["code"]) == (403, "not-permitted")


def test_a_key_makes_repeating_harmless_and_goes_with_one_lock_alone(here: Service, web: FlaskClient) -> None:
    parts.queued(here)
    key = {"Idempotency-Key": "k1"}
    assert again(web, headers=key) == again(web, headers=key)
    assert again(web, "new", headers=key)[1]["code"] == "idempotency-mismatch"


def test_the_page_of_an_ended_build_offers_both_and_leads_to_the_new_one(here: Service, web: FlaskClient) -> None:
    parts.queued(here)
    assert "Build again" not in web.get("/builds/1").text
    web.post("/api/v1/builds/1/cancel")
    page = web.get("/builds/1").text
    assert 'value="new">Build again<' in page and 'value="same">Build again by this lock<' in page
    answer = web.post("/builds/1/rebuild", data={"lock": "same", "key": "k-1"})
    assert (answer.status_code, answer.headers["Location"]) == (303, "/builds/2")
    assert 'href="/builds/1">build 1</a>, by the same lock' in web.get("/builds/2").text


def test_a_form_of_another_site_builds_nothing_again(here: Service, web: FlaskClient) -> None:
    parts.queued(here)
    assert web.post("/builds/1/rebuild", data={}, headers={"Origin": "http://evil.example"}).status_code == 403
    assert web.get("/builds/2").status_code == 404
