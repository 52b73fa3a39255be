# SPDX-License-Identifier: MIT
"""One HTTP server for the whole demo: Koji's hub and files, Bodhi's updates, repositories and keys.

Listens on 127.0.0.1 only and never writes.
"""

from __future__ import annotations

import argparse
import collections.abc
import http.server
import json
import mimetypes
import os
import pathlib
import re
import shutil
import signal
import sys
import threading
import types
import typing
import urllib.parse

from demo import bodhi_server, koji_hub

_SERVED = ("packages", "work", "repositories", "keys")
_LARGEST_REQUEST = 8 * 1024 * 1024


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 64

    def __init__(self, folder: pathlib.Path, port: int) -> None:
        self.folder = folder.resolve()
        self.hub = koji_hub.Dispatcher(koji_hub.Hub(self.folder))
        self.bodhi = bodhi_server.Bodhi(self.folder)
        super().__init__(("127.0.0.1", port), _Handler)


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "ondemand-demo"
    disable_nagle_algorithm = True
    timeout = 60
    server: _Server

    def log_message(self, format: str, *args: typing.Any) -> None:
        """Say nothing: the demo's own output is what matters."""

    def do_POST(self) -> None:
        """Answer a call to the hub."""
        length = int(self.headers.get("Content-Length") or 0)
        path = urllib.parse.urlsplit(self.path).path
        if path.rstrip("/") != "/kojihub" or not 0 < length <= _LARGEST_REQUEST:
            self.close_connection = True
            self._send(404 if path.rstrip("/") != "/kojihub" else 413, b"", "text/plain")
            return
        self._send(200, self.server.hub.answer(self.rfile.read(length)), "text/xml")

    def do_HEAD(self) -> None:
        """Answer as GET does, without the content."""
        self.do_GET()

    def do_GET(self) -> None:
        """Answer with an update or a file."""
        parts = [part for part in urllib.parse.unquote(urllib.parse.urlsplit(self.path).path).split("/") if part]
        if len(parts) == 2 and parts[0] == "updates":
            status, document = self.server.bodhi.answer(parts[1])
            self._send(status, json.dumps(document).encode(), "application/json")
            return
        path = self._file(parts)
        if path is None:
            self._send(404, b"not found\n", "text/plain")
        else:
            self._send_file(path)

    def _file(self, parts: list[str]) -> pathlib.Path | None:
        if not parts or parts[0] not in _SERVED or ".." in parts:
            return None
        path = self.server.folder.joinpath(*parts)
        return path if path.is_file() and path.resolve().is_relative_to(self.server.folder) else None

    def _send(self, status: int, content: bytes, kind: str, more: dict[str, str] | None = None) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        for key, value in (more or {}).items():
            self.send_header(key, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def _send_file(self, path: pathlib.Path) -> None:
        with path.open("rb") as content:
            size = os.fstat(content.fileno()).st_size
            wanted = self.headers.get("Range")
            span = wanted_span(wanted, size) if wanted else (0, size)
            if span is None:
                self._send(416, b"", "text/plain", {"Content-Range": f"bytes */{size}"})
                return
            start, end = span
            self.send_response(206 if wanted else 200)
            self.send_header("Content-Type", mimetypes.guess_type(path.name)[0] or "application/octet-stream")
            self.send_header("Content-Length", str(end - start))
            self.send_header("Accept-Ranges", "bytes")
            self.send_header("Last-Modified", self.date_time_string(int(path.stat().st_mtime)))
            if wanted:
                self.send_header("Content-Range", f"bytes {start}-{end - 1}/{size}")
            self.end_headers()
            if self.command == "HEAD":
                return
            content.seek(start)
            if end == size:
                shutil.copyfileobj(content, self.wfile, 1 << 20)
            else:
                self.wfile.write(content.read(end - start))


def wanted_span(header: str, size: int) -> tuple[int, int] | None:
    """Return (start, end) for a Range header of one span, or None where it can't be satisfied."""
    found = re.fullmatch(r"bytes=(\d*)-(\d*)", header.strip())
    if found is None or (not found[1] and not found[2]):
        return None
    if not found[1]:
        start, end = max(0, size - int(found[2])), size
    else:
        start, end = int(found[1]), min(size, int(found[2]) + 1 if found[2] else size)
    return (start, end) if start < end else None


class DemoServers:
    """The server in a thread of this process, for tests."""

    def __init__(self, folder: pathlib.Path, port: int = 0) -> None:
        """Serve the distribution in `folder`; port 0 takes a free one."""
        self._folder, self._port = folder, port
        self._server: _Server | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> str:
        """Start serving and return the base URL."""
        self._server = _Server(self._folder, self._port)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def stop(self) -> None:
        """Stop serving and free the port."""
        if self._server is not None and self._thread is not None:
            self._server.shutdown()
            self._server.server_close()
            self._thread.join(10)


def main(arguments: collections.abc.Sequence[str] | None = None) -> int:
    """Command line: serve a distribution until SIGTERM or Ctrl-C."""
    parser = argparse.ArgumentParser(description="Serve a demo distribution as Koji and Bodhi would.")
    parser.add_argument("distribution", type=pathlib.Path, help="folder that demo.distribution printed")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free port")
    parser.add_argument("--ready-file", type=pathlib.Path, help="gets JSON with port and url when serving")
    options = parser.parse_args(arguments)
    over = threading.Event()

    def end(_signal: int, _frame: types.FrameType | None) -> None:
        over.set()

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    servers = DemoServers(options.distribution, options.port)
    try:
        url = servers.start()
    except OSError as problem:
        print(f"The demo's servers could not start: {problem}.", file=sys.stderr)
        return 1
    ready = json.dumps({"port": int(url.rsplit(":", 1)[1]), "url": url})
    if options.ready_file:
        unfinished = options.ready_file.with_name(options.ready_file.name + ".part")
        unfinished.write_text(ready + "\n")
        unfinished.rename(options.ready_file)
    print(ready, flush=True)
    over.wait()
    servers.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
