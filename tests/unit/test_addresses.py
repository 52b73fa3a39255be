# SPDX-License-Identifier: MIT
"""The guard: real servers on 127.0.0.1, and what the system's own look-up says of `localhost`."""

from __future__ import annotations

import http.server
import ipaddress
import pathlib
import socket
import ssl
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from ondemand import addresses, errors
from tests import builder_parts

LOOPBACK = (ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("::1/128"))


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers /to with a redirect to `server.target`, everything else with «ok»."""

    def do_GET(self) -> None:
        server: Any = self.server
        server.asked.append((self.path, self.headers.get("Host", "")))
        self.send_response(302 if self.path == "/to" else 200)
        if self.path == "/to":
            self.send_header("Location", server.target)
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@pytest.fixture
def server() -> Iterator[Any]:
    with builder_parts.serving(Handler, asked=[], target="") as running:
        yield running


def get(url: str, *hosts: str, networks: tuple[addresses.Network, ...] = LOOPBACK) -> requests.Response:
    """What a guarded session gets."""
    with addresses.Guard(hosts=hosts, networks=networks).session() as session:
        return session.get(url, timeout=5)


def test_an_allowed_host_in_an_allowed_network_is_reached_by_its_name(server: Any) -> None:
    url = server.url.replace("127.0.0.1", "localhost")
    assert get(f"{url}/x", "localhost").text == "ok"
    assert server.asked == [("/x", url.removeprefix("http://"))]


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost"])
def test_an_allowed_host_that_is_private_is_never_connected_to(server: Any, name: str) -> None:
    with pytest.raises(errors.NotPermitted, match="is not a public one"):
        get(server.url.replace("127.0.0.1", name), name, networks=())
    assert server.asked == []


def test_a_redirect_to_an_allowed_host_is_followed(server: Any) -> None:
    server.target = "/y"
    assert get(f"{server.url}/to", "127.0.0.1").text == "ok"
    assert [path for path, _ in server.asked] == ["/to", "/y"]


def test_a_redirect_to_another_host_is_not_followed(server: Any) -> None:
    server.target = server.url.replace("127.0.0.1", "localhost") + "/secret"
    with pytest.raises(errors.NotPermitted, match=r"«localhost».*the operator does not allow that host"):
        get(f"{server.url}/to", "127.0.0.1")
    assert len(server.asked) == 1


def test_a_redirect_to_a_private_address_is_not_followed(server: Any) -> None:
    server.target = "http://127.0.0.2:1/secret"
    with pytest.raises(errors.NotPermitted, match=r"its address 127\.0\.0\.2 is not a public one"):
        get(f"{server.url}/to", "127.0.0.1", "127.0.0.2", networks=(ipaddress.ip_network("127.0.0.1/32"),))


def test_a_redirect_to_a_file_is_not_followed(server: Any) -> None:
    server.target = "file:///etc/passwd"
    with pytest.raises(errors.NotPermitted):
        get(f"{server.url}/to", "127.0.0.1")


def test_a_certificate_is_still_held_to_the_name(
    server: Any, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    builder_parts.need("openssl")
    pem = str(tmp_path / "pem")
    made = ("-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost")
    builder_parts.run("openssl", "req", "-x509", *made, "-keyout", pem, "-out", f"{pem}.crt")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(f"{pem}.crt", pem)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", f"{pem}.crt")
    assert get(f"https://localhost:{server.server_port}/", "localhost").text == "ok"
    with pytest.raises(requests.exceptions.SSLError):
        get(f"https://127.0.0.1:{server.server_port}/", "127.0.0.1")


def test_no_proxy_of_the_environment_stands_between(server: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    assert get(server.url, "127.0.0.1").text == "ok"


def test_a_host_without_a_server_is_a_failed_connection() -> None:
    with pytest.raises(requests.ConnectionError):
        get("http://127.0.0.1:9/", "127.0.0.1")


@pytest.mark.parametrize("label", ["nowhere", "x" * 64])
def test_a_name_without_an_address_is_a_failed_connection(label: str) -> None:
    with pytest.raises(requests.ConnectionError):
        get(f"http://{label}.invalid/", "*.invalid")


@pytest.mark.parametrize(
    "url",
    ["http://repo.example.org/x", "https://REPO.example.org.:8443", "http://a.b.example.net/", "https://[2001:DB8::1]/"],
)
def test_an_allowed_host_is_admitted(url: str) -> None:
    addresses.Guard(hosts=("Repo.Example.org", "*.example.net", "2001:db8::1")).admit(url)


@pytest.mark.parametrize(
    "url",
    [
        "http://evil.org/",
        "http://repo.example.org.evil.org/",
        "http://evilexample.net/",
        "http://example.net/",
        "http://repo.example.org@evil.org/",
        "http://user:secret@repo.example.org/",
        "http://evil.org#@repo.example.org/",
        "http://evil.org\\@repo.example.org/",
        "ftp://repo.example.org/",
        "http://[::1/",
        "http:///path",
        "",
    ],
)
def test_every_other_url_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(errors.NotPermitted) as caught:
        addresses.Guard(hosts=("repo.example.org", "*.example.net")).admit(url)
    assert "secret" not in caught.value.sentence


@pytest.mark.parametrize(
    "address",
    [
        *("10.0.0.1", "127.0.0.1", "169.254.169.254", "0.0.0.0", "100.64.0.1", "224.0.0.1", "255.255.255.255"),
        *("::1", "::", "fe80::1", "fd00::1", "ff0e::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::"),
    ],
)
def test_an_address_that_is_not_public_is_refused(address: str) -> None:
    with pytest.raises(errors.NotPermitted, match="is not a public one"):
        addresses.Guard().resolve(address, 80)


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8"])
def test_a_public_address_is_taken(address: str) -> None:
    assert len(addresses.Guard().resolve(address, 80)) == 1


def test_one_private_address_among_public_ones_refuses_the_host(monkeypatch: pytest.MonkeyPatch) -> None:
    found = [(0, 0, 0, "", (text, 80)) for text in ("8.8.8.8", "10.0.0.1")]
    monkeypatch.setattr("socket.getaddrinfo", lambda *_, **__: found)
    with pytest.raises(errors.NotPermitted, match=r"10\.0\.0\.1"):
        addresses.Guard().resolve("repo.example.org", 80)


def test_a_second_look_up_with_another_answer_changes_nothing(server: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    real, asked = socket.getaddrinfo, list[str]()

    def answer(host: str, *args: Any, **kwargs: Any) -> Any:
        asked.append(host)
        return real("127.0.0.1" if host == "rebinding.example" else host, *args, **kwargs)

    monkeypatch.setattr("socket.getaddrinfo", answer)
    port = server.server_port
    assert get(f"http://rebinding.example:{port}/", "rebinding.example").text == "ok"
    assert asked == ["rebinding.example", "127.0.0.1"]
