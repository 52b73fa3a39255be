# SPDX-License-Identifier: MIT
"""The bot of docs/bots.md, as it stands there, orders by message and by REST and follows its builds: all real processes.

There is no release, so that each build ends soon, refused.
"""

from __future__ import annotations

import contextlib
import os
import pathlib
import re
import subprocess
from collections.abc import Iterator

import pytest
import requests

from demo import site
from ondemand.client import Client
from ondemand_web import private_broker, supervisor
from tests import service_parts as parts
from tests import trigger_parts

DOCUMENT = (trigger_parts.EXAMPLE.parent / "docs" / "bots.md").read_text(encoding="utf-8")
(CODE,) = re.findall(r"^```python\n(\"\"\"acme_bot\.py.*?)^```$", DOCUMENT, re.MULTILINE | re.DOTALL)
(TABLES,) = re.findall(r"^```toml\n(\[queues\.acme\].*?)^```$", DOCUMENT, re.MULTILINE | re.DOTALL)
PASSED = "org.fedoraproject.prod.acme.tests.passed"
PREFIX = 'topic_prefix = "org.fedoraproject.prod"\n'
SECRET = "s" * 40


class World:
    """Broker, master and trigger, and the bot in its own folder."""

    def __init__(self, folder: pathlib.Path, stack: contextlib.ExitStack) -> None:
        self.folder, self._stack = folder, stack
        self.broker = private_broker.PrivateBroker(folder / "rabbitmq")
        self.broker.start()
        stack.callback(self.broker.stop)
        self.bus = trigger_parts.RawBus(self.broker.url)
        conf = folder / "master.toml"
        conf.write_text(PREFIX + supervisor.bus_configuration(self.broker.url, "unused", folder / "no-bell"))
        bot = {"owner": "acme", "hourly": 2, "secret": SECRET}
        tables: dict[str, dict[str, object]] = {"bus": {"config": str(conf)}, "orders.bots.acme": bot, "master": {"wishers": ["trigger"]}}
        self.site = site.write(folder, None, "http://127.0.0.1:9", tables=tables)
        for part in ("web", "dispatcher"):
            self.start(part, *parts.ONDEMAND, "serve", "--only", part)
        self.client = Client(self.site.url)
        assert parts.soon(self._answers, 60)
        self._start_trigger()

    def start(self, name: str, *argv: str, **environment: str) -> parts.Process:
        """One more process."""
        path = os.pathsep.join((str(self.folder), str(trigger_parts.EXAMPLE.parent)))
        process = parts.Process(argv, self.folder / f"{name}.log", {**self.site.environment, "PYTHONPATH": path, **environment})
        return parts.started(self._stack, process)

    def token(self, person: str) -> str:
        """A new token of that person's."""
        words = (*parts.ONDEMAND, "serve", "--add-person", person)
        return subprocess.run(words, env=self.site.environment, capture_output=True, text=True, timeout=60, check=True).stdout.strip()

    def bot(self, name: str, tables: str, **environment: str) -> parts.Process:
        """The document's bot with these tables, listening."""
        (self.folder / "acme_bot.py").write_text(CODE)
        conf = self.folder / f"{name}.toml"
        base = supervisor.bus_configuration(self.broker.url, "x", self.folder / "no-bell")
        conf.write_text(PREFIX + base.split("[queues.")[0] + tables + "\n[qos]\nprefetch_size = 0\nprefetch_count = 1\n")
        consume = ("--conf", str(conf), "consume", "--callback=acme_bot:Bot")
        return self._listening(self.start(name, parts.FEDORA_MESSAGING, *consume, **environment))

    def said(self, process: parts.Process, text: str) -> None:
        """Waits until the process has said that."""
        assert parts.soon(lambda: text in process.output), process.output

    def _answers(self) -> bool:
        with contextlib.suppress(requests.RequestException):
            return requests.get(f"{self.site.url}/api/v1/builds", timeout=5).ok
        return False

    def _start_trigger(self) -> None:
        conf = trigger_parts.configuration(self.folder, self.broker.url, self.site.url)
        (self.folder / "token").write_text(self.token("trigger"))
        trigger_parts.with_orders(conf)
        self.trigger = self._listening(self.start("trigger", parts.FEDORA_MESSAGING, "--conf", str(conf), "consume"))

    def _listening(self, process: parts.Process) -> parts.Process:
        assert parts.soon(lambda: "Successfully registered" in process.output, 60), process.output
        return process


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    if not private_broker.installed():
        pytest.skip("needs rabbitmq-server")
    with contextlib.ExitStack() as stack:
        yield World(tmp_path_factory.mktemp("bots"), stack)


def test_the_bot_is_a_page() -> None:
    assert len(CODE.splitlines()) <= 60 and max(map(len, CODE.splitlines())) <= 120


def test_the_bot_orders_by_message_once_and_follows_its_build_to_the_end(world: World) -> None:
    bot = world.bot("by-message", TABLES, ACME_SECRET=SECRET)
    for _ in range(2):
        world.bus.publish({"update": "FEDORA-2026-0123456789"}, PASSED, "passed-1")
    world.said(bot, "the wish of bot acme is accepted as build 1")
    world.said(bot, "acme's build 1 (FEDORA-2026-0123456789, tested) is now refused: ")
    world.said(bot, "the end of build 1")
    world.bus.publish({"update": "FEDORA-2026-0123456789"}, PASSED, "passed-1")
    for number in (2, 3):
        world.bus.publish({"update": "FEDORA-2026-0000000000"}, PASSED, f"passed-{number}")
    world.said(bot, "refused: The bot acme has ordered 2 images within an hour")
    world.said(bot, "the end of build 2")
    assert bot.output.count("wish of bot acme") == 3 and [each.owner for each in world.client.builds()] == ["acme", "acme"]
    assert bot.stop() == 0 and "Traceback" not in bot.output + world.trigger.output


def test_a_bot_without_the_secret_is_told_so(world: World) -> None:
    bot = world.bot("unproven", TABLES)
    before = world.client.builds()
    world.bus.publish({"update": "FEDORA-2026-0123456789"}, PASSED, "passed-unproven")
    world.said(bot, "the wish of bot acme is refused: The order is not proven to come from the bot acme")
    assert world.client.builds() == before and bot.stop() == 0


def test_the_bot_orders_by_rest_and_follows_its_build_to_the_end(world: World) -> None:
    tables = re.sub(r'^# master = ".*"$', f'master = "{world.site.url}"', TABLES, flags=re.MULTILINE)
    bot = world.bot("by-rest", tables, ACME_TOKEN=world.token("acme"))
    for _ in range(2):
        world.bus.publish({"update": "FEDORA-2026-9876543210"}, PASSED, "passed-by-rest")
    newest = world.client.builds()[0].id + 1
    world.said(bot, f"the end of build {newest}")
    assert parts.soon(lambda: bot.output.count(f"ordered {world.site.url}/builds/{newest}") == 2), bot.output
    assert bot.stop() == 0 and "Traceback" not in bot.output
