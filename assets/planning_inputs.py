"""What the planner is given: the published facts of each account, as one case."""

from __future__ import annotations

from datetime import timedelta

import polars as pl

from assets.history import known_actions, known_bars
from assets.session_run import SessionRun
from ballast.guards.status import blocked_by_guards, merged_reasons, restricted
from ballast.market.exchange_rates import Rates
from ballast.market.regime import main_regime
from ballast.market.returns import security_returns
from ballast.planning.account import accounts_of
from ballast.planning.case import PlanningCase
from ballast.planning.cases import Published, cases_of
from ballast.reconciliation.compare import blocked_accounts
from ballast.trading.orders import OPEN_STATES

# Calendar days per session, with holidays to spare.
_DAYS_PER_SESSION = 1.6


def planning_cases(run: SessionRun) -> list[PlanningCase]:
    """Return one case per account, all read from one snapshot."""
    portfolio = run.workspace.portfolio
    (
        listed, prices, rates_table, positions, report, guards, regimes, targets, lots, risk,
        correlations, scores, position_scores,
    ) = run.read(
        "securities", "prices", "exchange_rates", "positions_snapshot", "reconciliation_report",
        "guard_status", "regime_detection", "target_weights", "tax_lots", "risk_metrics",
        "correlations", "security_scores", "position_scores",
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
        open_orders=_left_open(run),
        rates={f"{source}/{target}": rate for (source, target), rate in rates.by_pair.items()},
    )
    return cases_of(portfolio, restricted(accounts, guards), published)


def daily_returns(run: SessionRun) -> pl.DataFrame:
    """Return the newest returns of every security and index, as many as risk is measured over."""
    window = run.workspace.portfolio.performance.risk_window
    first = run.session - timedelta(days=int(window * _DAYS_PER_SESSION))
    bars = known_bars(run, first=first)
    return security_returns(bars, known_actions(run))


def _left_open(run: SessionRun) -> pl.DataFrame:
    """Return the orders of earlier sessions that are open.

    Those of this session are the plan's own: were they left out after a crash, the run that finishes the work would
    make another plan of what is left.
    """
    orders = run.workspace.orders.table()
    return orders.filter(
        (pl.col("session") < run.session) & pl.col("state").is_in(list(OPEN_STATES))
    )
