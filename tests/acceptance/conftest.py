# SPDX-License-Identifier: MIT
"""One running service with two build nodes for all acceptance tests that don't need one of their own."""

from __future__ import annotations

import pathlib
from collections.abc import Iterator

import pytest

from tests import postgres_server
from tests import service_parts as parts


@pytest.fixture(scope="session")
def service(
    distribution: pathlib.Path, postgres: postgres_server.PostgresServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[parts.Running]:
    """Broker, database, master and two nodes, each process its own."""
    master: dict[str, object] = {"database": postgres.url(postgres.create())}
    nodes = ("node-1", "node-2")
    with parts.running(tmp_path_factory.mktemp("service"), distribution, nodes=nodes, master=master) as started:
        yield started
