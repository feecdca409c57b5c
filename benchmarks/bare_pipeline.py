"""The daily pipeline as a bare script: the same sources, computations and tables in one DuckDB file, and nothing else.

No orchestrator, checks, plots, publications, alerts or idempotence; whoever interrupts it starts again. The brokers are
the product's own paper brokers, because in earnest they are somebody else's.
"""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import duckdb
import polars as pl

from ballast.guards.status import blocked_by_guards, merged_reasons, restricted
from ballast.market.exchange_rates import Rates
from ballast.market.regime import main_regime
from ballast.market.returns import security_returns
from ballast.planning.account import accounts_of
from ballast.planning.best_plan import best_plan
from ballast.planning.case import PlanningCase
from ballast.planning.cases import Published, cases_of
from ballast.planning.explanation import (
    alternatives_table,
    components_table,
    opportunities_table,
)
from ballast.planning.scenarios import scenarios_table
from ballast.planning.tables import plans_table, recommendations_table
from ballast.reconciliation.compare import blocked_accounts
from ballast.reporting.daily import DailyFacts, daily_report
from ballast.tables import Orders
from benchmarks import bare_books, bare_insight, bare_sources
from benchmarks.bare_tables import File, Tables
from resources.workspace import Workspace

# Calendar days per session.
_DAYS_PER_SESSION = 1.6
# These are added to as they become known.
_KEPT = ("bars", "postings")


def run(workspace: Workspace, session: date, database: Path) -> str:
    """Run one session; returns the report."""
    with duckdb.connect(database) as connection:
        connection.begin()
        file = File(connection, session)
        known = bare_sources.market(workspace, session, file)
        known["postings"] = bare_sources.ledger(workspace, session, file)
        known |= bare_sources.brokers(workspace, session)
        known |= bare_books.books(workspace, session, known)
        known |= bare_books.performance(workspace, session, known)
        known |= bare_books.guards(workspace, session, known)
        known |= bare_insight.risk(workspace, session, known)
        known |= bare_insight.regimes(workspace, session, known)
        known |= bare_insight.scores(workspace, session, known, file)
        known |= bare_insight.targets(workspace, session, known, file)
        known |= _plans(workspace, session, known)
        report = daily_report(_facts(workspace, session, known))
        known["daily_report"] = pl.DataFrame({"session": [session], "report": [report]})
        file.replace({name: table for name, table in known.items() if name not in _KEPT})
        connection.commit()
    return report


def _plans(workspace: Workspace, session: date, known: Tables) -> Tables:
    performance, index = workspace.portfolio.performance, workspace.portfolio.regime.index
    plans = [best_plan(case) for case in _cases(workspace, session, known)]
    first = session - timedelta(days=int(performance.risk_window * _DAYS_PER_SESSION))
    recent = known["bars"].filter(pl.col("session") >= first)
    returns = security_returns(recent, known["corporate_actions"])
    return {
        "planner_recommendations": recommendations_table(plans),
        "account_plans": plans_table(plans),
        "plan_opportunities": opportunities_table(plans),
        "plan_alternatives": alternatives_table(plans),
        "plan_components": components_table(plans),
        "plan_scenarios": scenarios_table(plans, returns, index),
    }


def _cases(workspace: Workspace, session: date, known: Tables) -> list[PlanningCase]:
    portfolio, guards = workspace.portfolio, known["guard_status"]
    regime = main_regime(known["regime_detection"], portfolio.regime.index)
    blocked = blocked_accounts(known["reconciliation_report"])
    accounts = accounts_of(
        portfolio, known["positions_snapshot"], known["securities"], known["prices"],
        known["target_weights"], regime["regime"], regime["reserve_share"],
        merged_reasons(blocked, blocked_by_guards(guards)), session,
    )  # fmt: skip
    by_pair = Rates.of(known["exchange_rates"]).by_pair
    published = Published(
        securities=known["securities"],
        security_scores=known["security_scores"],
        position_scores=known["position_scores"],
        tax_lots=known["tax_lots"],
        risk_metrics=known["risk_metrics"],
        correlations=known["correlations"],
        open_orders=Orders.create_empty(),
        realised_gains=known["realised_gains"],
        code=workspace.code_version,
        rates={f"{source}/{target}": rate for (source, target), rate in by_pair.items()},
    )
    return cases_of(portfolio, restricted(accounts, guards), published)


def _facts(workspace: Workspace, session: date, known: Tables) -> DailyFacts:
    return DailyFacts(
        session=session,
        mode=workspace.portfolio.mode,
        positions=known["positions_snapshot"],
        prices=known["prices"],
        reconciliation=known["reconciliation_report"],
        regimes=known["regime_detection"],
        plans=known["account_plans"],
        recommendations=known["planner_recommendations"],
        returns=known["portfolio_returns"],
        periods=known["portfolio_periods"],
        base_currency=workspace.portfolio.base_currency,
    )
