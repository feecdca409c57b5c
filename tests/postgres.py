"""A throw-away Postgres from the system's binaries, one per test session (per xdist worker)."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

_ACCOUNT = "postgres"
_STARTS = 3
_PATIENCE_SECONDS = 60
# Far from UTC, so that a timestamp that loses its zone is seen; nothing here survives a power cut.
_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "timezone": "Asia/Kathmandu",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "shared_buffers": "32MB",
}


@dataclass
class Server:
    """A running server."""

    port: int
    databases: int = 0

    def url(self, database: str) -> str:
        return f"postgresql://{_ACCOUNT}@127.0.0.1:{self.port}/{database}"

    @contextmanager
    def fresh_database(self) -> Iterator[str]:
        """Yield the URL of an empty database and drop it afterwards."""
        self.databases += 1
        name = f"ballast_{self.databases}"
        self._run(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        yield self.url(name)
        # The disk would fill up: an empty database takes 7 MB.
        self._run(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))

    def _run(self, statement: sql.Composed) -> None:
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(statement)


@contextmanager
def running_server() -> Iterator[Server]:
    """Start a server in a temporary folder; skip where the binaries are missing."""
    programs = _programs()
    if programs is None:
        pytest.skip("no Postgres: /usr/lib/postgresql/*/bin/initdb is missing")
    if os.geteuid() == 0 and (shutil.which("runuser") is None or not _account_exists()):
        pytest.skip(f"Postgres refuses to run as root, and there is no account {_ACCOUNT!r}")
    # Not under pytest's folder: only its owner may enter that.
    folder = Path(tempfile.mkdtemp(prefix="ballast-postgres-"))
    try:
        if os.geteuid() == 0:
            shutil.chown(folder, _ACCOUNT)
        data = folder / "data"
        choices = ["--no-sync", "--auth=trust", "--encoding=UTF8", "--locale=C"]
        _call([programs / "initdb", *choices, f"--username={_ACCOUNT}", "--pgdata", data])
        port = _start(programs / "pg_ctl", data, folder)
        try:
            yield Server(port)
        finally:
            _call([programs / "pg_ctl", "stop", "--mode=immediate", "--pgdata", data])
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _start(control: Path, data: Path, folder: Path) -> int:
    for attempt in range(_STARTS):
        port = _free_port()
        settings = _SETTINGS | {"port": str(port), "unix_socket_directories": str(folder)}
        options = " ".join(f"-c {name}={value}" for name, value in settings.items())
        log = folder / f"log{attempt}"
        try:
            _call([control, "start", "-w", "--pgdata", data, "--log", log, "--options", options])
        except AssertionError:
            # Somebody may have taken the port in the meantime.
            if attempt == _STARTS - 1:
                raise AssertionError(log.read_text()) from None
            continue
        return port
    raise AssertionError("unreachable")


def _call(command: Sequence[str | Path]) -> None:
    as_account = ["runuser", "-u", _ACCOUNT, "--"] if os.geteuid() == 0 else []
    # Into a file: the server would keep a pipe open for as long as it lives.
    with tempfile.TemporaryFile() as output:
        code = subprocess.call(
            [*as_account, *map(str, command)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd="/",
            timeout=_PATIENCE_SECONDS,
        )
        output.seek(0)
        assert code == 0, output.read().decode()


@cache
def _programs() -> Path | None:
    found = Path("/usr/lib/postgresql").glob("*/bin/initdb")
    folders = sorted((path.parent for path in found), key=lambda path: int(path.parent.name))
    return folders[-1] if folders else None


def _account_exists() -> bool:
    try:
        pwd.getpwnam(_ACCOUNT)
    except KeyError:
        return False
    return True


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
