# SPDX-License-Identifier: MIT
"""The database: engine, transactions, its clock, and the types that tables share.

Every writing transaction begins as one (SQLite: BEGIN IMMEDIATE). No network and no solve inside a transaction.
"""

from __future__ import annotations

import contextlib
import datetime
import pathlib
import sqlite3
import time
from collections.abc import Iterator
from typing import Any

import alembic.command
import alembic.config
import sqlalchemy as sa
from sqlalchemy import orm
from sqlalchemy.ext.compiler import compiles

MIGRATIONS = pathlib.Path(__file__).parent / "migrations"
BUSY_TIMEOUT = 5.0
"""Seconds that a SQLite writer waits for another one."""
START_TIMEOUT = 60.0
"""Seconds that a process which starts waits for another one that makes or renews the tables."""
UPGRADE = 0x6F6E64656D616E64
"""PostgreSQL's advisory lock for whoever makes or renews the tables: "ondemand" in ASCII."""
IDLE = 1.0
"""Seconds that PostgreSQL was not spoken to on a connection, after which it is asked whether it is still there."""
LARGEST = 2**31 - 1
"""The largest number that a column of ids holds."""

LOCK = {"key_share": True}
"""How rows are locked: FOR NO KEY UPDATE. FOR UPDATE would wait for, and be waited for by, checks of foreign keys."""


class UtcDateTime(sa.types.TypeDecorator[datetime.datetime]):
    """An aware time in UTC on both databases; SQLite keeps it as text that sorts."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime.datetime | None, dialect: sa.Dialect) -> datetime.datetime | None:
        """Refuses a naive time."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time without a zone")
        return value.astimezone(datetime.UTC)

    def process_result_value(self, value: datetime.datetime | None, dialect: sa.Dialect) -> datetime.datetime | None:
        """Gives the zone back that SQLite dropped."""
        if value is None:
            return None
        return value.replace(tzinfo=datetime.UTC) if value.tzinfo is None else value.astimezone(datetime.UTC)


class Now(sa.sql.functions.FunctionElement[datetime.datetime]):
    """The database's time, within a statement."""

    type = UtcDateTime()
    inherit_cache = True


@compiles(Now)
def _now(_element: Now, _compiler: object, **_: object) -> str:
    # As the statement came: so an index leads to what is due by then.
    return "statement_timestamp()"


@compiles(Now, "sqlite")
def _now_in_sqlite(_element: Now, _compiler: object, **_: object) -> str:
    # Microseconds, as in the columns: they are compared as text.
    return "strftime('%Y-%m-%d %H:%M:%f000', 'now')"


_CLOCK = sa.select(Now())
_JSON = sa.JSON(none_as_null=True)


class Base(orm.DeclarativeBase):
    """Base of all tables."""

    type_annotation_map = {datetime.datetime: UtcDateTime, dict[str, Any]: _JSON, list[Any]: _JSON}  # noqa: RUF012


