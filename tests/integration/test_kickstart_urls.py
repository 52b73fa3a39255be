# SPDX-License-Identifier: MIT
"""A kickstart by URL on its way through the service: permissions, the text that is kept, what a builder gets."""

from __future__ import annotations

import http.server
import pathlib
from collections.abc import Iterator
from typing import Any

import pytest
from flask.testing import FlaskClient

from demo import site
from ondemand_web import service
from ondemand_web.builds import checks
from ondemand_web.builds.models import BuildLock
from ondemand_web.people import services as people
from tests import builder_parts, master_parts

TEXT = b"lang C\n%packages\n@core\n@live\n%end\n"


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers with `server.text`."""

    def do_GET(self) -> None:
        server: Any = self.server
        self.send_response(200)
        self.end_headers()
        self.wfile.write(server.text)

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@pytest.fixture
def elsewhere() -> Iterator[Any]:
    with builder_parts.serving(Handler, text=TEXT) as running:
        yield running


@pytest.fixture
def here(distribution: pathlib.Path, servers: str, tmp_path: pathlib.Path) -> Iterator[service.Service]:
    """A master that offers the demo release and lets kickstarts come from 127.0.0.1; bob may bring code of his own."""
    made = site.write(tmp_path, distribution, servers)
    allowed: dict[str, Any] = {"kickstart_hosts": ["127.0.0.1"], "private_networks": ["127.0.0.0/8"]}
    with master_parts.offering(made, tmp_path, own_code=["bob"], **allowed) as started:
        yield started


def checked(here: service.Service, web: FlaskClient, url: str, token: str = "", **fields: Any) -> dict[str, Any]:
    """The record of a build that was submitted and checked."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    answer = web.post("/api/v1/builds", json={"release": "demo", "kickstart_url": url, **fields}, headers=headers)
    assert answer.status_code == 202, answer.text
    assert checks.check_next(here)
    return dict(web.get(f"/api/v1/builds/{answer.get_json()['id']}").get_json())


def test_its_text_is_kept_with_the_build(here: service.Service, web: FlaskClient, elsewhere: Any) -> None:
    url = f"{elsewhere.url}/mine.ks"
    record = checked(here, web, url, add_packages=["ondemand-hello"])
    elsewhere.text = b"changed\n"
    assert record["state"] == "queued" and record["preset"]["kind"] == "url" and record["preset"]["upstream"] == url
    with here.database.reading() as session:
        text = session.get_one(BuildLock, record["id"]).kickstart
    assert "@core" in text and "ondemand-hello" in text
    page = web.get(f"/builds/{record['id']}", headers={"Accept": "text/html"}).text
    assert "a kickstart, fetched at the check" in page and "The kickstart that was fetched" in page


@pytest.mark.parametrize("lock", ["new", "same"])
def test_a_rebuild_does_not_depend_on_the_address(here: service.Service, web: FlaskClient, elsewhere: Any, lock: str) -> None:
    first = checked(here, web, f"{elsewhere.url}/mine.ks", add_packages=["ondemand-hello"])
    elsewhere.text = b"frobnicate\n"
    second = web.post(f"/api/v1/builds/{first['id']}/rebuild", json={"lock": lock}).get_json()["id"]
    assert checks.check_next(here)
    assert web.get(f"/api/v1/builds/{second}").get_json()["error"] is None
    with here.database.reading() as session:
        texts = [session.get_one(BuildLock, number).kickstart for number in (first["id"], second)]
    assert texts[0] == texts[1]


def test_a_script_in_it_needs_the_permission(here: service.Service, web: FlaskClient, elsewhere: Any) -> None:
    elsewhere.text = TEXT + b"%post\nid\n%end\n"
    record = checked(here, web, f"{elsewhere.url}/mine.ks")
    assert (record["state"], record["error"]["code"]) == ("refused", "not-permitted")
    assert "you may not bring code of his own: the script in line 6 of the kickstart" in record["error"]["sentence"]
    token = people.add_person(here.database, "bob")
    assert checked(here, web, f"{elsewhere.url}/mine.ks", token)["state"] == "queued"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"lang C\nfrobnicate\n", "line 2"),
        (b"%include /etc/passwd\n", "line 1 has %include"),
        (b"rootpw secret\n", "line 1 holds a password"),
        (b"lang C\n\0\n", "control character"),
    ],
)
def test_what_it_may_not_say_is_refused_by_its_line(
    here: service.Service, web: FlaskClient, elsewhere: Any, text: bytes, said: str
) -> None:
    elsewhere.text = text
    record = checked(here, web, f"{elsewhere.url}/mine.ks")
    assert (record["state"], record["error"]["code"]) == ("refused", "kickstart-invalid") and said in record["error"]["sentence"]


def test_a_server_that_is_away_delays(here: service.Service, web: FlaskClient) -> None:
    record = checked(here, web, "http://127.0.0.1:1/mine.ks")
    assert record["state"] == "received" and "can't be reached" in record["waiting"]


def test_a_host_that_is_not_allowed_is_refused_at_once(web: FlaskClient) -> None:
    answer = web.post("/api/v1/builds", json={"release": "demo", "kickstart_url": "https://elsewhere.example/x.ks"})
    assert (answer.status_code, answer.get_json()["code"]) == (403, "not-permitted")


@pytest.mark.parametrize("other", [{"kickstart": "lang C\n"}, {"preset": "demo-live"}])
def test_it_excludes_text_and_preset(web: FlaskClient, other: dict[str, str]) -> None:
    answer = web.post("/api/v1/builds", json={"release": "demo", "kickstart_url": "http://127.0.0.1/x.ks", **other})
    assert answer.status_code == 422 and "not two of them" in answer.get_json()["detail"]
