"""Secrets are planted in every variable, everything fails, and what was written is searched for them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from datetime import date
from functools import cached_property
from pathlib import Path

import dagster as dg
import pytest
import sqlalchemy as sa

from ballast.errors import BrokerUnavailableError, ConfigurationError
from resources.brokers.protocol import Broker, BrokerPosition
from tests import postgres
from tests.demonstration import QUIET, REPOSITORY, SESSION, Demonstration, TestWorkspace
from tests.fakes.http import LoopbackServer, Reply
from tests.pipelines.leaks import STILL_THERE, UNGUARDED_VARIABLE
from tests.pipelines.planted import (
    BROKER_TOKEN,
    SECRETS,
    STORE_PASSWORD,
    planted,
    told_below,
    told_in,
    told_in_database,
)

_NOWHERE = "127.0.0.1:9"
_ROUTE = '\n[[alerts.routes]]\nname = "chat"\nenvironment = "BALLAST_ALERTS_CHAT"\n'


def _home(folder: Path, *, is_guarded: bool = True) -> Path:
    home = folder / "home"
    home.mkdir(parents=True)
    if is_guarded:
        shutil.copy(REPOSITORY / "pipelines" / "dagster.yaml", home)
    else:
        (home / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    return home


def _call(
    folder: Path, secrets: Mapping[str, str], *command: str
) -> subprocess.CompletedProcess[str]:
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("BALLAST_", "DAGSTER_", "LEAKS_"))
    }
    return subprocess.run(
        [sys.executable, "-W", "ignore", "-m", *command],
        cwd=folder,
        env=inherited | {"PYTHONPATH": str(REPOSITORY)} | secrets,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("is_guarded", [True, False])
def test_nothing_that_dagster_keeps_or_prints_tells_a_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_guarded: bool
) -> None:
    home = _home(tmp_path, is_guarded=is_guarded)
    secrets = planted(f"{_NOWHERE}/ballast", _NOWHERE) | {"DAGSTER_HOME": str(home)}
    switch = {} if is_guarded else {UNGUARDED_VARIABLE: "1"}
    done = _call(tmp_path, secrets | switch, "tests.pipelines.leaks")
    assert done.returncode == 1
    assert "out of order" in done.stdout
    assert done.stderr.count("out of order") > 10
    told = told_in(done.stdout) | told_in(done.stderr)
    below = told_below(tmp_path)
    if not is_guarded:
        # What the search would have found; without this it might look in the wrong places.
        everything = set(SECRETS)
        assert told == everything
        for place in ("history/runs/index.db", "history/runs.db", "schedules/schedules.db"):
            assert below[f"home/{place}"] == everything
        assert [path for path in below if path.endswith((".err", ".out"))]
        return
    assert (told, below) == (set(), {})
    monkeypatch.setenv("DAGSTER_HOME", str(home))
    _what_is_no_secret_is_still_there()


def _what_is_no_secret_is_still_there() -> None:
    with dg.DagsterInstance.get() as instance:
        materialization = instance.get_latest_materialization_event(dg.AssetKey("describes"))
        assert materialization is not None
        assert materialization.asset_materialization is not None
        described = materialization.asset_materialization
        assert STILL_THERE in str(described.metadata["markdown"].value)
        assert described.tags is not None
        assert described.tags["ballast/kept"] == "yes"
        runs = {run.job_name: run for run in instance.get_runs()}
        assert set(runs) == {"everything", "opens", "gives_up"}
        entries = instance.all_logs(runs["everything"].run_id)
        (failure,) = [
            e.dagster_event for e in entries if e.dagster_event and e.dagster_event.is_step_failure
        ]
        cause = failure.step_failure_data.error.cause  # type: ignore[union-attr]
        assert cause is not None
        assert "ExceptionGroup: cannot call" in cause.message
        assert cause.message.rstrip().endswith("out of order (2 sub-exceptions)")
        told = [entry.user_message for entry in entries if "it failed" in entry.user_message]
        assert all("ValueError" in text or "***" not in text for text in told)
        assert len(told) == 2


def test_no_command_tells_a_secret_when_the_store_and_the_route_fail(
    tmp_path: Path, postgres_server: postgres.Server
) -> None:
    portfolio = (REPOSITORY / "portfolio.toml").read_text()
    (tmp_path / "portfolio.toml").write_text(portfolio + _ROUTE)
    said = []

    def ballast(secrets: Mapping[str, str], *arguments: str) -> str:
        done = _call(tmp_path, secrets, "pipelines.command_line", *arguments)
        said.append(f"{done.stdout}\n{done.stderr}")
        return said[-1]

    with (
        LoopbackServer(lambda asked: Reply(asked.path.encode(), status=500)) as chat,
        postgres_server.fresh_database() as url,
    ):
        _let_in(url)
        service = chat.url.removeprefix("http://")
        secrets = planted(url.partition("@")[2], service)
        assert "# Ballast, session" in ballast(secrets, "run")
        assert "did not accept" in ballast(secrets, "alerts", "test")
        ballast(secrets, "alerts", "deliver")
        assert chat.requests
        _break(url)
        assert "UndefinedTable" in ballast(secrets, "run")
        assert "UndefinedTable" in ballast(secrets, "proposals")
        assert told_in_database(url) == set()
    away = planted(f"{_NOWHERE}/ballast", _NOWHERE)
    assert "Connection refused" in ballast(away, "run")
    assert "Connection refused" in ballast(away, "alerts", "deliver")
    for text in said:
        assert told_in(text) == set()
    assert (tmp_path / "data" / "dagster" / "history" / "runs.db").exists()
    assert told_below(tmp_path) == {}


def _let_in(url: str) -> None:
    engine = sa.create_engine(url.replace("postgresql://", "postgresql+psycopg://"))
    with engine.begin() as connection:
        connection.execute(sa.text("DROP ROLE IF EXISTS keeper"))
        role = f"CREATE ROLE keeper SUPERUSER LOGIN PASSWORD '{STORE_PASSWORD}'"
        connection.execute(sa.text(role))
    engine.dispose()


def _break(url: str) -> None:
    engine = sa.create_engine(url.replace("postgresql://", "postgresql+psycopg://"))
    with engine.begin() as connection:
        connection.execute(sa.text("DROP TABLE postings, proposals CASCADE"))
    engine.dispose()


class _TalkativeBroker:
    """A broker that repeats the address it called."""

    name = "paper"

    def __init__(self, broker: Broker) -> None:
        self._broker = broker

    def __getattr__(self, question: str) -> object:
        return getattr(self._broker, question)

    def positions(self, account_id: str, session: date) -> list[BrokerPosition]:
        raise BrokerUnavailableError(
            f"GET https://api.example.org/{account_id}?token={BROKER_TOKEN} timed out",
            where=f"Authorization: Bearer {BROKER_TOKEN}",
            remedy="Try later.",
        )


class _TalkativeWorkspace(TestWorkspace):
    def adapters(self) -> dict[str, Broker]:
        adapters = super().adapters()
        return adapters | {"america": _TalkativeBroker(adapters["america"])}  # type: ignore[dict-item]


class _UnguardedWorkspace(_TalkativeWorkspace):
    @cached_property
    def brokers(self) -> dict[str, Broker]:
        return self.adapters()


@pytest.mark.parametrize("is_guarded", [True, False])
def test_what_a_broker_says_is_stored_without_its_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_guarded: bool
) -> None:
    monkeypatch.setenv("BALLAST_BROKER_TOKEN", BROKER_TOKEN)
    monkeypatch.setenv("DAGSTER_HOME", str(_home(tmp_path)))
    kind = _TalkativeWorkspace if is_guarded else _UnguardedWorkspace
    plain = Demonstration.create(tmp_path).workspace
    demonstration = Demonstration(kind(plain.portfolio, plain.folder))
    with dg.DagsterInstance.get() as instance:
        result = demonstration.definitions.resolve_job_def("daily_pipeline").execute_in_process(
            partition_key=SESSION.isoformat(), instance=instance, run_config=QUIET
        )
    assert result.success
    detail = demonstration.read("broker_accounts").drop_nulls("detail")["detail"].item()
    assert detail.endswith("timed out")
    below = told_below(tmp_path)
    if is_guarded:
        assert "?token=***" in detail
        assert below == {}
    else:
        assert [path for path in below if path.endswith(".parquet")]


def test_a_run_whose_configuration_or_tags_hold_a_secret_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BALLAST_BROKER_TOKEN", BROKER_TOKEN)
    # A password that is a word stops nothing.
    monkeypatch.setenv("BALLAST_STORE_PASSWORD", "everything")
    monkeypatch.setenv("DAGSTER_HOME", str(_home(tmp_path)))
    with dg.DagsterInstance.get() as instance:

        @dg.op(config_schema={"reason": str})
        def act() -> None:
            pass

        @dg.job
        def everything() -> None:
            act()

        def run(reason: str, **tags: str) -> bool:
            config = {"ops": {"act": {"config": {"reason": reason}}}}
            return everything.execute_in_process(config, instance=instance, tags=tags).success

        assert run("everything is fine")
        for reason, tag in ((f"my token is {BROKER_TOKEN}", "x"), ("none", BROKER_TOKEN)):
            with pytest.raises(ConfigurationError, match="holds a secret"):
                run(reason, note=tag)
        (kept,) = instance.get_runs()
        assert kept.job_name == "everything"
    assert told_below(tmp_path) == {}
