"""What the bare script makes of the market and the books: risk, the regime, scores, and the weights that are wanted."""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl

from ballast.configuration import target_weights_table
from ballast.market.daily_rates import daily_rates
from ballast.market.history import adjusted_for_splits
from ballast.market.indicators import true_ranges
from ballast.market.regime import detected_regimes, main_regime
from ballast.market.returns import security_returns
from ballast.market.risk import correlations
from ballast.market.risk import risk_metrics as measure
from ballast.planning.scores.fundamentals import newest_known
from ballast.planning.scores.position import Books, position_scores
from ballast.planning.scores.security import security_scores
from ballast.planning.scores.standing import grouping
from ballast.planning.targets import tables
from ballast.planning.targets.facts import TargetInputs, target_cases
from ballast.planning.targets.outlook import NO_OUTLOOK
from ballast.planning.targets.proposal import propose
from ballast.tables import DailyReturns, Fundamentals, TargetWeights, polars_schema
from benchmarks.bare_sources import fixings
from benchmarks.bare_tables import File, Tables
from resources.workspace import Workspace

_SESSIONS_SHOWN = 260
# Calendar days per session, of one exchange and of several.
_DAYS_PER_SESSION, _DAYS_PER_SHARED_SESSION = 1.6, 1.8


def risk(workspace: Workspace, session: date, known: Tables) -> Tables:
    """Return the risk of what is held or wanted, and of the portfolios."""
    portfolio, settings = workspace.portfolio, workspace.portfolio.performance
    held = known["positions_snapshot"].filter(~pl.col("is_cash"))["commodity"]
    wanted = frozenset[str]().union(*portfolio.choices.values())
    first = session - timedelta(days=int(settings.risk_window * _DAYS_PER_SESSION))
    bars = known["bars"].filter(
        pl.col("symbol").is_in([*held, *wanted, portfolio.benchmark]) & (pl.col("session") >= first)
    )
    performance = known["portfolio_returns"].sort("level", "subject", "session")
    since = pl.col("session").shift(1).over("level", "subject")
    of_portfolios = performance.filter(pl.col("level") != "bucket").with_columns(since=since)
    of_securities, of_portfolios = (
        each.sort("session").group_by("level", "subject").tail(settings.risk_window).select(columns)
        for columns in (polars_schema(DailyReturns).names(),)
        for each in (security_returns(bars, known["corporate_actions"]), of_portfolios)
    )
    return {
        "risk_metrics": measure(
            pl.concat([of_securities, of_portfolios]),
            portfolio.benchmark,
            confidence=settings.confidence,
            periods_per_year=settings.sessions_per_year,
        ),
        "correlations": correlations(of_securities),
        "true_ranges": true_ranges(bars, known["corporate_actions"], session),
    }


def regimes(workspace: Workspace, session: date, known: Tables) -> Tables:
    """Return the regime of the newest sessions."""
    settings, calendars = workspace.portfolio.regime, workspace.portfolio_calendars
    of_indices = known["bars"].filter(pl.col("symbol").is_in(settings.indices))
    adjusted = adjusted_for_splits(of_indices, known["corporate_actions"], session)
    exchanges = dict(known["securities"].select("symbol", "exchange").iter_rows())
    expected = {index: calendars.sessions(exchanges[index]) for index in settings.indices}
    found = detected_regimes(adjusted, settings, session, expected)
    newest = found.group_by("index_symbol", maintain_order=True).tail(_SESSIONS_SHOWN)
    return {"regime_detection": newest}


def scores(workspace: Workspace, session: date, known: Tables, file: File) -> Tables:
    """Return the scores of securities and positions."""
    portfolio, listed = workspace.portfolio, known["securities"]
    symbols = _real(listed)
    remembered = file.read("fundamentals", Fundamentals.create_empty())
    stated = workspace.fundamentals.fundamentals(symbols, session, remembered)
    of_securities = security_scores(
        symbols, known["bars"].filter(pl.col("symbol").is_in(symbols)), known["corporate_actions"],
        stated, session, portfolio.scores, portfolio.performance,
    )  # fmt: skip
    targets, accounts = target_weights_table(portfolio), list(portfolio.base_currencies)
    countries = grouping(listed, "country", portfolio.country_groups, accounts, targets)
    industries = grouping(listed, "industry", portfolio.industry_groups, accounts, targets)
    books = Books(known["positions_snapshot"], known["tax_lots"], known["postings"])
    return {
        "security_scores": of_securities,
        "position_scores": position_scores(
            of_securities, listed, books, targets, countries, industries, session,
            portfolio.scores, minimum_hold_days=portfolio.trading.minimum_hold_days,
        ),
        "fundamentals": newest_known(stated, session),
    }  # fmt: skip


def targets(workspace: Workspace, session: date, known: Tables, file: File) -> Tables:
    """Return the weights that are wanted, and what the optimiser proposes."""
    portfolio = workspace.portfolio
    inputs = _target_inputs(workspace, session, known, file)
    proposals = [
        propose(
            case, portfolio.optimiser, portfolio.country_groups, portfolio.industry_groups,
            sessions_per_year=portfolio.performance.sessions_per_year,
        )
        for case in target_cases(portfolio, inputs)
    ]  # fmt: skip
    return {
        "target_weights": tables.followed_weights(
            portfolio, proposals, inputs.positions, inputs.previous
        ),
        "optimised_weights": tables.optimised_weights(proposals, portfolio),
        "weight_constraints": tables.weight_constraints(proposals),
        "efficient_frontier": tables.efficient_frontier(proposals, portfolio),
        "optimiser_steps": tables.optimiser_steps(proposals),
        "high_correlations": tables.correlated_pairs(proposals),
    }


def _target_inputs(workspace: Workspace, session: date, known: Tables, file: File) -> TargetInputs:
    portfolio = workspace.portfolio
    first = session - timedelta(days=int(portfolio.optimiser.lookback * _DAYS_PER_SHARED_SESSION))
    bars = known["bars"].filter(
        pl.col("symbol").is_in(_real(known["securities"])) & (pl.col("session") >= first)
    )
    returns = security_returns(bars, known["corporate_actions"])
    sessions = returns["session"].unique().sort().to_list()
    reference = fixings(workspace, sessions[0], session)
    limit = portfolio.market_data.rate_age_limit
    rates = {
        base: daily_rates(reference, portfolio.currencies, base, sessions, age_limit=limit)
        for base in sorted(set(portfolio.base_currencies.values()))
    }
    regime = main_regime(known["regime_detection"], portfolio.regime.index)
    return TargetInputs(
        known["securities"], known["positions_snapshot"], known["prices"],
        known["exchange_rates"], known["security_scores"], returns, rates,
        file.read("target_weights", TargetWeights.create_empty()),
        regime["regime"], regime["reserve_share"], NO_OUTLOOK,
    )  # fmt: skip


def _real(listed: pl.DataFrame) -> list[str]:
    return listed.filter(pl.col("kind") != "index")["symbol"].sort().to_list()
