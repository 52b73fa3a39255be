# SPDX-License-Identifier: MIT
"""What can't be started says why in one sentence, with a status of its own."""

from __future__ import annotations

import os
import pathlib
import socket
from collections.abc import Iterator

import pytest

from ondemand import errors, settings
from ondemand_consumer import capabilities, worker
from ondemand_web import starting
from tests import command_parts as parts


@pytest.fixture
def taken() -> Iterator[int]:
    """A port on which somebody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield int(server.getsockname()[1])


@pytest.mark.parametrize("words", [("serve",), ("serve", "--all-in-one")])
@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("MASTER__DATA", "/dev/null/data", "The folder /dev/null/data can't be made, because of «Not a directory»"),
        ("BUS__CONFIG", "/nonexistent.toml", "The bus configuration /nonexistent.toml can't be used, because No such file"),
    ],
)
def test_a_master_that_can_not_start_says_why(
    words: tuple[str, ...], key: str, value: str, said: str, tmp_path: pathlib.Path
) -> None:
    done = parts.run(*words, **{"MASTER__DATA": str(tmp_path), key: value})
    assert done.returncode == errors.CannotStart.exit_status
    assert done.stderr.splitlines()[-1].startswith(f"ondemand: {said}")


@pytest.mark.parametrize("words", [("serve",), ("serve", "--all-in-one"), ("serve", "--only", "web")])
def test_an_address_that_is_taken_is_told_before_anything_starts(
    words: tuple[str, ...], taken: int, tmp_path: pathlib.Path
) -> None:
    done = parts.run(*words, MASTER__DATA=str(tmp_path), MASTER__PORT=str(taken))
    assert done.returncode == errors.CannotStart.exit_status
    assert f"The master can't listen at 127.0.0.1 port {taken}, because of «Address already in use»" in done.stderr


@pytest.mark.parametrize(("host", "port"), [("no-such-host.invalid", 1), ("192.0.2.1", 1)])
def test_an_address_that_is_not_this_machine_s_is_told(host: str, port: int) -> None:
    with pytest.raises(errors.CannotStart, match=f"can't listen at {host} port {port}"):
        starting.address(settings.Master(host=host, port=port))


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("postgresql+pg8000://me:hunter2secret@127.0.0.1/x", "pg8000"),
        ("nosuch://me:hunter2secret@host/x", "nosuch"),
        ("mysql://me:hunter2secret@host/x", "MySQLdb"),
        ("hunter2secret", "SQLAlchemy"),
        ("postgresql://me:hunter2secret@host:port/x", "SQLAlchemy"),
        ("sqlite:////dev/null/x/y.sqlite", "Not a directory"),
        ("sqlite:////dev", "unable to open database file"),
    ],
)
def test_a_database_that_can_not_be_used_is_told_without_its_password(url: str, why: str) -> None:
    options = settings.load(master={"database": url})
    with pytest.raises(errors.CannotStart, match=why) as raised:
        starting.database(options)
    assert "hunter2secret" not in str(raised.value)


def test_a_bus_configuration_that_is_none_is_refused(tmp_path: pathlib.Path) -> None:
    file = tmp_path / "bus.toml"
    for text in ("amqp_url = nonsense", 'amqp_url = "amqp://x"\nnosuch = 1\n'):
        file.write_text(text)
        with pytest.raises(errors.CannotStart, match=r"bus\.toml can't be used"):
            starting.bus(file)


def test_a_builder_whose_folder_can_not_be_made_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(capabilities, "require_tools", lambda: None)
    with pytest.raises(errors.CannotStart, match="/dev/null/work/attempts can't be made"):
        worker.Worker(settings.load(builder={"work": "/dev/null/work"}))


def test_a_bell_that_can_not_be_hung_is_told(tmp_path: pathlib.Path) -> None:
    for path in (tmp_path / ("x" * 120), pathlib.Path("/dev/null/bell")):
        with pytest.raises(errors.CannotStart, match="can't"):
            worker.Bell(path)
