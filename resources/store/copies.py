"""Copies of the store: one SQLite file, whatever database the store is on, that shows one moment.

On SQLite the database writes the copy itself. From any other database every row of every table is carried over through
the columns' own types, so that amounts and moments stay exact; loading goes the same way back.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from ballast.errors import StoreError
from resources.store.engine import Store, sqlite_url
from resources.store.schema import metadata

_ROWS_AT_ONCE = 1_000
_REVISION_TABLE = "alembic_version"


def copy_store(store: Store, path: Path) -> None:
    """Write a copy of the store; nobody is kept from writing to it meanwhile.

    Parameters
    ----------
    path : Path
        SQLite file that does not exist yet. It is one file: no log lies beside it.

    Raises
    ------
    StoreError
        If the store has a table that this version does not know: a copy would lack it.
    """
    if store.engine.dialect.name == "sqlite":
        # Outside a transaction, where VACUUM is at home; it reads one moment by itself.
        with closing(store.engine.raw_connection()) as connection:
            connection.cursor().execute("VACUUM INTO ?", (str(path),))
        return
    with closing(Store(sqlite_url(path))) as target, store.read() as source:
        _refuse_unknown_tables(source)
        with target.write() as connection:
            _carry_over(source, connection)
    with closing(sqlite3.connect(path)) as raw:
        raw.execute("PRAGMA journal_mode = DELETE")


def load_copy(path: Path, store: Store) -> None:
    """Fill an empty store with the rows of a copy.

    Parameters
    ----------
    path : Path
        A copy; it is brought up to date in place.

    Raises
    ------
    StoreError
        If the store is not empty.
    """
    with closing(Store(sqlite_url(path))) as copy, copy.read() as source, store.write() as target:
        filled = [name for name, rows in _counts(target).items() if rows]
        if filled:
            raise StoreError(
                f"the database to restore into has rows already: {', '.join(filled)}",
                where="BALLAST_STORE_URL",
                remedy="Name an empty database, or restore into a folder of its own with --into.",
            )
        _carry_over(source, target)
        _continue_numbering(target)


def count_rows(path: Path) -> dict[str, int]:
    """Return the number of rows of every table of a copy."""
    with _looking_at(path) as connection:
        names = [
            name
            for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")
            if name != _REVISION_TABLE and not name.startswith("sqlite_")
        ]
        return {
            name: connection.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0]
            for name in sorted(names)
        }


def revision_of(path: Path) -> str:
    """Return the schema revision of a copy."""
    with _looking_at(path) as connection:
        return str(connection.execute(f"SELECT version_num FROM {_REVISION_TABLE}").fetchone()[0])


def damage_of(path: Path) -> list[str]:
    """Return what SQLite finds wrong with a copy; nothing for one that is sound."""
    try:
        with _looking_at(path) as connection:
            found = [str(row[0]) for row in connection.execute("PRAGMA integrity_check")]
    except sqlite3.DatabaseError as error:
        return [str(error)]
    return [] if found == ["ok"] else found


def referenced_files(path: Path) -> dict[str, str]:
    """Return the lake's files that a copy refers to, also those that were replaced, with their hashes."""
    with _looking_at(path) as connection:
        query = "SELECT path, sha256 FROM publications WHERE path IS NOT NULL ORDER BY path"
        return dict(connection.execute(query).fetchall())


def imported_statements(path: Path) -> list[str]:
    """Return the hashes of the statements that were imported according to a copy."""
    with _looking_at(path) as connection:
        query = "SELECT sha256 FROM statement_imports WHERE status = 'imported' ORDER BY sha256"
        return [row[0] for row in connection.execute(query)]


@contextmanager
def _looking_at(path: Path) -> Iterator[sqlite3.Connection]:
    # Immutable: looking must leave no file beside the copy and change none of its bytes.
    uri = f"{path.resolve().as_uri()}?immutable=1"
    with closing(sqlite3.connect(uri, uri=True)) as connection:
        yield connection


def _refuse_unknown_tables(connection: Connection) -> None:
    unknown = set(sa.inspect(connection).get_table_names()) - {*metadata.tables, _REVISION_TABLE}
    if unknown:
        raise StoreError(
            f"the store has tables that this version does not know: {', '.join(sorted(unknown))}",
            where="BALLAST_STORE_URL",
            remedy="Give Ballast a database, or a schema of Postgres, of its own.",
        )


def _carry_over(source: Connection, target: Connection) -> None:
    for table in metadata.sorted_tables:
        rows = source.execute(sa.select(table).execution_options(yield_per=_ROWS_AT_ONCE))
        for some in rows.mappings().partitions():
            target.execute(sa.insert(table), [dict(row) for row in some])


def _continue_numbering(connection: Connection) -> None:
    """Let Postgres number new rows after those that came with their numbers; SQLite does so by itself."""
    if connection.dialect.name != "postgresql":
        return
    for table in metadata.sorted_tables:
        column = table.autoincrement_column
        if column is None or len(table.primary_key.columns) > 1:
            continue
        newest = connection.scalar(sa.select(sa.func.max(column)))
        if newest is not None:
            sequence = sa.func.pg_get_serial_sequence(table.name, column.name)
            connection.execute(sa.select(sa.func.setval(sequence, newest)))


def _counts(connection: Connection) -> Mapping[str, int]:
    return {
        table.name: connection.scalar(sa.select(sa.func.count()).select_from(table)) or 0
        for table in metadata.sorted_tables
    }
