"""The store's connection: SQLite in WAL mode by default, Postgres by URL, migrated on first use.

`read` and `write` are the only two ways in, and mean the same on both databases: a read sees one
moment, and there is one writer at a time. A write takes its lock at the start and waits up to 30
seconds for it, because a transaction that begins by reading cannot be upgraded safely.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection, Engine

from ballast.errors import StoreError

HEAD_REVISION = "0007"
_MIGRATIONS = Path(__file__).parent / "migrations"
_POSTGRES_LOCK = 7_301_214
_BUSY_SECONDS = 30


def sqlite_url(path: Path) -> str:
    """Return the URL of a SQLite file."""
    return f"sqlite:///{path}"


class Store:
    """One relational database that holds what must be transactional and unique.

    Parameters
    ----------
    url : str
        `sqlite:///file` or `postgresql://...`; opening it brings the schema up to date.

    Raises
    ------
    StoreError
        If the URL names no database that is supported, or one that cannot be opened or that a
        newer version has changed.
    """

    def __init__(self, url: str) -> None:
        self.engine = _create_engine(url)
        self._reader = self.engine
        if self.engine.dialect.name == "postgresql":
            # By default each statement of a transaction would see a different moment.
            self._reader = self.engine.execution_options(isolation_level="REPEATABLE READ")
        self._writer = self.engine.execution_options(ballast_write=True)
        try:
            _migrate(self._writer)
        except sa.exc.OperationalError as error:
            raise _unusable(f"the store cannot be opened: {error.orig}") from error

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Open a consistent read of the store."""
        with self._reader.begin() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Open one transaction: all of it is committed, or none; there is one at a time."""
        with self._writer.begin() as connection:
            _take_lock(connection)
            yield connection

    def close(self) -> None:
        """Release all connections."""
        self.engine.dispose()


@cache
def open_store(url: str) -> Store:
    """Return the process's store for a URL."""
    return Store(url)


def insert_unknown(
    connection: Connection, table: sa.Table, rows: Sequence[Mapping[str, Any]]
) -> int:
    """Insert rows whose keys are not there yet; rows that are known already stay as they are.

    Returns
    -------
    int
        Number of rows that were new.
    """
    if not rows:
        return 0
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    keys = list(table.primary_key.columns)
    statement = dialect.insert(table).on_conflict_do_nothing().returning(*keys)
    return len(connection.execute(statement, [dict(row) for row in rows]).all())


def upsert(connection: Connection, table: sa.Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows, or replace the non-key columns of those that exist."""
    if not rows:
        return
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    statement = dialect.insert(table)
    keys = [column.name for column in table.primary_key.columns]
    changed = {name: statement.excluded[name] for name in rows[0] if name not in keys}
    connection.execute(
        statement.on_conflict_do_update(index_elements=keys, set_=changed),
        [dict(row) for row in rows],
    )


def _create_engine(url: str) -> Engine:
    parsed = _parse(url)
    backend = parsed.get_backend_name()
    if backend == "postgresql":
        return sa.create_engine(parsed.set(drivername="postgresql+psycopg"), pool_pre_ping=True)
    if backend != "sqlite" or parsed.database in {None, "", ":memory:"}:
        # Any other part of a URL may hold a password.
        raise _unusable(f"unsupported store {backend!r}")
    Path(str(parsed.database)).parent.mkdir(parents=True, exist_ok=True)
    engine = sa.create_engine(parsed, connect_args={"timeout": _BUSY_SECONDS})
    sa.event.listen(engine, "connect", _configure_sqlite)
    sa.event.listen(engine, "begin", _begin_sqlite)
    return engine


def _parse(url: str) -> sa.URL:
    try:
        return sa.engine.make_url(url)
    except (sa.exc.ArgumentError, ValueError):
        # Not chained: the parser quotes the part that it could not read, possibly a password.
        raise _unusable("the store's URL cannot be read") from None


def _unusable(what: str) -> StoreError:
    return StoreError(
        what,
        where="BALLAST_STORE_URL",
        remedy="Use sqlite:///path or postgresql://user@host/database.",
    )


def _configure_sqlite(connection: Any, _record: object) -> None:
    # We issue BEGIN ourselves; the driver's own handling would defer the write lock.
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout = {_BUSY_SECONDS * 1000}")
    cursor.execute("PRAGMA journal_mode = WAL")
    # FULL, not NORMAL: an order intent must survive a power cut once it is committed.
    cursor.execute("PRAGMA synchronous = FULL")
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get("ballast_write", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _take_lock(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(
            f"SET LOCAL lock_timeout = '{_BUSY_SECONDS}s';"
            f"SELECT pg_advisory_xact_lock({_POSTGRES_LOCK})"
        )


def _migrate(writer: Engine) -> None:
    with writer.execution_options(ballast_write=False).begin() as connection:
        if _revision(connection) == HEAD_REVISION:
            return
    # Alembic takes a third of a second to import; a store that is up to date does not need it.
    from alembic import command
    from alembic.config import Config
    from alembic.util import CommandError

    with writer.begin() as connection:
        _take_lock(connection)
        config = Config()
        config.set_main_option("script_location", str(_MIGRATIONS))
        config.attributes["connection"] = connection
        try:
            command.upgrade(config, "head")
        except CommandError as error:
            raise StoreError(
                f"the store's schema is unknown to this version: {error}",
                where="BALLAST_STORE_URL",
                remedy="Use the version of Ballast that last opened this store, or a newer one.",
            ) from error


def _revision(connection: Connection) -> str | None:
    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    revision: str | None = connection.scalar(sa.text("SELECT version_num FROM alembic_version"))
    return revision
