# SPDX-License-Identifier: MIT
"""The tests' own PostgreSQL: it does not outlive them."""

from __future__ import annotations

import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile

import pytest

from tests import postgres_server
from tests.service_parts import soon

PROGRAM = """
import pathlib, sys, time
from tests import postgres_server
server = postgres_server.PostgresServer(pathlib.Path(sys.argv[1]) / "server")
server.start()
print(server.port, flush=True)
time.sleep(60)
"""
ABLE = postgres_server.programs() is not None and shutil.which("setpriv") is not None


def listens(port: int) -> bool:
    with socket.socket() as asking:
        return asking.connect_ex(("127.0.0.1", port)) == 0


@pytest.mark.skipif(not ABLE, reason="needs PostgreSQL and setpriv")
def test_a_server_ends_when_the_tests_are_killed() -> None:
    # Not below tmp_path, which PostgreSQL's own user may not enter.
    with tempfile.TemporaryDirectory(prefix="ondemand-postgres-") as folder:
        pathlib.Path(folder).chmod(0o711)
        with subprocess.Popen([sys.executable, "-c", PROGRAM, folder], stdout=subprocess.PIPE, text=True) as parent:
            assert parent.stdout is not None
            port = int(parent.stdout.readline())
            assert listens(port)
            parent.kill()
        assert soon(lambda: not listens(port), 20)
        assert soon(lambda: not list(pathlib.Path(folder).glob("server/data/postmaster.pid")), 20)
