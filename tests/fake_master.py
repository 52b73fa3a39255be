# SPDX-License-Identifier: MIT
"""A fake that speaks the worker API over real HTTP and keeps everything in memory; for the builder's tests alone."""

from __future__ import annotations

import contextlib
import hashlib
import http.server
import json
import re
import urllib.parse
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from ondemand import builds
from tests import builder_parts

_ATTEMPT = re.compile(r"^/api/v1/worker/builds/\d+/attempts/\d+/(.*)$")


class Handler(http.server.BaseHTTPRequestHandler):
    """`server` holds the state: assignments, logs, uploads, steps, beats, finished; `away` answers 503.

    `pages`: so many calls get a proxy's page, or another `page`, with status 200.
    `builders` is what a claim is told that gets nothing.
    `replaced`: another process registered with the same token; `refused` counts what was not taken.
    """

    protocol_version = "HTTP/1.1"

    def _handle(self) -> None:
        server: Any = self.server
        parts = urllib.parse.urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if server.away > 0:
            server.away -= 1
            self._answer(503, None)
        elif server.pages > 0:
            server.pages -= 1
            self._answer(200, server.page)
        elif found := _ATTEMPT.match(parts.path):
            offset = int(urllib.parse.parse_qs(parts.query).get("offset", ["0"])[0])
            self._attempt(found.group(1).split("/"), offset, body)
        elif parts.path.endswith("/registration"):
            server.registered.append(json.loads(body)["instance"])
            self._answer(200, {"builder": "node-1", "ended_attempts": 0})
        elif server.replaced:
            server.refused += 1
            self._problem(409, "state-conflict", "Another process is builder node-1 now.")
        elif server.assignments:
            self._answer(200, server.assignments.pop(0).model_dump(mode="json", by_alias=True))
        else:
            self._answer(204, None, {builds.BUILDERS: str(server.builders)})

    do_GET = do_POST = do_PUT = _handle

    def _attempt(self, words: list[str], offset: int, body: bytes) -> None:
        server: Any = self.server
        if server.lost:
            self._problem(409, "lease-lost", "The lease is lost.")
        elif words == ["beat"]:
            server.beats += 1
            server.told.append(json.loads(body or b"{}").get("progress"))
            self._answer(200, {"canceled": server.canceled})
        elif words[0] == "steps":
            server.steps.append((words[1], json.loads(body)["state"]))
            self._answer(204, None)
        elif words[0] == "logs" and offset + len(body) > server.log_limit:
            server.refused += 1
            self._problem(422, "invalid-request", "The log is too large.")
        elif words[0] == "logs":
            self._append(server.logs, words[1], offset, body)
        elif words == ["finish"]:
            server.finished.append(json.loads(body))
            self._answer(200, {"state": "failed" if server.finished[-1]["error"] else "succeeded"})
        elif words[-1] == "complete" and json.loads(body)["size"] != len(server.uploads.get(words[1], b"")):
            self._problem(422, "wrong-digest", "The size differs.")
        elif words[-1] == "complete":
            server.completed[words[1]] = json.loads(body)
            self._answer(202, {})
        elif words == ["artifacts"]:
            self._answer(200, {"artifacts": [self._state(name) for name in server.completed]})
        elif words[1] in server.completed:
            self._problem(409, "state-conflict", "It was completed before.")
        else:
            self._append(server.uploads, words[1], offset, body)

    def _state(self, name: str) -> dict[str, Any]:
        server: Any = self.server
        data, wanted = bytes(server.uploads[name]), server.completed[name]
        right = hashlib.sha256(data).hexdigest() == wanted["sha256"] and len(data) == wanted["size"]
        return {
            "name": name,
            "state": "stored" if right else "failed",
            "url": f"https://files.invalid/{name}",
            "error": None if right else "other bytes",
        }

    def _append(self, files: dict[str, bytearray], name: str, offset: int, body: bytes) -> None:
        held = files.setdefault(name, bytearray())
        if len(held) != offset:
            self._problem(409, "offset-mismatch", "It does not follow.", size=len(held))
            return
        held += body
        self._answer(200, {"size": len(held)})

    def _problem(self, status: int, code: str, detail: str, **extra: Any) -> None:
        self._answer(status, {"code": code, "detail": detail, "status": status, **extra})

    def _answer(self, status: int, body: Any, headers: Mapping[str, str] = MappingProxyType({})) -> None:
        data = b"" if body is None else body.encode() if isinstance(body, str) else json.dumps(body).encode()
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if status != 204:
            self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        """Says nothing."""


def serving() -> contextlib.AbstractContextManager[Any]:
    """The fake on a port of its own; attributes of the server are its state."""
    return builder_parts.serving(
        Handler,
        assignments=[],
        registered=[],
        steps=[],
        logs={},
        uploads={},
        completed={},
        finished=[],
        beats=0,
        told=[],
        builders=1,
        away=0,
        pages=0,
        page="<html>welcome</html>",
        canceled=False,
        lost=False,
        replaced=False,
        refused=0,
        log_limit=builds.LOG_LIMIT,
    )
