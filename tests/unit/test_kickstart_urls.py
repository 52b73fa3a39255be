# SPDX-License-Identifier: MIT
"""A kickstart by URL: what a server may do to us has bounds, and each refusal is a sentence."""

from __future__ import annotations

import http.server
import ipaddress
import time
from collections.abc import Iterator
from typing import Any

import pytest

from ondemand import addresses, errors, kickstarts
from ondemand.commands import options
from ondemand_web.builds import kickstart_urls
from tests import builder_parts

LOOPBACK = (ipaddress.ip_network("127.0.0.0/8"),)
GUARD = addresses.Guard(hosts=("127.0.0.1",), networks=LOOPBACK, thing="kickstart", setting="kickstart_hosts")


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers `/404` with that status, `/to/ADDRESS` with a redirect, `/drip` for ever, all else with `server.body`."""

    def do_GET(self) -> None:
        server: Any = self.server
        word = self.path.split("/")[1]
        self.send_response(int(word) if word.isdigit() else 302 if word == "to" else 200)
        if word == "to":
            self.send_header("Location", self.path.removeprefix("/to/") or "/to/")
        self.end_headers()
        while word == "drip":
            self.wfile.write(b"#")
            time.sleep(0.05)
        self.wfile.write(server.body)

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@pytest.fixture
def server() -> Iterator[Any]:
    with builder_parts.serving(Handler, body="lang C\n# é\n".encode()) as running:
        yield running


def test_the_text_is_as_the_server_has_it(server: Any) -> None:
    assert kickstart_urls.text(GUARD, f"{server.url}/a.ks") == "lang C\n# é\n"
    assert kickstart_urls.text(GUARD, f"{server.url}/to/{server.url}/a.ks") == "lang C\n# é\n"


@pytest.mark.parametrize(
    ("path", "body", "said"),
    [
        ("404", b"", "because its server answered 404; correct the address"),
        ("a.ks", b"\xff", "byte 1 of it is no UTF-8"),
        ("a.ks", b"#" * (4 * kickstarts.LIMIT + 1), "at most 512000 characters are read"),
        ("to/", b"", "leads elsewhere more than 5 times"),
    ],
)
def test_what_is_no_such_text_is_refused(server: Any, path: str, body: bytes, said: str) -> None:
    server.body = body
    with pytest.raises(errors.KickstartInvalid, match=said):
        kickstart_urls.text(GUARD, f"{server.url}/{path}")


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://elsewhere.example/a.ks", "Host «elsewhere.example» may not be asked for a kickstart.*`kickstart_hosts`"),
        ("http://you:secret@127.0.0.1/a.ks", "holds a user or password"),
    ],
)
def test_another_host_is_not_asked(url: str, said: str) -> None:
    with pytest.raises(errors.NotPermitted, match=said):
        kickstart_urls.text(GUARD, url)


def test_neither_by_a_redirect_nor_at_a_private_address(server: Any) -> None:
    with pytest.raises(errors.NotPermitted, match="«localhost»"):
        kickstart_urls.text(GUARD, f"{server.url}/to/{server.url.replace('127.0.0.1', 'localhost')}/a.ks")
    with pytest.raises(errors.NotPermitted, match="is not a public one"):
        kickstart_urls.text(addresses.Guard(hosts=("127.0.0.1",)), f"{server.url}/a.ks")


def test_a_server_that_is_away_or_drips_is_asked_again_later(server: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kickstart_urls, "SECONDS", 0.3)
    for path, said in (("503", "answered 503"), ("drip", "does not answer in time")):
        with pytest.raises(errors.SourceUnavailable, match=said):
            kickstart_urls.text(GUARD, f"{server.url}/{path}")
    with pytest.raises(errors.SourceUnavailable, match="can't be reached"):
        kickstart_urls.text(GUARD, "http://127.0.0.1:1/a.ks")


def test_the_command_line_takes_a_file_or_a_url(tmp_path: Any) -> None:
    (tmp_path / "a.ks").write_text("lang C\n")
    assert options.kickstart(str(tmp_path / "a.ks")) == {"kickstart": "lang C\n"}
    assert options.kickstart("https://x.example/a.ks") == {"kickstart_url": "https://x.example/a.ks"}
    assert options.kickstart("") == {}
    with pytest.raises(errors.KickstartInvalid, match="can't be read"):
        options.kickstart("/nothing.ks")
