# SPDX-License-Identifier: MIT
"""The HTTP server as a process: whoever is refused gets a problem document, and no large body is kept."""

from __future__ import annotations

import contextlib
import http.client
import json
import pathlib
import subprocess
import time
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from ondemand import client, errors
from ondemand_web import private_broker
from tests import command_parts as parts
from tests import upload_parts

MIB = 1024**2


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of a running web part."""
    free = private_broker.free_port()
    data = tmp_path_factory.mktemp("data")
    chosen = {"MASTER__DATA": str(data), "MASTER__PORT": str(free), "MASTER__OWN_CODE": '["a"]', "MASTER__MAX_RPM": str(64 * MIB)}
    config = str(parts.ROOT / "config")
    environment = parts.environment(**chosen, MASTER__CONFIG=config, MASTER__HOST="localhost", MASTER__ANONYMOUS_OWNER="a")
    with subprocess.Popen((*parts.PROGRAM, "serve", "--only", "web"), env=environment, stderr=subprocess.DEVNULL) as running:
        until = time.monotonic() + 60
        while not _answers(free) and time.monotonic() < until:
            time.sleep(0.1)
        yield free
        running.terminate()


def _answers(port: int) -> bool:
    try:
        return _asked(port, "GET", {})[0] == 200
    except OSError:
        return False


def _asked(port: int, method: str, headers: dict[str, str], body: bytes = b"", path: str = "builds") -> tuple[int, str | None, Any]:
    """Status, type and JSON of the answer to a request whose body need not be as long as its header says."""
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=30)) as connection:
        connection.putrequest(method, f"/api/v1/{path}")
        for name, value in headers.items():
            connection.putheader(name, value)
        connection.endheaders(body)
        answer = connection.getresponse()
        return answer.status, answer.getheader("Content-Type"), json.loads(answer.read())


@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        ({"Content-Length": str(10 * MIB)}, bytes(10 * MIB), 413),
        ({"Content-Length": str(17 * MIB)}, b"", 413),
        ({"Content-Length": str(1 << 60)}, b"", 413),
        ({"Transfer-Encoding": "chunked"}, b"not a size\r\n", 400),
        ({"Content-Length": "many"}, b"", 400),
        ({"Transfer-Encoding": "gzip"}, b"", 501),
        ({"X-Long": "x" * 300_000}, b"", 431),
    ],
)
def test_a_body_that_is_not_taken_is_answered_with_a_problem_document(port: int, headers: dict[str, str], body: bytes, status: int) -> None:
    answer = _asked(port, "POST", {"Content-Type": "application/json", **headers}, body)
    assert answer[:2] == (status, "application/problem+json")
    assert (answer[2]["status"], answer[2]["code"]) == (status, "http-error")


RPM = {"Content-Type": "application/x-rpm"}
STRANGER = {"Authorization": "Bearer nobody-s"}


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({**RPM, **STRANGER, "Content-Length": str(60 * MIB)}, 401, "not-authenticated"),
        ({**RPM, **STRANGER, "Content-Length": str(60 * MIB), "Expect": "100-continue"}, 401, "not-authenticated"),
        ({**RPM, **STRANGER, "Transfer-Encoding": "chunked"}, 401, "not-authenticated"),
        ({"Content-Length": str(60 * MIB)}, 415, "http-error"),
        ({**RPM, "Content-Length": str(65 * MIB)}, 413, "http-error"),
        ({**RPM, "Content-Length": "many"}, 400, "http-error"),
    ],
)
def test_an_upload_that_may_not_come_is_answered_before_it_comes(port: int, headers: dict[str, str], status: int, code: str) -> None:
    answer = _asked(port, "POST", headers, path="uploads")
    assert (answer[0], answer[2]["code"]) == (status, code)


def test_an_upload_larger_than_any_other_body_is_taken(port: int, tmp_path: pathlib.Path) -> None:
    file = tmp_path / "large.rpm"
    file.write_bytes(upload_parts.rpm(payload=bytes(30 * MIB)))
    told = client.Client(f"http://127.0.0.1:{port}").upload(file)
    assert told.size == file.stat().st_size and told.nevra == "ball-1-1.noarch"


def test_a_chunked_body_is_bounded_as_any_other(port: int) -> None:
    pieces = iter([bytes(MIB)] * 66)
    # Whether the answer is still read depends on how far the sender is.
    with contextlib.suppress(requests.ConnectionError):
        answer = requests.post(f"http://127.0.0.1:{port}/api/v1/uploads", data=pieces, headers=RPM, timeout=60)
        assert answer.status_code == 413
    assert _answers(port)


def test_a_client_that_sends_on_after_a_refusal_is_told_the_reason(port: int, tmp_path: pathlib.Path) -> None:
    file = tmp_path / "large.rpm"
    file.write_bytes(bytes(40 * MIB))
    with pytest.raises(errors.NotAuthenticated, match="does not know who you are"):
        client.Client(f"http://127.0.0.1:{port}", "nobody-s").upload(file)


def test_the_kept_connections_of_many_builders_leave_room_for_another(port: int) -> None:
    with contextlib.ExitStack() as stack:
        for _ in range(250):
            kept = stack.enter_context(contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=30)))
            kept.request("GET", "/static/site.css")
            kept.getresponse().read()
        assert _asked(port, "GET", {})[0] == 200
