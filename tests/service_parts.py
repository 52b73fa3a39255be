# SPDX-License-Identifier: MIT
"""The whole service as separate processes: broker, master, doorbells, builders. Starts and ends them; tests nothing.

Koji, Bodhi, the repositories and the mail server are the demo's look-alikes; all else is the product.
"""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import pytest
import requests

from demo import builds as story
from demo import mail_server, site
from ondemand import build_requests
from ondemand.builds import BuildRecord
from ondemand.client import Client
from ondemand.states import State, Step, StepState
from ondemand_consumer import sweeper
from ondemand_web import lifeline, private_broker, supervisor
from tests import trace_parts

Found = TypeVar("Found")
ONDEMAND = (sys.executable, "-m", "ondemand.commands.main")
FEDORA_MESSAGING = str(pathlib.Path(sys.executable).with_name("fedora-messaging"))
START_TIMEOUT = 60.0
STOP_TIMEOUT = 60.0
BUILD_TIMEOUT = 900.0
WANTED = (story.NAMES["update"], story.NAMES["koji_build"])
"""An update out of updates-testing, and a build that only Koji knows."""


def soon(found: Callable[[], Found], seconds: float = 30.0, pause: float = 0.05) -> Found:
    """What `found` gives as soon as it is true; its last answer after `seconds`."""
    until = time.monotonic() + seconds
    while not (answer := found()) and time.monotonic() < until:
        time.sleep(pause)
    return answer


def wanted(**fields: Any) -> dict[str, Any]:
    """A request for a live image with both wanted builds."""
    return {"release": "demo", "builds": WANTED, "add_packages": ["ondemand-greeting"], **fields}


