# SPDX-License-Identifier: MIT
"""Runs `ondemand` as a process before a master that answers what a test gives it. Tests no thing itself."""

from __future__ import annotations

import contextlib
import http.server
import json
import os
import pathlib
import subprocess
import sys
from typing import Any

from ondemand import errors
from ondemand.builds import BuildRecord
from tests import builder_parts

ROOT = pathlib.Path(__file__).resolve().parent.parent
PROGRAM = (sys.executable, "-m", "ondemand.commands.main")
TIME = "2026-11-24T12:00:00Z"


def _status(body: bytes) -> int:
    """A problem document names its own; all else is well."""
    with contextlib.suppress(ValueError, AttributeError, TypeError):
        return int(json.loads(body).get("status", 200))
    return 200


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers from `server.answers`: address below /api/v1 to a list of bodies, the last of which stays."""

    def _answer(self) -> None:
        server: Any = self.server
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        waiting = server.answers.get(self.path.removeprefix("/api/v1"), [b"<html>no such thing</html>"])
        body = waiting.pop(0) if len(waiting) > 1 else waiting[0]
        self.send_response(_status(body))
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-Log-Size", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = _answer

    def log_message(self, *_: object) -> None:
        """Says nothing."""


def serving(answers: dict[str, list[bytes]]) -> contextlib.AbstractContextManager[Any]:
    """The master on a port of its own."""
    return builder_parts.serving(Handler, answers=answers)


def environment(**settings: str) -> dict[str, str]:
    """The process's environment: no settings file, these settings (`MASTER__URL="…"`)."""
    path = os.pathsep.join((str(ROOT), str(ROOT / "plugins")))
    kept = {key: value for key, value in os.environ.items() if not key.startswith("ONDEMAND_")}
    ours = {f"ONDEMAND_{key}": value for key, value in settings.items()}
    return {**kept, "PYTHONPATH": path, "ONDEMAND_CONF": os.devnull, "COLUMNS": "120", **ours}


def run(*words: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """The ended program; no traceback may have come out of it."""
    done = subprocess.run(
        (*PROGRAM, *words), env=environment(**settings), capture_output=True, text=True, timeout=60, check=False
    )
    assert "Traceback" not in done.stderr, done.stderr
    return done


def record(state: str, **fields: Any) -> bytes:
    """Build 1 as the master gives it."""
    given = {"id": 1, "owner": "alice", "request": {"release": "f44", "title": "a [/x] [red] :bug:"}, "page": "http://x/1"}
    times = {"created_at": TIME, "changed_at": TIME}
    made = BuildRecord.model_validate({**given, **times, "state": state, **fields})
    return made.model_dump_json(by_alias=True).encode()


def problem(error: errors.OndemandError) -> bytes:
    """The answer that refuses a request."""
    return json.dumps({**error.as_dict(), "detail": error.sentence, "status": error.http_status}).encode()


def attempt(number: int, **fields: Any) -> dict[str, Any]:
    """An attempt of the record."""
    return {"number": number, "builder": f"node-{number}", "started_at": TIME, **fields}


def failed() -> bytes:
    """A build that failed by its tool."""
    error = {"code": "tool-failed", "class": "content", "sentence": "The tool ended with 1."}
    return record("failed", error=error)
