"""The whole pipeline on a real Postgres, and that its password goes nowhere."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
import pytest
import sqlalchemy as sa

from tests import postgres
from tests.demonstration import QUIET, SESSION, Demonstration

SECRET = "correct-horse-battery-staple"


def test_the_pipeline_gives_the_same_tables_on_postgres_as_on_sqlite(
    tmp_path: Path, postgres_server: postgres.Server
) -> None:
    on_sqlite = Demonstration.create(tmp_path / "sqlite")
    assert on_sqlite.run().success
    with postgres_server.fresh_database() as url:
        on_postgres = Demonstration.create(tmp_path / "postgres", store_url=url)
        assert on_postgres.run().success
        assert on_postgres.run().success
        assert on_postgres.published(SESSION) == on_sqlite.published(SESSION)
        assert on_postgres.stored_rows() == on_sqlite.stored_rows()
        on_postgres.workspace.store.close()


def test_the_password_of_the_store_reaches_no_log_run_or_page(
    tmp_path: Path,
    postgres_server: postgres.Server,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    home = tmp_path / "dagster"
    home.mkdir()
    with postgres_server.fresh_database() as url:
        secret_url = with_password(url)
        monkeypatch.setenv("BALLAST_STORE_URL", secret_url)
        demonstration = Demonstration.create(tmp_path / "work")
        with dg.DagsterInstance.local_temp(str(home)) as instance:
            job = demonstration.definitions.resolve_job_def("daily_pipeline")
            good = job.execute_in_process(
                partition_key=SESSION.isoformat(), instance=instance, run_config=QUIET
            )
            assert good.success
            # A failing store must not print its address either.
            with demonstration.workspace.store.write() as connection:
                connection.execute(sa.text("DROP TABLE postings CASCADE"))
            bad = job.execute_in_process(
                partition_key=SESSION.isoformat(), instance=instance, raise_on_error=False
            )
            assert not bad.success
        demonstration.workspace.store.close()
    captured = capfd.readouterr()
    assert SECRET not in captured.out + captured.err
    searched = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(searched) > 20
    assert not [path for path in searched if SECRET.encode() in path.read_bytes()]


def with_password(url: str) -> str:
    """Set a password for the role of a database URL."""
    parsed = sa.engine.make_url(url)
    engine = sa.create_engine(parsed.set(drivername="postgresql+psycopg"))
    with engine.begin() as connection:
        connection.execute(sa.text("DROP ROLE IF EXISTS keeper"))
        connection.execute(sa.text(f"CREATE ROLE keeper SUPERUSER LOGIN PASSWORD '{SECRET}'"))
    engine.dispose()
    return parsed.set(username="keeper", password=SECRET).render_as_string(hide_password=False)
