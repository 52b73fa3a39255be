# SPDX-License-Identifier: MIT
"""A real PostgreSQL as child processes on a free port, with temporary data, and databases copied from a template."""

from __future__ import annotations

import contextlib
import itertools
import os
import pathlib
import pwd
import shutil
import signal
import subprocess
import time
from typing import Any

import psycopg

from ondemand_web.private_broker import free_port

START_TIMEOUT = 60.0
STOP_TIMEOUT = 30.0
# Nothing here outlives the tests: what is lost in a power cut may be lost.
_SETTINGS = ("listen_addresses=127.0.0.1", "fsync=off", "full_page_writes=off", "max_connections=300")


def programs() -> pathlib.Path | None:
    """The folder of initdb and postgres, the newest version; None without them."""
    found = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if found:
        return found[-1].parent
    initdb = shutil.which("initdb")
    return pathlib.Path(initdb).parent if initdb else None


def _lifeline() -> tuple[str, ...]:
    """What stands before the server's words: it ends when its parent does, even a killed one, and waits for no client."""
    setpriv = shutil.which("setpriv")
    return (setpriv, "--pdeathsig", "INT", "--") if setpriv else ()


class PostgresServer:
    """One server; it may be stopped, killed and started again with the same data and port."""

    def __init__(self, folder: pathlib.Path) -> None:
        """`folder` keeps the data; it is made. Raises FileNotFoundError without PostgreSQL on this machine."""
        found = programs()
        if found is None:
            raise FileNotFoundError("initdb")
        self.folder, self.port, self._programs = folder, free_port(), found
        self._process: subprocess.Popen[bytes] | None = None
        self._numbers = itertools.count(1)
        folder.mkdir(parents=True)
        # It refuses to be root; the tests often are.
        self._user: dict[str, Any] = {}
        if os.geteuid() == 0:
            nobody = pwd.getpwnam("nobody")
            os.chown(folder, nobody.pw_uid, nobody.pw_gid)
            self._user = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
        self._run("initdb", "-D", "data", "-U", "ondemand", "-A", "trust", "-E", "UTF8", "--no-locale", "-N")

    def url(self, database: str) -> str:
        """SQLAlchemy's URL of a database."""
        return f"postgresql+psycopg://ondemand@127.0.0.1:{self.port}/{database}"

    def start(self) -> None:
        """Starts it and waits until it answers; raises TimeoutError."""
        words = [word for setting in (*_SETTINGS, f"port={self.port}", "unix_socket_directories=") for word in ("-c", setting)]
        with (self.folder.parent / f"{self.folder.name}.log").open("ab") as log:
            self._process = subprocess.Popen(
                [*_lifeline(), self._programs / "postgres", "-D", "data", *words],
                cwd=self.folder,
                stdout=log,
                stderr=log,
                start_new_session=True,
                **self._user,
            )
        until = time.monotonic() + START_TIMEOUT
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > until:
                self.kill()
                raise TimeoutError(f"PostgreSQL does not start; see {log.name}")
            time.sleep(0.05)

    def stop(self) -> None:
        """Ends it and every connection."""
        self._end(signal.SIGINT)

    def kill(self) -> None:
        """Ends it at once, as a crash would."""
        self._end(signal.SIGKILL)

    def create(self, template: str = "template0") -> str:
        """The name of a new database, a copy of the template."""
        name = f"made{next(self._numbers)}"
        self.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        return name

    def drop(self, name: str) -> None:
        """Removes a database and ends its connections."""
        self.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    def execute(self, statement: str) -> None:
        """Runs a statement outside of any transaction."""
        with psycopg.connect(self._dsn, autocommit=True) as connection:
            connection.execute(statement)

    @property
    def _dsn(self) -> str:
        return f"host=127.0.0.1 port={self.port} user=ondemand dbname=postgres connect_timeout=5"

    def _answers(self) -> bool:
        with contextlib.suppress(psycopg.OperationalError), psycopg.connect(self._dsn):
            return True
        return False

    def _end(self, how: signal.Signals) -> None:
        if self._process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            # A crash takes all its processes at once, else the others would hold the port.
            os.killpg(self._process.pid, how) if how is signal.SIGKILL else self._process.send_signal(how)
        self._process.wait(STOP_TIMEOUT)
        self._process = None

    def _run(self, program: str, *words: str) -> None:
        argv = [str(self._programs / program), *words]
        subprocess.run(argv, cwd=self.folder, check=True, capture_output=True, timeout=120, **self._user)
