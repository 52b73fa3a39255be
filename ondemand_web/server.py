# SPDX-License-Identifier: MIT
"""The HTTP server around the application. What it refuses by itself is a problem document, too."""

from __future__ import annotations

import copy
import logging
import tempfile
from typing import Any, ClassVar, cast

import flask
from waitress import channel, parser, server, task, utilities

from ondemand import errors
from ondemand_web import app, problems
from ondemand_web.service import Service
from ondemand_web.uploads import views as uploads

log = logging.getLogger(__name__)
_MOST_READ = 16 * 1024**2
"""Bytes beyond which no body is read, above the application's own limits; waitress keeps over 512 KiB on disk."""

CONNECTIONS = 800
"""Connections kept at once: a builder keeps two, one for its beats. With more open nobody else is let in. Below the
1,024 open files that a process may have by default."""


class _Refusal(task.ErrorTask):
    """Waitress answers this when a request can't be read, or is too large to be."""

    def execute(self) -> None:
        """Writes the problem document and closes, since what else the client sends is not read."""
        error = cast(Any, self.request).error
        answer = problems.respond(error.problem if isinstance(error, _Refused) else _problem(error.code, error.reason))
        body = answer.get_data()
        self.status = answer.status
        self.response_headers = [("Content-Type", "application/problem+json")]
        self.content_length = len(body)
        self.set_close_on_finish()
        self.write(body)


class _Refused:
    """Why a request is answered before its body came."""

    def __init__(self, problem: errors.OndemandError) -> None:
        self.problem = problem


class _Parser(parser.HTTPRequestParser):
    """Reads an upload's large body, but only of somebody who may upload: else anybody could fill the disk."""

    here: ClassVar[Service]
    _asked = False

    def received(self, data: bytes) -> int:
        """Takes what came; gives how many bytes it used."""
        used = int(super().received(data))
        if self.headers_finished and not self._asked:
            self._asked = True
            read: Any = self
            sound = self.error is None or isinstance(self.error, utilities.RequestEntityTooLarge)
            if sound and (read.command, read.path) == ("POST", uploads.ADDRESS):
                self._admit()
        return used

    def _admit(self) -> None:
        kind, size = self.headers.get("CONTENT_TYPE", ""), self.content_length
        try:
            uploads.admit(self.here, self.headers.get("AUTHORIZATION"), kind, size)
        except errors.OndemandError as error:
            return self._refuse(error)
        except Exception:
            log.exception("whether an upload may come could not be found out")
            return self._refuse(errors.ServiceError("The upload was not taken", remedy="try again"))
        self.adj = copy.copy(self.adj)
        self.adj.max_request_body_size = max(_MOST_READ, self.here.settings.master.max_rpm + 2)
        if self.error is not None:
            self.error, self.completed = None, False

    def _refuse(self, problem: errors.OndemandError) -> None:
        # Waitress would ask a client that waits for it to send its body all the same.
        self.error, self.completed, self.expect_continue = cast(Any, _Refused(problem)), True, False


def serve(application: flask.Flask, here: Service) -> None:
    """Answers at the master's address until the process is told to end."""
    master = here.settings.master
    folder = master.data / "coming"
    folder.mkdir(parents=True, exist_ok=True)
    # Large bodies wait here for their end; /tmp is memory on many machines.
    tempfile.tempdir = str(folder)
    parser_class = type("_Parser", (_Parser,), {"here": here})
    channel_class = type("_Channel", (channel.HTTPChannel,), {"error_task_class": _Refusal, "parser_class": parser_class})
    sockets: dict[int, Any] = {}
    made = server.create_server(
        application,
        map=sockets,
        host=master.host,
        port=master.port,
        threads=master.threads,
        connection_limit=CONNECTIONS,
        asyncore_use_poll=True,
        channel_timeout=120,
        max_request_body_size=_MOST_READ,
        clear_untrusted_proxy_headers=True,
        ident=None,
    )
    for listening in sockets.values():
        if isinstance(listening, server.BaseWSGIServer):
            listening.channel_class = channel_class
    made.run()


def _problem(status: int, reason: str) -> errors.OndemandError:
    if status == 500:
        return errors.ServiceError("The request could not be answered", cause=f"of «{reason}»", remedy="try again")
    remedy = f"send at most {app.MAX_BODY >> 20} MiB" if status == 413 else "send it as HTTP/1.1 has it"
    return errors.HttpError("The request was not read", status=status, cause=f"of «{reason}»", remedy=remedy)
