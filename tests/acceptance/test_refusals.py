# SPDX-License-Identifier: MIT
"""What can't be is refused in one sentence with cause and remedy, by API and page alike, and nothing is built."""

from __future__ import annotations

from typing import Any

import pytest
import requests

from demo import builds as story
from ondemand.states import State
from tests import service_parts as parts

CASES: dict[str, tuple[dict[str, Any], str, str]] = {
    "release": ({"release": "demo9"}, "unknown-release", "demo9"),
    "image type": ({"image_type": "dvd", "backend": "kiwi"}, "unknown-image-type", "dvd"),
    "architecture": ({"arch": "s390x"}, "unknown-image-type", "s390x"),
    "preset": ({"preset": "nobody-s"}, "unknown-image-type", "nobody-s"),
    "backend": ({"backend": "magic"}, "unknown-image-type", "magic"),
    "package": ({"add_packages": ["ondemand-tolls"]}, "unknown-reference", "ondemand-tools"),
    "update": ({"builds": ["DEMO-2026-0000000000"]}, "unknown-reference", "DEMO-2026-0000000000"),
    "NVR": ({"builds": ["ondemand-nothing-1-1.demo1"]}, "unknown-reference", "ondemand-nothing-1-1.demo1"),
    "stranger's signature": ({"builds": [story.NAMES["stranger_build"]]}, "wrong-signature", "ondemand-weather"),
    "missing dependency": (
        {"builds": [story.NAMES["broken_build"]], "add_packages": ["ondemand-broken"]},
        "unsolvable",
        "ondemand-nowhere",
    ),
    "malformed kickstart": ({"kickstart": "lang C\nfrobnicate\n%packages\n%end\n"}, "kickstart-invalid", "line 2"),
    "included file": ({"kickstart": "%include /etc/shadow\n"}, "kickstart-invalid", "%include"),
}


@pytest.mark.parametrize("name", CASES)
def test_it_is_refused_in_one_sentence_that_the_page_shows(service: parts.Running, name: str) -> None:
    fields, code, word = CASES[name]
    record = service.ended(service.submit(**{"release": "demo", **fields}))
    assert record.state is State.REFUSED and record.error is not None, record.error
    assert record.error.code == code and word in record.error.sentence
    assert record.error.sentence.endswith(".") and record.attempts == ()
    page = requests.get(record.page, headers={"Accept": "text/html"}, timeout=30).text
    assert f"Error <code>{code}</code>" in page and "Traceback" not in page


def test_every_reason_is_told_at_once(service: parts.Running) -> None:
    names = ["ondemand-nothing-1-1.demo1", story.NAMES["stranger_build"], "DEMO-2026-0000000000"]
    record = service.ended(service.submit(release="demo", builds=names))
    assert record.error is not None and len(record.error.details) == len(names)


@pytest.mark.parametrize(
    ("body", "word"),
    [
        (b"{", "JSON object"),
        (b'{"release": "demo", "builds": ["what is this"]}', "what is this"),
        (b'{"release": "demo", "image_type": "floppy"}', "image_type"),
        (b'{"release": "demo", "notify": ["no address"]}', "notify"),
    ],
)
def test_a_wrong_body_is_a_problem_document(service: parts.Running, body: bytes, word: str) -> None:
    headers = {"Content-Type": "application/json"}
    answer = requests.post(f"{service.site.url}/api/v1/builds", data=body, headers=headers, timeout=30)
    assert 400 <= answer.status_code < 500 and answer.headers["Content-Type"] == "application/problem+json"
    assert word in answer.json()["detail"] and answer.json()["detail"].endswith(".")
