"""What the planner is given: the published facts of each account, as one case."""

from __future__ import annotations

from datetime import timedelta

import polars as pl

from assets.history import known_actions, known_bars
from assets.session_run import SessionRun
from ballast.calendars import end_of_session
from ballast.guards.status import blocked_by_guards, merged_reasons, restricted
from ballast.market.exchange_rates import Rates
from ballast.market.regime import main_regime
from ballast.market.returns import security_returns
from ballast.money import ZERO
from ballast.planning.account import accounts_of
from ballast.planning.case import PlanningCase
from ballast.planning.cases import Published, cases_of
from ballast.reconciliation.compare import blocked_accounts
from ballast.trading.orders import OPEN_STATES
from resources.recommendations import PLAN

# Calendar days per session, with holidays to spare.
_DAYS_PER_SESSION = 1.6


def planning_cases(run: SessionRun) -> list[PlanningCase]:
    """Return one case per account, all read from one snapshot."""
    portfolio = run.workspace.portfolio
    (
        listed, prices, rates_table, positions, report, guards, regimes, targets, lots, risk,
        correlations, scores, position_scores, gains,
    ) = run.read(
        "securities", "prices", "exchange_rates", "positions_snapshot", "reconciliation_report",
        "guard_status", "regime_detection", "target_weights", "tax_lots", "risk_metrics",
        "correlations", "security_scores", "position_scores", "realised_gains",
    )  # fmt: skip
    rates = Rates.of(rates_table)
    last = main_regime(regimes, portfolio.regime.index)
    accounts = accounts_of(
        portfolio, positions, listed, prices, targets, last["regime"], last["reserve_share"],
        merged_reasons(blocked_accounts(report), blocked_by_guards(guards)), run.session,
    )  # fmt: skip
    published = Published(
        securities=listed,
        security_scores=scores,
        position_scores=position_scores,
        tax_lots=lots,
        risk_metrics=risk,
        correlations=correlations,
        open_orders=open_at_the_end(run),
        realised_gains=gains,
        dismissed={
            account: run.workspace.recommendations.dismissed(account)
            for account in portfolio.base_currencies
        },
        code=run.workspace.code_version,
        rates={f"{source}/{target}": rate for (source, target), rate in rates.by_pair.items()},
    )
    return cases_of(portfolio, restricted(accounts, guards), published)


def daily_returns(run: SessionRun) -> pl.DataFrame:
    """Return the newest returns of every security and index, as many as risk is measured over."""
    window = run.workspace.portfolio.performance.risk_window
    first = run.session - timedelta(days=int(window * _DAYS_PER_SESSION))
    bars = known_bars(run, first=first)
    return security_returns(bars, known_actions(run))


def open_at_the_end(run: SessionRun) -> pl.DataFrame:
    """Return the orders that are open at the end of the session, with what was filled until then.

    The plan's own orders of this session are left out: after a crash the run that finishes the work would make another
    plan of what they left.
    """
    book = run.workspace.orders
    orders = book.table().filter(
        (pl.col("session") < run.session)
        | ((pl.col("session") == run.session) & (pl.col("origin") != PLAN))
    )
    fills = book.executions().filter(pl.col("filled_at") < end_of_session(run.session))
    by_then = fills.group_by("client_order_id").agg(by_then=pl.col("quantity").sum())
    known = orders.join(by_then, on="client_order_id", how="left").with_columns(
        pl.col("by_then").fill_null(ZERO)
    )
    # One that was filled later was open then, whatever has become of it since.
    is_open = pl.col("state").is_in(list(OPEN_STATES)) | (
        (pl.col("state") == "filled") & (pl.col("by_then") < pl.col("quantity"))
    )
    return known.filter(is_open).with_columns(filled="by_then").drop("by_then")
