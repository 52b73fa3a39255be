# SPDX-License-Identifier: MIT
"""The master's start: its folder, address, database and bus configuration must hold, else a sentence; then it settles."""

from __future__ import annotations

import gc
import pathlib
import socket
import tomllib

import alembic.util
import sqlalchemy as sa
from fedora_messaging import config as bus_config
from fedora_messaging import exceptions as bus_errors

from ondemand import errors, settings
from ondemand_web.database import Database


def require(options: settings.Settings) -> None:
    """The folder and the bus configuration can be used; raises errors.CannotStart."""
    settings.make_folder(options.master.data, "master.data")
    if options.bus.config is not None:
        bus(options.bus.config)


def address(master: settings.Master) -> None:
    """Nobody else listens at the master's address, and it is this machine's; raises errors.CannotStart."""
    try:
        found = socket.getaddrinfo(master.host, master.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        for family, kind, protocol, _, place in found:
            with socket.socket(family, kind, protocol) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                if family == socket.AF_INET6:
                    probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                probe.bind(place)
    except (OSError, OverflowError, UnicodeError) as error:
        raise errors.CannotStart(
            f"The master can't listen at {master.host} port {master.port}",
            cause=f"of «{getattr(error, 'strerror', None) or error}»",
            remedy="set master.host and master.port to an address of this machine that is free",
        ) from error


def database(options: settings.Settings) -> Database:
    """The database, brought to this version; raises errors.CannotStart, whose sentence holds no password."""
    try:
        made = Database(options.database_url)
        made.upgrade()
    except (sa.exc.SQLAlchemyError, alembic.util.CommandError, ImportError, OSError, ValueError) as error:
        raise errors.CannotStart(
            "The database can't be used",
            cause=_database_cause(error),
            remedy="set master.database to the URL of one that answers, and install its driver",
        ) from error
    return made


def bus(file: pathlib.Path) -> None:
    """Loads the fedora-messaging configuration; raises errors.CannotStart, lest the library take its own defaults."""
    try:
        with file.open("rb") as stream:
            tomllib.load(stream)
        bus_config.conf.load_config(str(file))
    except (OSError, ValueError, bus_errors.ConfigurationException) as error:
        raise errors.CannotStart(
            f"The bus configuration {file} can't be used",
            cause=" ".join(str(getattr(error, "strerror", None) or error).split())[:300],
            remedy="set bus.config to a configuration file of fedora-messaging, or leave it out to publish nothing",
        ) from error


def settle() -> None:
    """Takes all that was made so far, 200,000 objects that stay, out of what the garbage collector looks through again and
    again: each of its full rounds stops every thread of the process for 0.1 to 0.25 s."""
    gc.collect()
    gc.freeze()


def _database_cause(error: Exception) -> str:
    """Why, in the driver's words. A URL that can't be read is not repeated: it may hold a password."""
    if isinstance(error, sa.exc.NoSuchModuleError | ImportError | alembic.util.CommandError | OSError):
        return " ".join(str(error).split())[:300]
    if isinstance(error, sa.exc.DBAPIError) and error.orig is not None:
        return " ".join(str(error.orig).split())[:300]
    return "its URL is not one that SQLAlchemy reads"
