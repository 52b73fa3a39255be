# SPDX-License-Identifier: MIT
"""Group bus: many builders, many builds, PostgreSQL and RabbitMQ. What is not on this machine is a named skip."""

from __future__ import annotations

import contextlib
import pathlib
import tempfile
from collections.abc import Iterator, Mapping

import requests

from demo import distribution
from ondemand_web import private_broker, starting
from ondemand_web.database import Database
from tests import postgres_server, service_parts
from tests.bench import claims, core, figures, lists, news, rows, small_users, wakes

TARGETS: Mapping[str, float] = {
    "wake_rabbitmq_p95_ms": 500,
    "submit_to_message_p95_ms": 300,
    "claim_p95_ms": 100,
    "claim_attempts_twice": 0,
    "list_p95_ms": 150,
    "small_user_wait_ratio": 1.5,
}
BUILDS = 200_000
"""Builds that have ended, in the table while everything is measured."""
BUILDERS = 20
WAKES = 200


def measure(folder: pathlib.Path) -> Iterator[dict[str, float]]:
    """All figures of the group, on one PostgreSQL; the service's own has a database of its own there."""
    if postgres_server.programs() is None:
        figures.skip(sorted(TARGETS), "needs PostgreSQL")
        return
    # Not below the folder, which PostgreSQL's own user may not enter.
    with tempfile.TemporaryDirectory(prefix="ondemand-postgres-") as data, contextlib.ExitStack() as stack:
        pathlib.Path(data).chmod(0o711)
        server = postgres_server.PostgresServer(pathlib.Path(data) / "server")
        server.start()
        stack.callback(server.stop)
        with _database(server) as (_, database):
            yield small_users.measure(database)
        if not private_broker.installed():
            figures.skip(sorted({*TARGETS} - {"small_user_wait_ratio"}), "needs rabbitmq-server")
            return
        made = distribution.make(core.DEMO)
        url, database = stack.enter_context(_database(server))
        figures.announce(f"writing {BUILDS} builds that have ended")
        rows.ended(database, BUILDS)
        _analyze(database)
        (folder / "service").mkdir()
        with service_parts.Running(folder / "service", made, {"master": {"database": url}}) as service:
            yield from _of_service(service, database)


def _of_service(service: service_parts.Running, database: Database) -> Iterator[dict[str, float]]:
    # A full round of this process's garbage collector would stop a hundred builders at once, and be measured as the service's.
    starting.settle()
    yield lists.measure(service.site.url)
    yield news.measure(service)
    yield wakes.measure(service, database, "wake_rabbitmq_p95_ms", builders=BUILDERS, count=WAKES)
    with _second_web(service) as url:
        yield claims.measure((service.site.url, url), database)


@contextlib.contextmanager
def _second_web(service: service_parts.Running) -> Iterator[str]:
    """The address of a further web process of the same service."""
    url = f"http://127.0.0.1:{(port := private_broker.free_port())}"
    web = service.process("web-2", *service_parts.ONDEMAND, "serve", "--only", "web", ONDEMAND_MASTER__PORT=str(port))
    with contextlib.ExitStack() as stack:
        service_parts.started(stack, web)
        assert service_parts.soon(lambda: _answers(url), service_parts.START_TIMEOUT), web.output
        yield url


def _answers(url: str) -> bool:
    with contextlib.suppress(requests.RequestException):
        return requests.get(f"{url}/api/v1/releases", timeout=5).ok
    return False


@contextlib.contextmanager
def _database(server: postgres_server.PostgresServer) -> Iterator[tuple[str, Database]]:
    url = server.url(server.create())
    with contextlib.closing(Database(url)) as database:
        database.upgrade()
        yield url, database


def _analyze(database: Database) -> None:
    """What autovacuum does a minute after so much was written."""
    with database.engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
        connection.exec_driver_sql("VACUUM ANALYZE")
