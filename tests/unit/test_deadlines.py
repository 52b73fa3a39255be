# SPDX-License-Identifier: MIT
"""The total time: servers that drip, redirect for ever or never begin, all cut in time."""

from __future__ import annotations

import http.server
import ipaddress
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests

from ondemand import addresses, deadlines, errors
from tests import builder_parts

GUARD = addresses.Guard(hosts=("127.0.0.1",), networks=(ipaddress.ip_network("127.0.0.0/8"),))
SESSIONS = pytest.mark.parametrize("make", [deadlines.session, GUARD.session], ids=["ours", "guarded"])


class Slow(http.server.BaseHTTPRequestHandler):
    """/head drips its header, /body its body, each for 5 s; everything else answers «ok»."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Answers by the path."""
        begin = b"HTTP/1.1 200 OK\r\n" + (b"X: " if self.path == "/head" else b"Connection: close\r\n\r\n")
        if self.path == "/ok":
            begin = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
        self.wfile.write(begin)
        for _ in range(0 if self.path == "/ok" else 50):
            time.sleep(0.1)
            try:
                self.wfile.write(b"x")
            except OSError:
                return

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@pytest.fixture
def server() -> Iterator[Any]:
    with builder_parts.serving(Slow) as running:
        yield running


@SESSIONS
@pytest.mark.parametrize("path", ["/head", "/body"])
def test_an_answer_that_drips_is_cut(server: Any, make: Callable[[], requests.Session], path: str) -> None:
    began = time.monotonic()
    with make() as session, pytest.raises(deadlines.Late), deadlines.Deadline(0.3):
        _ = session.get(server.url + path, timeout=5).content
    assert time.monotonic() - began < 2


@SESSIONS
def test_a_connection_that_is_used_again_is_cut_too(server: Any, make: Callable[[], requests.Session]) -> None:
    with make() as session:
        assert session.get(f"{server.url}/ok", timeout=5).text == "ok"
        with pytest.raises(deadlines.Late), deadlines.Deadline(0.3):
            _ = session.get(f"{server.url}/head", timeout=5).content


def test_an_outer_deadline_holds_inside_an_inner_one(server: Any) -> None:
    with deadlines.session() as session, pytest.raises(deadlines.Late), deadlines.Deadline(0.3), deadlines.Deadline(60):
        _ = session.get(f"{server.url}/body", timeout=5).content


def test_what_is_in_time_passes_and_other_errors_stay(server: Any) -> None:
    with deadlines.session() as session, deadlines.Deadline(5):
        assert session.get(f"{server.url}/ok", timeout=5).text == "ok"
    with pytest.raises(ZeroDivisionError), deadlines.Deadline(0):
        assert 1 // 0


def test_a_session_of_later_is_made_once_and_only_if_it_is_used(server: Any) -> None:
    made: list[requests.Session] = []

    def make() -> requests.Session:
        made.append(GUARD.session())
        return made[-1]

    with deadlines.Later(make):
        pass
    assert made == []
    with deadlines.Later(make) as session:
        assert [session.get(f"{server.url}/ok", timeout=5).text for _ in range(2)] == ["ok", "ok"]
        assert len(made) == 1 and not session.trust_env
        with pytest.raises(errors.NotPermitted):
            session.get("http://elsewhere.example.org", timeout=5)
