# SPDX-License-Identifier: MIT
"""Parts of the service die in the middle of a build, and the build comes to a good end all the same."""

from __future__ import annotations

import pathlib
import sqlite3
import time
from collections.abc import Iterator

import pytest

from ondemand.states import Outcome, Step
from tests import service_parts as parts

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def service(distribution: pathlib.Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[parts.Running]:
    """A service with one node: what it loses, only itself can make good."""
    with parts.running(tmp_path_factory.mktemp("crashes"), distribution) as started:
        yield started


def waiting_deliveries(service: parts.Running) -> int:
    """How many messages the bus has not got yet."""
    with sqlite3.connect(service.folder / "master" / "ondemand.sqlite") as database:
        query = "SELECT count(*) FROM delivery WHERE sink = 'bus' AND state != 'delivered'"
        return int(database.execute(query).fetchone()[0])


def test_a_killed_builder_loses_its_attempt_and_makes_the_next_one(service: parts.Running) -> None:
    (node,) = service.nodes
    build_id = service.submit(**parts.wanted())
    service.at(build_id, Step.BUILD, b"Installing")
    node.builder.kill()
    assert parts.soon(lambda: not [item for item in parts.left_over(node) if item.startswith("process")])
    node.start_builder()
    record = service.succeeded(build_id)
    assert [attempt.outcome for attempt in record.attempts] == [Outcome.LOST, Outcome.SUCCEEDED]
    assert {attempt.builder for attempt in record.attempts} == {node.name}
    assert parts.soon(lambda: not parts.left_over(node)), parts.left_over(node)


def test_a_broker_that_dies_and_comes_back_disturbs_no_build(service: parts.Running) -> None:
    (node,) = service.nodes
    pid = node.builder.pid
    build_id = service.submit(**parts.wanted())
    service.at(build_id, Step.BUILD, b"Installing")
    service.broker.kill()
    time.sleep(3)
    service.broker.start()
    record = service.succeeded(build_id)
    assert node.builder.pid == pid and len(record.attempts) == 1
    assert parts.soon(lambda: waiting_deliveries(service) == 0, 90), service.dispatcher.output


def test_a_master_that_dies_and_comes_back_ends_no_attempt(service: parts.Running) -> None:
    (node,) = service.nodes
    build_id = service.submit(**parts.wanted())
    service.at(build_id, Step.BUILD, b"Installing")
    for process in (service.web, service.dispatcher):
        process.kill()
    time.sleep(5)
    for process in (service.web, service.dispatcher):
        process.start()
    service.wait_for_web()
    record = service.succeeded(build_id)
    assert [attempt.outcome for attempt in record.attempts] == [Outcome.SUCCEEDED]
    log = service.client.log(build_id, Step.BUILD)[0]
    assert b"$ kiwi-ng" in log and node.builder.pid
