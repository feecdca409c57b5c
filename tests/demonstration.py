"""The demonstration portfolio in a folder of its own, with parts that a test may replace."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from pathlib import Path

import dagster as dg
import polars as pl
import sqlalchemy as sa

from ballast.configuration import parse
from pipelines.build import build_definitions
from resources.brokers.protocol import Broker
from resources.lake import Snapshot
from resources.market_data.protocol import MarketData
from resources.store import Store, open_store
from resources.store.schema import metadata
from resources.workspace import Workspace
from resources.workspace_resource import WorkspaceResource

REPOSITORY = Path(__file__).parent.parent
QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
SESSION = date(2020, 8, 20)

# Everything that a session publishes for itself; the history is kept as segments and compared as of the session.
SESSION_TABLES = (
    "securities", "prices", "exchange_rates", "postings", "positions_snapshot", "broker_positions",
    "broker_balances", "broker_accounts", "reconciliation_report", "regime_detection",
    "security_scores", "position_scores", "fundamentals", "target_weights",
    "planner_recommendations", "account_plans", "orders", "daily_report",
)  # fmt: skip

# What logs that a run took place, whatever it found.
RUN_LOGS = ("reconciliation_results",)

_opened: dict[str, Workspace] = {}


class RegisteredWorkspace(WorkspaceResource):
    """Hands out a workspace that a test has put together."""

    def open(self) -> Workspace:
        return _opened[self.portfolio]


@dataclass(frozen=True)
class TestWorkspace(Workspace):
    """A workspace whose source, brokers or store are the test's own."""

    __test__ = False
    source: MarketData | None = None
    store_url: str | None = None
    wrap_brokers: Callable[[Mapping[str, Broker]], dict[str, Broker]] = field(default=dict)

    @cached_property
    def market_data(self) -> MarketData:
        return self.source or super().market_data

    @cached_property
    def brokers(self) -> dict[str, Broker]:
        return self.wrap_brokers(super().brokers)

    @cached_property
    def store(self) -> Store:
        return open_store(self.store_url) if self.store_url else super().store


@dataclass(frozen=True)
class Demonstration:
    """Runs jobs of a workspace on an instance that is gone afterwards."""

    workspace: TestWorkspace

    @classmethod
    def create(cls, folder: Path, *changes: tuple[str, str], **parts: object) -> Demonstration:
        """Copy the demonstration portfolio with replacements of its text."""
        text = (REPOSITORY / "portfolio.toml").read_text()
        for before, after in changes:
            assert before in text
            text = text.replace(before, after)
        folder.mkdir(parents=True, exist_ok=True)
        portfolio = parse(text, where="portfolio.toml")
        return cls(TestWorkspace(portfolio, folder, **parts))  # type: ignore[arg-type]

    @cached_property
    def resource(self) -> WorkspaceResource:
        key = str(id(self.workspace))
        _opened[key] = self.workspace
        return RegisteredWorkspace(portfolio=key)

    @cached_property
    def definitions(self) -> dg.Definitions:
        return build_definitions(self.workspace, self.resource)

    def run(
        self, session: date = SESSION, job: str = "daily_pipeline"
    ) -> dg.ExecuteInProcessResult:
        with dg.DagsterInstance.ephemeral() as instance:
            return self.definitions.resolve_job_def(job).execute_in_process(
                partition_key=session.isoformat(),
                instance=instance,
                run_config=QUIET,
                raise_on_error=False,
            )

    def read(self, asset: str, session: date = SESSION) -> pl.DataFrame:
        return self.snapshot().read(asset, session.isoformat())

    def snapshot(self) -> Snapshot:
        return self.workspace.lake.snapshot()

    def published(self, session: date, assets: Sequence[str] = SESSION_TABLES) -> dict[str, str]:
        """Return the content hash of each table of a session."""
        entries = self.snapshot().entries
        return {asset: entries[asset, session.isoformat()].sha256 for asset in assets}

    def stored_rows(self) -> dict[str, list[tuple[object, ...]]]:
        """Return every row of the store but publications and logs of runs; moments of recording are left out."""
        rows = {}
        with self.workspace.store.read() as connection:
            for table in metadata.sorted_tables:
                if table.name.endswith("publications") or table.name in RUN_LOGS:
                    continue
                columns = [column for column in table.columns if column.name != "recorded_at"]
                query = sa.select(*columns).order_by(*table.primary_key.columns)
                rows[table.name] = [tuple(row) for row in connection.execute(query)]
        return rows


def failed_checks(result: dg.ExecuteInProcessResult) -> set[str]:
    """Return the names of the asset checks that failed."""
    return {
        evaluation.check_name
        for evaluation in result.get_asset_check_evaluations()
        if not evaluation.passed
    }