class Process:
    """One process of the service; its output is appended to `log`."""

    def __init__(self, argv: tuple[str, ...], log: pathlib.Path, environment: dict[str, str]) -> None:
        self._argv, self.log, self._environment = argv, log, environment
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Its process id; 0 when it does not run."""
        running = self._process is not None and self._process.poll() is None
        return self._process.pid if self._process and running else 0

    @property
    def output(self) -> str:
        """All that it has said."""
        return self.log.read_text("utf-8", "replace") if self.log.exists() else ""

    def start(self) -> None:
        """Starts it, in a session of its own."""
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(
                (*lifeline.words(), *self._argv),
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def stop(self) -> int:
        """Ends it as an operator does; gives its exit status."""
        if self._process is None:
            return 0
        if self.pid:
            self._process.terminate()
        try:
            return self._process.wait(STOP_TIMEOUT)
        except subprocess.TimeoutExpired:
            self.kill()
            return -signal.SIGKILL

    def kill(self) -> None:
        """Ends it alone by SIGKILL, as the kernel does for want of memory."""
        if self._process is not None and self.pid:
            self._process.kill()
            self._process.wait(STOP_TIMEOUT)


class Node:
    """A build node: a builder and the doorbell that wakes it."""

    def __init__(self, name: str, folder: pathlib.Path, doorbell: Process, builder: Process, files: trace_parts.Files) -> None:
        """`files` are those of the machine as it was before the service."""
        self.name, self.folder, self.doorbell, self.builder, self.files = name, folder, doorbell, builder, files

    @property
    def attempts(self) -> pathlib.Path:
        """Where its attempts work."""
        return self.folder / "work" / "attempts"

    def start(self) -> None:
        """Starts both and waits until the builder claims."""
        self.doorbell.start()
        self.start_builder()

    def start_builder(self) -> None:
        """Starts the builder and waits until it claims."""
        ready = self.builder.output.count("is ready")
        self.builder.start()
        assert soon(lambda: self.builder.output.count("is ready") > ready), self.builder.output


class Running:
    """A running service below `folder`; use as a context."""

    def __init__(self, folder: pathlib.Path, distribution: pathlib.Path, tables: dict[str, dict[str, object]]) -> None:
        self.folder = folder
        self._distribution, self._tables = distribution, tables
        self._stack = contextlib.ExitStack()
        self._files = trace_parts.Files(folder)
        self.nodes: list[Node] = []

    def __enter__(self) -> Running:
        with contextlib.ExitStack() as stack:
            self._start(stack)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def _start(self, stack: contextlib.ExitStack) -> None:
        ready = self.folder / "servers.json"
        servers = (sys.executable, "-m", "demo.servers", str(self._distribution), "--ready-file", str(ready))
        started(stack, Process(servers, self.folder / "servers.log", dict(os.environ)))
        assert soon(ready.exists), (self.folder / "servers.log").read_text()
        self.servers = str(json.loads(ready.read_text())["url"])
        self.mails = mail_server.MailServer(self.folder / "mail")
        self.mails.start()
        stack.callback(self.mails.stop)
        self.broker = private_broker.PrivateBroker(self.folder / "rabbitmq")
        self.broker.start()
        stack.callback(self.broker.stop)
        tables: dict[str, dict[str, object]] = {**self._tables, "bus": {"config": str(self.bus_file("master"))}}
        self.site = site.write(self.folder, self._distribution, self.servers, mail_port=self.mails.port, tables=tables)
        self.web = self.process("web", *ONDEMAND, "serve", "--only", "web")
        self.dispatcher = self.process("dispatcher", *ONDEMAND, "serve", "--only", "dispatcher")
        for process in (self.web, self.dispatcher):
            started(stack, process)
        self.client = Client(self.site.url)
        self.wait_for_web()

    def process(self, name: str, *argv: str, **environment: str) -> Process:
        """A process that belongs to this service, not yet started."""
        return Process(argv, self.folder / f"{name}.log", {**self.site.environment, **environment})

    def add_node(self, name: str, **environment: str) -> Node:
        """Makes a build node as an operator does and starts it; `environment` overrides its settings."""
        token = self.ondemand("serve", "--add-builder", name).strip()
        folder = self.folder / name
        folder.mkdir()
        values = {
            "ONDEMAND_BUILDER__NAME": name,
            "ONDEMAND_BUILDER__TOKEN": token,
            "ONDEMAND_BUILDER__WORK": str(folder / "work"),
            "ONDEMAND_BUILDER__BELL": str(folder / "bell"),
            **environment,
        }
        doorbell = self.doorbell(name, folder / "bell")
        builder = self.process(f"{name}-builder", *ONDEMAND, "builder", **values)
        node = Node(name, folder, doorbell, builder, self._files)
        self._stack.callback(builder.stop)
        self._stack.callback(doorbell.stop)
        node.start()
        self.nodes.append(node)
        return node

    def doorbell(self, name: str, bell: pathlib.Path) -> Process:
        """The doorbell that rings `bell`, with a queue of its own; not yet started."""
        consume = ("consume", "--callback=ondemand_consumer.doorbell:Consumer")
        conf = self.bus_file(name, bell)
        return self.process(f"{name}-doorbell", FEDORA_MESSAGING, "--conf", str(conf), *consume)

    def recorder(self, limit: int) -> tuple[Process, pathlib.Path]:
        """`fedora-messaging record`, as a bot would run it: ends after `limit` messages, then its file is whole."""
        file = self.folder / "recorder.jsonl"
        conf = self.bus_file("recorder", keys=("ondemand.#",))
        argv = (FEDORA_MESSAGING, "--conf", str(conf), "record", "--limit", str(limit), str(file))
        process = started(self._stack, self.process("recorder", *argv))
        assert soon(lambda: "Successfully registered" in process.output), process.output
        return process, file

    def ondemand(self, *words: str) -> str:
        """The output of the command line, which must succeed."""
        done = subprocess.run(
            [*ONDEMAND, *words], env=self.site.environment, capture_output=True, text=True, timeout=120, check=False
        )
        assert done.returncode == 0, done.stderr or done.stdout
        return done.stdout

    def wait_for_web(self) -> None:
        """Returns when the API answers."""

        def answers() -> bool:
            with contextlib.suppress(requests.RequestException):
                return requests.get(f"{self.site.url}/api/v1/releases", timeout=5).ok
            return False

        assert soon(answers, START_TIMEOUT), self.web.output

    def submit(self, **fields: Any) -> int:
        """Asks for an image; gives the build's id."""
        return self.client.submit(build_requests.validate(fields)).id

    def at(self, build_id: int, step: Step, said: bytes = b"") -> BuildRecord:
        """The build as soon as that step runs and `said` stands in its log."""

        def there() -> BuildRecord | None:
            record = self.client.build(build_id)
            assert not record.state.final, record.error or record.state
            steps = record.attempt.steps if record.attempt else ()
            running = any(item.step is step and item.state is StepState.RUNNING for item in steps)
            return record if running and said in self.client.log(build_id, step)[0] else None

        found = soon(there, BUILD_TIMEOUT, 0.1)
        assert found is not None, f"step {step} was not reached"
        return found

    def ended(self, build_id: int) -> BuildRecord:
        """The build at its end."""
        *_, record = self.client.follow(build_id, timeout=BUILD_TIMEOUT, pause=0.3)
        return record

    def succeeded(self, build_id: int) -> BuildRecord:
        """The build at its end, which must be a good one."""
        record = self.ended(build_id)
        assert record.state is State.SUCCEEDED, record.error or record.state
        return record

    def bus_file(self, queue: str, bell: pathlib.Path | None = None, keys: tuple[str, ...] = ()) -> pathlib.Path:
        """A fedora-messaging configuration with a durable queue of its own."""
        text = supervisor.bus_configuration(self.broker.url, f"test.{queue}", bell or self.folder / "no-bell")
        if keys:
            text = text.replace('["ondemand.build.requested"]', json.dumps(keys))
        path = self.folder / f"{queue}.fedora-messaging.toml"
        path.write_text(text)
        return path


def started(stack: contextlib.ExitStack, process: Process) -> Process:
    """The process, started now and ended with the stack."""
    process.start()
    stack.callback(process.stop)
    return process


@contextlib.contextmanager
def running(
    folder: pathlib.Path, distribution: pathlib.Path, nodes: tuple[str, ...] = ("node-1",), **tables: dict[str, object]
) -> Iterator[Running]:
    """A service with these build nodes; `tables` are settings."""
    if os.geteuid() != 0:
        pytest.skip("needs root, as a builder does")
    if not private_broker.installed():
        pytest.skip("needs rabbitmq-server")
    if not shutil.which("qemu-system-x86_64"):
        pytest.skip("needs qemu-system-x86_64")
    with Running(folder, distribution, tables) as service:
        for name in nodes:
            service.add_node(name)
        yield service


def left_over(node: Node) -> list[str]:
    """What is left of a node's attempts: processes, mounts, loop devices, folders, and files outside of the service's folder."""
    where = str(node.attempts)
    found = [f"mount {point}" for point in sweeper.mounts(node.attempts)]
    found += [f"loop device {device}" for device, _ in sweeper.loops(node.attempts)]
    found += [f"folder {folder.name}" for folder in node.attempts.iterdir()]
    found += [f"file {path}" for path in sorted(node.files.new())]
    for entry in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            if where in entry.read_bytes().decode("utf-8", "replace"):
                found.append(f"process {entry.parent.name}")
    return found
