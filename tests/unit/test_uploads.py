# SPDX-License-Identifier: MIT
"""Uploads by the API: what is taken, what is refused and how, and what is left after it."""

from __future__ import annotations

import hashlib
import pathlib
from typing import Any

import pytest
from flask.testing import FlaskClient

from ondemand_web import app
from ondemand_web.people import services as people
from ondemand_web.service import Service
from tests import master_parts
from tests import upload_parts as parts

RPM = parts.rpm()
DIGEST = hashlib.sha256(RPM).hexdigest()
ADDRESS = f"/uploads/{DIGEST}/ball-1-1.noarch.rpm"


@pytest.fixture
def web(here: Service) -> FlaskClient:
    """The API where alice and bob may bring code of their own."""
    change(here, own_code=("alice", "bob"))
    return app.make(here).test_client()


def change(here: Service, **values: Any) -> None:
    """Other settings of the master."""
    here.settings.master.__dict__.update(values)


def files(here: Service) -> list[pathlib.Path]:
    """What lies in the folder of uploads."""
    return [path for path in here.uploads.folder.rglob("*") if path.is_file() and path.name != ".lock"]


def test_an_rpm_is_kept_and_told_by_its_reference(here: Service, web: FlaskClient) -> None:
    status, told = parts.send(web, RPM)
    assert (status, told["reference"], told["nevra"]) == (201, f"upload:{DIGEST}", "ball-1-1.noarch")
    assert (told["size"], told["owner"], told["signed_by"]) == (len(RPM), "alice", None)
    assert told["url"] == f"http://master.example{ADDRESS}" and told["kept_until"] > told["last_used_at"]
    (file,) = files(here)
    assert file.read_bytes() == RPM


def test_the_same_file_twice_is_one_file_and_one_answer(here: Service, web: FlaskClient) -> None:
    first, second = parts.send(web, RPM)[1], parts.send(web, RPM)[1]
    changing = {"last_used_at", "kept_until"}
    assert {k: v for k, v in first.items() if k not in changing} == {k: v for k, v in second.items() if k not in changing}
    listed = web.get(parts.URL).get_json()
    assert (len(listed["uploads"]), listed["used"], len(files(here))) == (1, len(RPM), 1)


def test_its_bytes_are_served_with_range_to_who_knows_its_address(web: FlaskClient) -> None:
    parts.send(web, RPM)
    with web.get(ADDRESS) as whole, web.get(ADDRESS, headers={"Range": "bytes=10-"}) as part:
        assert (whole.data, part.status_code, part.data) == (RPM, 206, RPM[10:])
    wrong = (f"/uploads/{DIGEST}/other.rpm", f"/uploads/{'0' * 64}/ball-1-1.noarch.rpm", "/uploads/..%2f..%2fx/y")
    assert [web.get(address).status_code for address in wrong] == [404] * 3


