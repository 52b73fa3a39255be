# SPDX-License-Identifier: MIT
"""The HTTP server around the application. What it refuses by itself is a problem document, too."""

from __future__ import annotations

from typing import Any, cast

import flask
from waitress import channel, server, task

from ondemand import errors, settings
from ondemand_web import app, problems

_MOST_READ = 16 * 1024**2
"""Bytes beyond which no body is read, above the application's own limits; waitress keeps over 512 KiB on disk."""


class _Refusal(task.ErrorTask):
    """Waitress answers this when a request can't be read, or is too large to be."""

    def execute(self) -> None:
        """Writes the problem document and closes, since what else the client sends is not read."""
        error = cast(Any, self.request).error
        answer = problems.respond(_problem(error.code, error.reason))
        body = answer.get_data()
        self.status = answer.status
        self.response_headers = [("Content-Type", "application/problem+json")]
        self.content_length = len(body)
        self.set_close_on_finish()
        self.write(body)


class _Channel(channel.HTTPChannel):
    error_task_class = _Refusal


def serve(application: flask.Flask, master: settings.Master) -> None:
    """Answers at the master's address until the process is told to end."""
    sockets: dict[int, Any] = {}
    made = server.create_server(
        application,
        map=sockets,
        host=master.host,
        port=master.port,
        threads=master.threads,
        channel_timeout=120,
        max_request_body_size=_MOST_READ,
        clear_untrusted_proxy_headers=True,
        ident=None,
    )
    for listening in sockets.values():
        if isinstance(listening, server.BaseWSGIServer):
            listening.channel_class = _Channel
    made.run()


def _problem(status: int, reason: str) -> errors.OndemandError:
    if status == 500:
        return errors.ServiceError("The request could not be answered", cause=f"of «{reason}»", remedy="try again")
    remedy = f"send at most {app.MAX_BODY >> 20} MiB" if status == 413 else "send it as HTTP/1.1 has it"
    return errors.HttpError("The request was not read", status=status, cause=f"of «{reason}»", remedy=remedy)
