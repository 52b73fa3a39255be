# SPDX-License-Identifier: MIT
"""The HTTP server as a process: whoever is refused gets a problem document, and no large body is kept."""

from __future__ import annotations

import contextlib
import http.client
import json
import subprocess
import time
from collections.abc import Iterator
from typing import Any

import pytest

from ondemand_web import private_broker
from tests import command_parts as parts

MIB = 1024**2


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of a running web part."""
    free = private_broker.free_port()
    chosen = {"MASTER__DATA": str(tmp_path_factory.mktemp("data")), "MASTER__PORT": str(free)}
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


def _asked(port: int, method: str, headers: dict[str, str], body: bytes = b"") -> tuple[int, str | None, Any]:
    """Status, type and JSON of the answer to a request whose body need not be as long as its header says."""
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=30)) as connection:
        connection.putrequest(method, "/api/v1/builds")
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
def test_a_body_that_is_not_taken_is_answered_with_a_problem_document(
    port: int, headers: dict[str, str], body: bytes, status: int
) -> None:
    answer = _asked(port, "POST", {"Content-Type": "application/json", **headers}, body)
    assert answer[:2] == (status, "application/problem+json")
    assert (answer[2]["status"], answer[2]["code"]) == (status, "http-error")
