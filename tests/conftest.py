# SPDX-License-Identifier: MIT
"""Fixtures that all tests share, and the rule that CI skips nothing in silence."""

from __future__ import annotations

import os
import pathlib
import shutil
import tempfile
from collections.abc import Iterator

import hypothesis
import pytest
from flask.testing import FlaskClient

from demo import distribution as demo_distribution
from demo import servers as demo_servers
from ondemand import settings
from ondemand_web import app, database, service
from tests import master_parts, postgres_server

ROOT = pathlib.Path(__file__).resolve().parent.parent
ALLOWED_SKIPS = ("needs shared/data/appstream", "needs livecd-creator", "needs lorax", "needs a control group that this user may make")
"""Reasons for which CI may skip a test; every other skip there is a failure."""
LAST = ("tests/acceptance/test_dvd.py", "tests/faults/test_bus.py")
"""What runs at the end of its part of `make test-slow`: two emulated machines, beside a long outage, which needs no processor."""
_skipped: list[str] = []
# A slow machine is no failure of a property, and what failed is printed to be repeated.
hypothesis.settings.register_profile("ours", deadline=None, database=None, print_blob=True)
hypothesis.settings.load_profile("ours")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Puts LAST last; all others stay in their order."""
    items.sort(key=lambda item: item.path.relative_to(ROOT).as_posix() in LAST)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Notes each skip with its reason."""
    if report.skipped:
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        _skipped.append(f"{report.nodeid}: {reason}")


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """In CI a skip that is not allowed fails the run."""
    refused = [line for line in _skipped if not any(reason in line for reason in ALLOWED_SKIPS)]
    if os.environ.get("CI") and refused:
        print("\nskipped, though CI may not:", *refused, sep="\n  ")
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.fixture(scope="session")
def distribution() -> pathlib.Path:
    """The demo distribution, made once for these sources."""
    if os.geteuid() != 0 or not all(map(shutil.which, ("apt-get", "rpmbuild", "createrepo_c"))):
        pytest.skip("needs root, apt-get, rpmbuild and createrepo_c to make the demo distribution")
    return demo_distribution.make(ROOT / "build" / "demo-distribution")


@pytest.fixture(scope="session")
def servers(distribution: pathlib.Path) -> Iterator[str]:
    """The address of the demo's Koji, Bodhi and repositories."""
    running = demo_servers.DemoServers(distribution)
    yield running.start()
    running.stop()


@pytest.fixture(scope="session")
def postgres() -> Iterator[postgres_server.PostgresServer]:
    """A running PostgreSQL whose database `template` has the tables."""
    if postgres_server.programs() is None:
        pytest.skip("needs PostgreSQL")
    # Not below pytest's folder, which only its own user may enter.
    with tempfile.TemporaryDirectory(prefix="ondemand-postgres-") as folder:
        pathlib.Path(folder).chmod(0o711)
        server = postgres_server.PostgresServer(pathlib.Path(folder) / "server")
        server.start()
        server.execute("CREATE DATABASE template TEMPLATE template0")
        made = database.Database(server.url("template"))
        made.upgrade()
        made.close()
        yield server
        server.stop()


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: pathlib.Path) -> Iterator[str]:
    """The URL of a database without rows: each test that asks for it runs once on both kinds."""
    yield from _made_database(request, tmp_path, "template")


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_database_url(request: pytest.FixtureRequest, tmp_path: pathlib.Path) -> Iterator[str]:
    """The URL of a database without tables, of both kinds."""
    yield from _made_database(request, tmp_path, "template0")


def _made_database(request: pytest.FixtureRequest, tmp_path: pathlib.Path, template: str) -> Iterator[str]:
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'master' / 'ondemand.sqlite'}"
        return
    server: postgres_server.PostgresServer = request.getfixturevalue("postgres")
    name = server.create(template)
    yield server.url(name)
    server.drop(name)


@pytest.fixture
def here(tmp_path: pathlib.Path, database_url: str) -> Iterator[service.Service]:
    """A master's parts on an empty database, with the releases of config/."""
    made = service.make(
        settings.load(
            master={
                "data": tmp_path / "master",
                "config": master_parts.config(tmp_path),
                "database": database_url,
                "anonymous_owner": "alice",
                "url": "http://master.example",
            }
        )
    )
    yield made
    made.database.close()


@pytest.fixture
def web(here: service.Service) -> FlaskClient:
    """What a client gets from the master, without a server."""
    return app.make(here).test_client()
