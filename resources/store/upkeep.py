"""Looking after the store: whether it is sound, and keeping its log short."""

from __future__ import annotations

from contextlib import closing

import sqlalchemy as sa

from ballast.errors import StoreError
from resources.store.engine import HEAD_REVISION, Store
from resources.store.schema import metadata


def problems_of_store(store: Store) -> list[tuple[str, str]]:
    """Return what is wrong with the store: the table or "database" concerned, and a sentence.

    Every row of every table is read through its columns' types, so that an amount that is none is found.
    """
    found = [("database", problem) for problem in _problems_of_database(store)]
    for table in metadata.sorted_tables:
        every_row = sa.select(table).execution_options(yield_per=1_000)
        # Each in a transaction of its own: on Postgres an error ends one.
        try:
            with store.read() as connection:
                for _ in connection.execute(every_row):
                    pass
        except sa.exc.DBAPIError as error:
            found.append((table.name, f"cannot be read: {error.orig}"))
        except (StoreError, ValueError, ArithmeticError) as error:
            found.append((table.name, f"holds a value that cannot be read: {error}"))
    return found


def _problems_of_database(store: Store) -> list[str]:
    try:
        with store.read() as connection:
            revision = connection.scalar(sa.text("SELECT version_num FROM alembic_version"))
            answers = ["ok"]
            if store.engine.dialect.name == "sqlite":
                answers = list(connection.exec_driver_sql("PRAGMA integrity_check").scalars())
    except sa.exc.DBAPIError as error:
        return [f"it cannot be read: {error.orig}"]
    problems = [str(answer) for answer in answers if answer != "ok"]
    if revision != HEAD_REVISION:
        problems.append(f"its schema is {revision}, not {HEAD_REVISION}")
    return problems


def shorten_log(store: Store) -> bool:
    """Move SQLite's write-ahead log into the database file; returns whether all of it could be moved.

    What a reader still needs stays in the log until the next time. Other databases do this by themselves.
    """
    if store.engine.dialect.name != "sqlite":
        return True
    with closing(store.engine.raw_connection()) as connection:
        cursor = connection.cursor()
        cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        ((blocked, _, _),) = cursor.fetchall()
    return not blocked