class Database:
    """The engine with its two kinds of transactions."""

    def __init__(self, url: str) -> None:
        """Connects lazily. `url` is SQLAlchemy's; a SQLite file's folder is made."""
        self.url = sa.make_url(url)
        self.sqlite = self.url.get_backend_name() == "sqlite"
        if self.sqlite:
            pathlib.Path(self.url.database or "").parent.mkdir(parents=True, exist_ok=True)
            self.engine = sa.create_engine(self.url, connect_args={"timeout": BUSY_TIMEOUT}, pool_size=20)
            sa.event.listen(self.engine, "connect", _prepare_sqlite)
            sa.event.listen(self.engine, "begin", _begin_sqlite)
        else:
            # The connection that was used last: few stay warm, and each knows the statements that come again and again.
            self.engine = sa.create_engine(self.url, pool_size=20, pool_use_lifo=True)
            sa.event.listen(self.engine, "connect", _use_utc)
            sa.event.listen(self.engine, "checkin", _note_use)
            sa.event.listen(self.engine, "checkout", self._require_answer)
        self._writing = orm.sessionmaker(self.engine.execution_options(writes=True), expire_on_commit=False)
        self._reading = orm.sessionmaker(self.engine, expire_on_commit=False)
        alone = self.engine if self.sqlite else self.engine.execution_options(isolation_level="AUTOCOMMIT")
        self._asking = orm.sessionmaker(alone, expire_on_commit=False)

    @contextlib.contextmanager
    def writing(self) -> Iterator[orm.Session]:
        """A transaction that writes; committed at its end, rolled back by an exception."""
        with self._writing.begin() as session:
            yield session

    @contextlib.contextmanager
    def reading(self) -> Iterator[orm.Session]:
        """A transaction that only reads; it sees one state of the database."""
        with self._reading.begin() as session:
            yield session

    @contextlib.contextmanager
    def asking(self) -> Iterator[orm.Session]:
        """For one statement that only reads: PostgreSQL answers it without the two more that make a transaction."""
        with self._asking.begin() as session:
            yield session

    def _require_answer(self, connection: Any, record: Any, _proxy: object) -> None:
        """Replaces all connections when one that was idle has broken, as after the server's restart."""
        if time.monotonic() - record.info.get("used", time.monotonic()) < IDLE:
            return
        try:
            self.engine.dialect.do_ping(connection)
        except self.engine.dialect.loaded_dbapi.Error as error:
            raise sa.exc.InvalidatePoolError("the server ended the connection") from error

    def upgrade(self) -> None:
        """Brings the tables to this version; waits while another process does."""
        until = time.monotonic() + START_TIMEOUT
        while True:
            try:
                self._upgrade()
                return
            except sa.exc.OperationalError as error:
                if "locked" not in str(error.orig) or time.monotonic() > until:
                    raise
                time.sleep(0.05)

    def _upgrade(self) -> None:
        config = alembic.config.Config()
        config.set_main_option("script_location", str(MIGRATIONS))
        with self.engine.execution_options(writes=True, migrates=True).begin() as connection:
            if not self.sqlite:
                connection.execute(sa.select(sa.func.pg_advisory_xact_lock(UPGRADE)))
            config.attributes["connection"] = connection
            alembic.command.upgrade(config, "head")
            if self.sqlite and connection.exec_driver_sql("PRAGMA foreign_key_check").first():
                raise sa.exc.IntegrityError("PRAGMA foreign_key_check", None, Exception("rows point to none"))
        # The next connections check foreign keys again.
        self.engine.dispose()

    def close(self) -> None:
        """Closes every connection."""
        self.engine.dispose()


def alone(session: orm.Session, lock: int) -> None:
    """Until the transaction's end nobody else is in one with that advisory lock; on SQLite no other writes anyway."""
    if session.get_bind().dialect.name != "sqlite":
        session.execute(sa.select(sa.func.pg_advisory_xact_lock(lock)))


def clock(session: orm.Session) -> datetime.datetime:
    """The database's time; no other clock counts for leases."""
    return session.connection().execute(_CLOCK).scalar_one()


def _note_use(_connection: object, record: Any) -> None:
    record.info["used"] = time.monotonic()


def _use_utc(connection: Any, _record: object) -> None:
    """Whatever zone server, role or URL name: west of UTC Python can't hold the first hours of the year 1."""
    kept, connection.autocommit = connection.autocommit, True
    with contextlib.closing(connection.cursor()) as cursor:
        cursor.execute("SET TIME ZONE 'UTC'")
    connection.autocommit = kept


def _prepare_sqlite(connection: Any, _record: object) -> None:
    connection.isolation_level = None
    connection.execute(f"PRAGMA busy_timeout={int(BUSY_TIMEOUT * 1000)}")
    _use_wal(connection)
    for pragma in ("synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _use_wal(connection: Any) -> None:
    """Two processes that open a new file at once: SQLite tells one that it is locked, without waiting."""
    until = time.monotonic() + START_TIMEOUT
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > until:
                raise
            time.sleep(0.05)


def _begin_sqlite(connection: sa.Connection) -> None:
    options = connection.get_execution_options()
    writes = options.get("writes")
    if options.get("migrates"):
        # To change a table SQLite makes it anew, and without it rows of others would point to nothing.
        connection.exec_driver_sql("PRAGMA foreign_keys=OFF")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
