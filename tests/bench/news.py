# SPDX-License-Identifier: MIT
"""How long it takes from `POST /api/v1/builds` to the message of the new build at a consumer.

Each request names a package that no repository has, so the dispatcher checks and refuses each while the next is told.
"""

from __future__ import annotations

import json
import queue
import threading
import time
import uuid

import pika
import requests

from tests import service_parts
from tests.bench import figures

COUNT = 200
WARM = 3
PATIENCE = 30.0
TOPIC = "ondemand.build.state.changed"


class Listener:
    """A consumer with a queue of its own; what it hears is kept with the time at which it came."""

    def __init__(self, url: str) -> None:
        self._connection = pika.BlockingConnection(pika.URLParameters(url))
        channel = self._connection.channel()
        channel.exchange_declare("amq.topic", "topic", durable=True)
        name = channel.queue_declare("", exclusive=True).method.queue
        channel.queue_bind(name, "amq.topic", TOPIC)
        self._heard: queue.SimpleQueue[tuple[float, bytes]] = queue.SimpleQueue()
        channel.basic_consume(name, lambda *said: self._heard.put((time.perf_counter(), said[3])), auto_ack=True)
        self._channel = channel
        self._thread = threading.Thread(target=channel.start_consuming, daemon=True)
        self._thread.start()

    def when_received(self, build_id: int) -> float:
        """When the message of the build's first state came; raises queue.Empty when none comes."""
        while True:
            at, said = self._heard.get(timeout=PATIENCE)
            body = json.loads(said)
            if body["build"]["id"] == build_id and body["new"] == "received":
                return at

    def close(self) -> None:
        """Leaves."""
        self._connection.add_callback_threadsafe(self._channel.stop_consuming)
        self._thread.join(10)
        self._connection.close()


def measure(service: service_parts.Running) -> dict[str, float]:
    """`submit_to_message_p95_ms` over COUNT requests."""
    figures.announce(f"{COUNT} requests until their message")
    listener = Listener(service.broker.url)
    try:
        with requests.Session() as session:
            seconds = [_submit(service.site.url, session, listener, number) for number in range(WARM + COUNT)][WARM:]
    finally:
        listener.close()
    print(figures.spread("message", [value * 1000 for value in seconds], "ms"), flush=True)
    return {"submit_to_message_p95_ms": figures.percentile(seconds, 95) * 1000}


def _submit(url: str, session: requests.Session, listener: Listener, number: int) -> float:
    body = {"release": "demo", "title": f"Benchmark {number}", "add_packages": [f"no-such-package-{number}"]}
    began = time.perf_counter()
    answer = session.post(f"{url}/api/v1/builds", json=body, headers={"Idempotency-Key": str(uuid.uuid4())}, timeout=30)
    assert answer.status_code == 202, answer.text
    return listener.when_received(answer.json()["id"]) - began
