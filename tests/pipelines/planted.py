"""Distinctive secrets in every secret variable, and a search for them in everything that was written."""

from __future__ import annotations

import base64
import json
import sqlite3
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import quote, quote_plus

import polars as pl
import sqlalchemy as sa

STORE_PASSWORD = "St0re-p@ss/w0rd+9"
REDIS_PASSWORD = "R3dis-Passw0rd-41"
CHAT_TOKEN = "ch4t-T0ken-9f3a7c"
CHAT_KEY = "ch4t-K3y-55e1"
BROKER_TOKEN = "brok3r-T0ken-0b77"
BROKER_KEY = 'line-0ne"\nl1ne-tw0-of-the-k3y'

SECRETS = {
    "store": STORE_PASSWORD,
    "redis": REDIS_PASSWORD,
    "chat token": CHAT_TOKEN,
    "chat key": CHAT_KEY,
    "broker": BROKER_TOKEN,
    "first line of a key": BROKER_KEY.splitlines()[0],
    "second line of a key": BROKER_KEY.splitlines()[1],
}


def planted(store: str, chat: str) -> dict[str, str]:
    """Return an environment with a secret in every variable that may hold one.

    Parameters
    ----------
    store : str
        Host, port and database of a Postgres.
    chat : str
        Host and port of the service behind the route.
    """
    return {
        "BALLAST_STORE_URL": f"postgresql://keeper:{quote(STORE_PASSWORD, safe='')}@{store}",
        # Nobody listens there.
        "BALLAST_REDIS_URL": f"redis://:{REDIS_PASSWORD}@127.0.0.1:9/0",
        "BALLAST_ALERTS_CHAT": f"json://{chat}/{CHAT_TOKEN}?:key={CHAT_KEY}",
        "BALLAST_BROKER_TOKEN": BROKER_TOKEN,
        "BALLAST_BROKER_KEY": BROKER_KEY,
    }


def tell_all(environment: Mapping[str, str]) -> str:
    """Return a text that holds every secret in every spelling."""
    variables = [value for name, value in environment.items() if name.startswith("BALLAST_")]
    spelled = [spelling for secret in SECRETS.values() for spelling in spellings(secret)]
    return f"cannot call {' '.join([*variables, *spelled])}: out of order"


def spellings(secret: str) -> set[str]:
    """Return the ways in which a secret may be written."""
    encoded = secret.encode()
    return {
        secret,
        quote(secret),
        quote(secret, safe=""),
        quote(secret, safe=" +"),
        quote_plus(secret),
        json.dumps(secret)[1:-1],
        base64.b64encode(encoded).decode().rstrip("="),
        base64.urlsafe_b64encode(encoded).decode().rstrip("="),
    }


def told_in(text: str | bytes) -> set[str]:
    """Return the names of the secrets that a text holds in any spelling."""
    content = text if isinstance(text, bytes) else text.encode()
    return {
        name
        for name, secret in SECRETS.items()
        if any(spelling.encode() in content for spelling in spellings(secret))
    }


def told_below(folder: Path) -> dict[str, set[str]]:
    """Return per file the secrets that it holds, in its bytes or in what they mean."""
    found: dict[str, set[str]] = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file() and (told := told_by(path)):
            found[str(path.relative_to(folder))] = told
    return found


def told_by(path: Path) -> set[str]:
    """Return the secrets that a file holds."""
    content = path.read_bytes()
    told = told_in(content)
    if content.startswith(b"SQLite format 3"):
        return told.union(*map(told_in, _values_of_sqlite(path)))
    if path.suffix == ".parquet":
        return told | told_in(repr(pl.read_parquet(path).to_dicts()))
    return told


def told_in_database(url: str) -> set[str]:
    """Return the secrets that any table of a database holds."""
    engine = sa.create_engine(url.replace("postgresql://", "postgresql+psycopg://"))
    try:
        with engine.connect() as connection:
            tables = sa.inspect(connection).get_table_names()
            rows = [connection.execute(sa.text(f'TABLE "{table}"')).all() for table in tables]
    finally:
        engine.dispose()
    assert len(rows) > 10
    return told_in(repr(rows))


def _values_of_sqlite(path: Path) -> Iterator[bytes]:
    with sqlite3.connect(path) as connection:
        named = "SELECT name FROM sqlite_master WHERE type = 'table'"
        for (table,) in connection.execute(named).fetchall():
            for row in connection.execute(f'SELECT * FROM "{table}"'):
                for value in row:
                    if isinstance(value, str):
                        yield value.encode()
                    elif isinstance(value, bytes):
                        yield _unpacked(value)
    connection.close()


def _unpacked(value: bytes) -> bytes:
    try:
        return zlib.decompress(value)
    except zlib.error:
        return value
