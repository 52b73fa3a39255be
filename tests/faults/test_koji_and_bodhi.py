# SPDX-License-Identifier: MIT
"""A hub and a Bodhi that are slow, broken or out of order: that delays, and neither refuses nor says what is not so."""

from __future__ import annotations

import http.server
import time
import xmlrpc.client
from typing import Any

import pytest

from ondemand import errors, plugins, references, releases
from ondemand_plugins.sources import bodhi_updates, koji_builds, koji_hub, koji_tags, koji_tasks
from tests import builder_parts, source_parts

SOURCES: dict[str, plugins.Source] = {
    source.kind: source
    for source in (koji_builds.KojiBuilds(), koji_tags.KojiTags(), koji_tasks.KojiTasks(), bodhi_updates.BodhiUpdates())
}
TEXTS = ("bash-5.3.3-1.fc44", "koji:1", "tag:f44-build-side-1", "task:1")


class Answering(http.server.BaseHTTPRequestHandler):
    """Gives `server.status` and `server.body`, a byte each `server.pause` seconds where there is one."""

    server: Any

    def do_POST(self) -> None:
        """Answers a call."""
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.send_response(self.server.status)
        self.send_header("Content-Length", str(len(self.server.body)))
        self.end_headers()
        try:
            for number in range(len(self.server.body)) if self.server.pause else ():
                self.wfile.write(self.server.body[number : number + 1])
                time.sleep(self.server.pause)
            self.wfile.write(b"" if self.server.pause else self.server.body)
        except OSError:
            return

    do_GET = do_POST

    def log_message(self, *_: object) -> None:
        """Says nothing."""


def response(value: Any) -> bytes:
    """A hub's answer."""
    return xmlrpc.client.dumps((value,), methodresponse=True, allow_none=True).encode()


def fault(code: int, text: str) -> dict[str, Any]:
    """A fault in the place of one call's answer."""
    return {"faultCode": code, "faultString": text, "traceback": []}


def outage(code: int) -> bytes:
    """A fault in the place of the whole answer."""
    return xmlrpc.client.dumps(xmlrpc.client.Fault(code, "database away"), allow_none=True).encode()


def resolve(text: str, body: bytes, status: int = 200, pause: float = 0.0) -> plugins.Resolution:
    """What a reference becomes at a hub or Bodhi that answers so."""
    reference = references.parse(text)
    with builder_parts.serving(Answering, body=body, status=status, pause=pause) as server:
        release = releases.Release(
            name="f44", title="f44", version="44", arches=("x86_64",), kickstart_syntax="F44", image_types={}, repositories=(),
            koji_hub=server.url, koji_topurl=server.url, bodhi=server.url,
        )  # fmt: skip
        return SOURCES[reference.kind].resolve(reference, release, "x86_64", source_parts.NoCatalog())


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize(
    "body",
    [
        *(outage(code) for code in (1, 1000, 1014)),
        *(response([fault(code, "database away")] * 2) for code in (1, 1000, 1014)),
        *(response(value) for value in ([], None, "text", [[5], [5]])),
    ],
)
def test_a_hub_out_of_order_delays(text: str, body: bytes) -> None:
    with pytest.raises(errors.SourceUnavailable, match="does not answer"):
        resolve(text, body)


@pytest.mark.parametrize("body", [b"", b"<html>Sorry", b"{}", response(["half"])[:60]])
def test_a_hub_that_answers_no_xmlrpc_delays(body: bytes) -> None:
    with pytest.raises(errors.SourceUnavailable, match="its answer is none that a hub gives"):
        resolve("bash-5.3.3-1.fc44", body)


def test_a_fault_says_what_the_hub_said() -> None:
    with pytest.raises(errors.SourceUnavailable, match="because database away; nothing to do"):
        resolve("bash-5.3.3-1.fc44", response([fault(1000, "database away")]))


@pytest.mark.parametrize("text", ["koji:999999999999", "task:999999999999"])
def test_an_id_larger_than_the_hub_s_numbers_is_unknown(text: str) -> None:
    with pytest.raises(errors.UnknownReference, match=r"no (build|task) 999999999999 in Koji"):
        resolve(text, response([[None]]))


def test_a_hub_that_drips_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(koji_hub, "TOTAL", 0.5)
    before = time.monotonic()
    with pytest.raises(errors.SourceUnavailable, match="does not answer"):
        resolve("bash-5.3.3-1.fc44", response([[None]]), pause=0.05)
    assert time.monotonic() - before < 5


def test_a_bodhi_that_drips_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodhi_updates, "TOTAL", 0.5)
    before = time.monotonic()
    with pytest.raises(errors.SourceUnavailable, match="the connection failed"):
        resolve("FEDORA-2026-0123456789", b" " * 1000, pause=0.05)
    assert time.monotonic() - before < 5


@pytest.mark.parametrize(
    ("status", "body", "word"),
    [
        (200, b"<html>Sorry", "its answer is no update"),
        (200, b'{"update": {"alias": "x"}}', "its answer is no update"),
        (500, b"", "it answered 500"),
        (503, b"", "it answered 503"),
    ],
)
def test_a_bodhi_out_of_order_delays(status: int, body: bytes, word: str) -> None:
    with pytest.raises(errors.SourceUnavailable, match=word):
        resolve("FEDORA-2026-0123456789", body, status)
