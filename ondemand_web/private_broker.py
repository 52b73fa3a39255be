# SPDX-License-Identifier: MIT
"""A RabbitMQ of one's own as child processes, on free ports, with its data in one folder. Not for production."""

from __future__ import annotations

import contextlib
import os
import pathlib
import signal
import socket
import subprocess
import time

from ondemand import errors
from ondemand_web import lifeline

SERVER = pathlib.Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
START_TIMEOUT = 60.0
STOP_TIMEOUT = 15.0


def installed() -> bool:
    """Whether RabbitMQ is on this machine."""
    return SERVER.exists() and _epmd() is not None


def free_port() -> int:
    """A TCP port of 127.0.0.1 that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class PrivateBroker:
    """Starts, stops and restarts one broker; the port stays the same."""

    def __init__(self, folder: pathlib.Path) -> None:
        """`folder` keeps the broker's data; it is made."""
        self.folder = folder
        self.port, self._dist, self._epmd_port = free_port(), free_port(), free_port()
        self._children: list[subprocess.Popen[bytes]] = []
        self.files = {"enabled_plugins": "[].\n", "env.conf": "", "rabbitmq.conf": ""}
        """The broker's own configuration, written at each start."""

    @property
    def url(self) -> str:
        """The AMQP URL."""
        return f"amqp://guest:guest@127.0.0.1:{self.port}/%2F?connection_attempts=3&retry_delay=5"

    def start(self) -> None:
        """Starts the broker and waits until it answers; raises errors.ToolMissing or errors.ServiceError."""
        epmd = _epmd()
        if epmd is None or not SERVER.exists():
            raise errors.ToolMissing(
                "There is no RabbitMQ on this machine", remedy="install the package rabbitmq-server"
            )
        for name in ("mnesia", "log"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        for name, text in self.files.items():
            (self.folder / name).write_text(text)
        self._spawn([epmd, "-port", str(self._epmd_port), "-address", "127.0.0.1"])
        self._spawn([str(SERVER)])
        deadline = time.monotonic() + START_TIMEOUT
        while not _answers(self.port):
            if time.monotonic() > deadline or self._children[-1].poll() is not None:
                self.stop()
                raise errors.ServiceError(
                    "The private RabbitMQ did not start", remedy=f"read {self.folder / 'output.log'}"
                )
            time.sleep(0.1)

    def stop(self) -> None:
        """Ends the broker and everything it started."""
        for child in reversed(self._children):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGTERM)
            try:
                child.wait(STOP_TIMEOUT)
            except subprocess.TimeoutExpired:
                self._kill(child)
            self._kill(child)
        self._children = []

    def kill(self) -> None:
        """Ends the broker as a crash would."""
        for child in reversed(self._children):
            self._kill(child)
        self._children = []

    @staticmethod
    def _kill(child: subprocess.Popen[bytes]) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        child.wait(STOP_TIMEOUT)

    def _spawn(self, argv: list[str]) -> None:
        with (self.folder / "output.log").open("ab") as output:
            child = subprocess.Popen(
                [*lifeline.words(), *argv],
                env=self._environment(),
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._children.append(child)

    def _environment(self) -> dict[str, str]:
        folder = self.folder
        return {
            "HOME": str(folder),
            "PATH": "/usr/bin:/bin:/usr/sbin:/sbin",
            "LANG": "C.UTF-8",
            "ERL_EPMD_PORT": str(self._epmd_port),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODENAME": f"ondemand{self.port}@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": str(self.port),
            "RABBITMQ_DIST_PORT": str(self._dist),
            "RABBITMQ_MNESIA_BASE": str(folder / "mnesia"),
            "RABBITMQ_LOG_BASE": str(folder / "log"),
            "RABBITMQ_LOGS": "-",
            "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq.conf"),
            "RABBITMQ_ADVANCED_CONFIG_FILE": str(folder / "advanced.config"),
            "RABBITMQ_CONF_ENV_FILE": str(folder / "env.conf"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "enabled_plugins"),
            "RABBITMQ_PID_FILE": str(folder / "rabbit.pid"),
            "RABBITMQ_FEATURE_FLAGS_FILE": str(folder / "feature_flags"),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1}",
        }


def _epmd() -> str | None:
    for path in ("/usr/bin/epmd", *map(str, pathlib.Path("/usr/lib64/erlang").glob("erts-*/bin/epmd"))):
        if pathlib.Path(path).exists():
            return path
    return None


def _answers(port: int) -> bool:
    """Whether something speaks AMQP there: it answers a wish for version 0.9.1."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=2) as probe:
            probe.settimeout(2)
            probe.sendall(b"AMQP\x00\x00\x09\x01")
            return bool(probe.recv(1))
    except OSError:
        return False
