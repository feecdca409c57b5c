"""The books of the bare script: lots, positions, the comparison with the brokers, performance, and the guards."""

from __future__ import annotations

from datetime import date

import polars as pl

from ballast.books.attribution import contributions, linked_contributions
from ballast.books.lots.book import match_postings, realised_gains, tax_lots
from ballast.books.performance import portfolio_performance
from ballast.books.positions import positions_snapshot
from ballast.books.valuation import value_portfolios
from ballast.guards.activity import (
    account_data_guard,
    order_rate_guard,
    order_rates,
    stale_prices_guard,
)
from ballast.guards.drawdown import drawdown_guard, equities
from ballast.guards.kill_switch import kill_switch_rows
from ballast.guards.losses import (
    daily_loss_guard,
    losing_streaks,
    loss_streak_guard,
    session_returns,
)
from ballast.guards.market import price_gap_guard, price_moves, spread_guard, stop_loss_guard
from ballast.guards.status import status_of, watched_securities
from ballast.market.daily_rates import daily_rates
from ballast.reconciliation.compare import compare
from ballast.tables import InFlight, KillSwitchEvents
from benchmarks.bare_sources import fixings
from benchmarks.bare_tables import Tables
from resources.workspace import Workspace

_SESSIONS_KEPT = 252
_NO_ORDERS = pl.DataFrame(
    schema={"account_id": pl.String, "decision": pl.String, "sent_at": pl.Datetime("us", "UTC")}
)


def books(workspace: Workspace, session: date, known: Tables) -> Tables:
    """Return lots, gains, positions and how they compare with what the brokers say."""
    portfolio, listed, prices = workspace.portfolio, known["securities"], known["prices"]
    exchanges = dict(listed.select("symbol", "exchange").iter_rows())
    matched = match_postings(known["postings"], exchanges, portfolio.lot_methods)
    lots = tax_lots(matched.lots, prices, listed, session)
    positions = positions_snapshot(
        known["postings"], lots, listed, prices, known["exchange_rates"],
        portfolio.base_currencies, session,
    )  # fmt: skip
    return {
        "tax_lots": lots,
        "realised_gains": realised_gains(matched.matches),
        "positions_snapshot": positions,
        "reconciliation_report": compare(
            positions, known["broker_positions"], known["broker_balances"],
            known["broker_accounts"], InFlight.create_empty(), portfolio.tolerances, session,
            securities=listed, lots=lots, broker_lots=known["broker_lots"],
        ),
    }  # fmt: skip


def performance(workspace: Workspace, session: date, known: Tables) -> Tables:
    """Return what the portfolio was worth, what it returned and where that came from."""
    portfolio, postings, listed = workspace.portfolio, known["postings"], known["securities"]
    first = postings["occurred_at"].dt.date().min()
    assert isinstance(first, date)
    sessions = workspace.portfolio_calendars.sessions_of_any(portfolio.exchanges, first, session)
    base, limit = portfolio.base_currency, portfolio.market_data.rate_age_limit
    reference = fixings(workspace, sessions[0], session)
    rates = daily_rates(reference, portfolio.currencies, base, sessions, age_limit=limit)
    bars, actions = known["bars"], known["corporate_actions"]
    valuation = value_portfolios(postings, listed, bars, actions, rates, sessions, base)
    settings, shown = portfolio.performance, ("total", "account")
    per_year = settings.sessions_per_year
    found = portfolio_performance(
        valuation, risk_free=settings.risk_free, periods_per_year=per_year
    )
    daily = pl.concat([contributions(valuation, listed, level) for level in shown])
    newest = daily["session"].unique().sort().tail(_SESSIONS_KEPT)
    return {
        "portfolio_performance": found.measures,
        "portfolio_values": valuation.portfolios,
        "portfolio_returns": found.drawdowns,
        "portfolio_rolling": found.rolling,
        "portfolio_periods": found.periods,
        "portfolio_turnover": found.turnover,
        "daily_contributions": daily.filter(pl.col("session").is_in(newest.implode())),
        "portfolio_attribution": linked_contributions(
            daily,
            found.returns.filter(pl.col("level").is_in(shown)),
            periods_per_year=per_year,
        ),
    }


def guards(workspace: Workspace, session: date, known: Tables) -> Tables:
    """Return how every account stands against its limits, of which no order and no kill switch is known."""
    portfolio, settings = workspace.portfolio, workspace.portfolio.guards
    accounts, postings = list(portfolio.base_currencies), known["postings"]
    positions, growth = known["positions_snapshot"], known["portfolio_returns"]
    booked = postings["account_id"].unique().to_list()
    worth = equities(positions, growth, accounts, booked, {}, session)
    wanted = [
        (account, symbol) for account, own in portfolio.choices.items() for symbol in sorted(own)
    ]
    tradable = [s.symbol for s in portfolio.securities if s.allow_buy or s.allow_sell]
    watched = watched_securities(positions, wanted, tradable)
    moves = price_moves(known["bars"], known["corporate_actions"])
    streaks = losing_streaks(known["realised_gains"], postings, accounts)
    returns = session_returns(growth, accounts, booked, session)
    status = status_of(
        drawdown_guard(worth, settings),
        daily_loss_guard(returns, settings, session),
        loss_streak_guard(streaks, settings, session),
        stale_prices_guard(positions, accounts, settings, session),
        price_gap_guard(watched, moves, settings),
        spread_guard(watched, None, settings, session),
        stop_loss_guard(positions, settings),
        order_rate_guard(order_rates(_NO_ORDERS, accounts), settings, session),
        account_data_guard(known["broker_accounts"], accounts, settings, session, None),
        kill_switch_rows(KillSwitchEvents.create_empty(), accounts),
    )
    return {"guard_status": status}