WRONG: dict[str, tuple[bytes, str, str]] = {
    "nothing": (b"", "wrong-digest", "ends before its header does"),
    "a page": (b"<html>" * 99, "wrong-digest", "does not begin as one"),
    "cut in its header": (RPM[:300], "wrong-digest", "ends before its header does"),
    "cut in its payload": (RPM[:-1], "wrong-digest", f"has {len(RPM) - 1} bytes and its own header speaks of {len(RPM)}"),
    "longer than it says": (RPM + b"x", "wrong-digest", f"has {len(RPM) + 1} bytes"),
    "another payload": (RPM[:-1] + b"x", "wrong-digest", "its payload does not fit the SHA256"),
    "another header": (RPM.replace(b"ball-1-1.src", b"ball-1-2.src"), "wrong-digest", "its header does not fit the SHA256"),
    "no digests": (parts.rpm(main={5092: None}, signature={1004: None}), "wrong-digest", "no digest of its header or payload"),
    "a size only": (parts.rpm(signature={269: None, 273: None, 1004: None}), "wrong-digest", "no digest of its header or"),
    "an old digest": (parts.rpm(main={5092: None}, payload=b"x")[:-1] + b"y", "wrong-digest", "header or payload does not fit the MD5"),
    "a strange digest": (parts.rpm(main={5093: parts.number(99)}), "wrong-digest", "of an unknown kind"),
    "a source by its lead": (parts.rpm(kind=b"\0\1"), "invalid-request", "ball-1-1 is a source RPM"),
    "a source by its tags": (parts.rpm(main={1044: None}), "invalid-request", "is a source RPM"),
    "a source by its arch": (parts.rpm(arch="src"), "invalid-request", "is a source RPM"),
    "a path for a name": (parts.rpm("../../etc/x"), "invalid-request", "«../../etc/x» is no name"),
    "a line in a version": (parts.rpm(main={1001: parts.text("1\n2")}), "invalid-request", "is no version"),
    "a huge epoch": (parts.rpm(main={1003: parts.number(2**31)}), "invalid-request", "larger than any package's"),
    "a huge size": (parts.rpm(main={5009: parts.number(2**63, 8)}), "invalid-request", "larger than any package's"),
    "a deep dependency": (
        parts.rpm(main={1049: parts.text("(" * 5000), 1048: parts.number(0), 1050: parts.text("")}),
        "invalid-request",
        "more than 4096 characters",
    ),
    "lists of unequal length": (parts.rpm(main={1049: parts.text("a", "b")}), "wrong-digest", "its header is broken"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_no_usable_rpm_is_refused_and_leaves_nothing(here: Service, web: FlaskClient, name: str) -> None:
    body, code, word = WRONG[name]
    status, problem = parts.send(web, body)
    assert (status, problem["code"]) == (422, code), problem
    assert word in problem["detail"] and problem["detail"].endswith(".")
    assert files(here) == [] and web.get(parts.URL).get_json()["uploads"] == []


def test_who_may_bring_no_code_may_upload_none(here: Service, web: FlaskClient) -> None:
    carol = people.add_person(here.database, "carol")
    status, problem = parts.send(web, RPM, carol)
    assert (status, problem["code"]) == (403, "not-permitted") and "carol may not upload RPMs" in problem["detail"]
    assert parts.send(web, RPM, "no token")[0] == 401


def test_another_type_is_not_read(web: FlaskClient) -> None:
    status, problem = parts.send(web, RPM, kind="multipart/form-data; boundary=x")
    assert status == 415 and "is not application/x-rpm" in problem["detail"]


def test_a_larger_one_than_allowed_is_refused_whether_its_length_is_told_or_not(here: Service, web: FlaskClient) -> None:
    change(here, max_rpm=len(RPM) - 1)
    status, problem = parts.send(web, RPM)
    assert status == 413 and "raise `master.max_rpm`" in problem["detail"]
    told_nothing = {"wsgi.input_terminated": True, "CONTENT_LENGTH": ""}
    answer = web.post(parts.URL, data=RPM, content_type="application/x-rpm", environ_overrides=told_nothing)
    assert answer.status_code == 413 and files(here) == []


def test_an_owner_has_his_own_room_and_all_have_one_together(here: Service, web: FlaskClient) -> None:
    bob, others = people.add_person(here.database, "bob"), [parts.rpm(payload=bytes([n]) * 7) for n in range(2)]
    change(here, uploads_per_owner=len(RPM) + 9, uploads_in_all=2 * len(RPM) + 9)
    assert parts.send(web, RPM)[0] == 201
    status, problem = parts.send(web, others[0])
    assert (status, problem["code"]) == (413, "uploads-full") and problem["detail"].startswith("alice has no room")
    change(here, uploads_per_owner=9 * len(RPM))
    assert parts.send(web, others[0], bob)[0] == 201
    status, problem = parts.send(web, others[1], bob)
    assert (status, problem["code"]) == (413, "uploads-full") and problem["detail"].startswith("The service has no room")
    assert len(files(here)) == 2


def test_an_owner_has_a_bounded_number(here: Service, web: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ondemand_web.uploads.services.MOST", 1)
    assert [parts.send(web, body)[0] for body in (RPM, RPM, parts.rpm("other"))] == [201, 413, 413]


def test_what_two_have_uploaded_goes_with_the_second(here: Service, web: FlaskClient) -> None:
    bob = {"Authorization": f"Bearer {people.add_person(here.database, 'bob')}"}
    parts.send(web, RPM)
    assert web.post(parts.URL, data=RPM, content_type="application/x-rpm", headers=bob).status_code == 201
    assert web.delete(f"{parts.URL}/{DIGEST}").status_code == 204 and len(files(here)) == 1
    assert web.delete(f"{parts.URL}/{DIGEST}").get_json()["code"] == "unknown-upload"
    assert web.delete(f"{parts.URL}/{DIGEST}", headers=bob).status_code == 204
    assert files(here) == [] and web.get(ADDRESS).status_code == 404


def test_an_operator_may_remove_everybody_s(here: Service, web: FlaskClient) -> None:
    bob = {"Authorization": f"Bearer {people.add_person(here.database, 'bob')}"}
    parts.send(web, RPM)
    assert web.delete(f"{parts.URL}/{DIGEST}", headers=bob).status_code == 404
    change(here, operators=("bob",))
    assert web.delete(f"{parts.URL}/{DIGEST}", headers=bob).status_code == 204 and files(here) == []


def test_what_an_unfinished_build_names_is_not_removed(here: Service, web: FlaskClient) -> None:
    parts.send(web, RPM)
    build_id = master_parts.queued(here, builds=[f" upload:{DIGEST}"])
    answer = web.delete(f"{parts.URL}/{DIGEST}")
    assert answer.status_code == 409 and f"build {build_id} needs it" in answer.get_json()["detail"]
    web.post(f"/api/v1/builds/{build_id}/cancel")
    assert web.delete(f"{parts.URL}/{DIGEST}").status_code == 204


@pytest.mark.parametrize("name", ["x", "0" * 63, "F" * 64, "..%2f" * 8])
def test_what_is_no_digest_is_refused(web: FlaskClient, name: str) -> None:
    assert web.delete(f"{parts.URL}/{name}").status_code in (404, 422)
