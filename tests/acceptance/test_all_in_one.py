# SPDX-License-Identifier: MIT
"""`ondemand serve --all-in-one`, as a laptop and `make demo` run it: all its parts start, and all end with it."""

from __future__ import annotations

import json
import os
import pathlib
import signal

import pytest
import requests

from demo import site
from ondemand_web import private_broker
from tests import service_parts as parts


@pytest.fixture
def ready(distribution: pathlib.Path, servers: str, tmp_path: pathlib.Path) -> tuple[parts.Process, dict[str, object]]:
    """The supervisor and what it wrote when everything answered."""
    if os.geteuid() != 0 or not private_broker.installed():
        pytest.skip("needs root and rabbitmq-server")
    here = site.write(tmp_path, distribution, servers)
    argv = (*parts.ONDEMAND, "serve", "--all-in-one", "--ready-file", str(tmp_path / "ready.json"))
    process = parts.Process(argv, tmp_path / "service.log", here.environment)
    process.start()
    assert parts.soon((tmp_path / "ready.json").exists, 90), process.output
    return process, json.loads((tmp_path / "ready.json").read_text())


def running(pids: dict[str, int]) -> list[str]:
    """The names of those that still run."""
    return [name for name, pid in pids.items() if pathlib.Path(f"/proc/{pid}").exists()]


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL], ids=lambda how: how.name)
def test_all_parts_run_and_none_outlives_it(ready: tuple[parts.Process, dict[str, object]], how: signal.Signals) -> None:
    process, told = ready
    pids = told["pids"]
    assert isinstance(pids, dict) and set(pids) == {"web", "dispatcher", "doorbell", "builder"}
    assert requests.get(f"{told['url']}/api/v1/releases", timeout=30).json()["releases"][0]["name"] == "demo"
    assert len(running(pids)) == 4
    os.kill(process.pid, how)
    assert process.stop() == (0 if how is signal.SIGTERM else -how)
    assert parts.soon(lambda: not running(pids), 60), running(pids)
