# SPDX-License-Identifier: MIT
"""How long `POST /api/v1/builds` takes while web and dispatcher work as processes of their own on SQLite.

Each request names a package that no repository has: the dispatcher really solves and then refuses each of them
while further ones arrive, its relay publishes their events, and no queue is left behind for later figures.
"""

from __future__ import annotations

import time
import uuid

import requests

from ondemand.states import State
from tests import service_parts
from tests.bench import figures

COUNT = 300
CHECK_TIMEOUT = 300.0


def measure(service: service_parts.Running) -> dict[str, float]:
    """`submit_p95_ms` over COUNT requests of one client, each with an Idempotency-Key of its own."""
    figures.announce(f"{COUNT} requests")
    with requests.Session() as session:
        seconds = [_submit(service.site.url, session, number) for number in range(COUNT)]
    print(figures.spread("submit", [value * 1000 for value in seconds], "ms"), flush=True)
    received = service_parts.soon(lambda: not service.client.builds(state=State.RECEIVED, limit=1), CHECK_TIMEOUT, 0.5)
    assert received, service.dispatcher.output
    return {"submit_p95_ms": figures.percentile(seconds, 95) * 1000}


def _submit(url: str, session: requests.Session, number: int) -> float:
    body = {"release": "demo", "title": f"Benchmark {number}", "add_packages": [f"no-such-package-{number}"]}
    headers = {"Idempotency-Key": str(uuid.uuid4())}
    began = time.perf_counter()
    answer = session.post(f"{url}/api/v1/builds", json=body, headers=headers, timeout=30)
    taken = time.perf_counter() - began
    assert answer.status_code == 202, answer.text
    return taken
