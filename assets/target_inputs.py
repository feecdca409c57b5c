"""What proposals of weights are made from: the published tables of a session, and the past before it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import polars as pl

from assets.history import known_actions, known_bars
from assets.market import fixings
from assets.session_run import SessionRun
from ballast.errors import MarketDataError
from ballast.market.daily_rates import daily_rates
from ballast.market.returns import security_returns
from ballast.planning.targets.outlook import NO_OUTLOOK, Outlook, read_outlook
from ballast.tables import (
    ExchangeRates,
    Positions,
    Prices,
    ReferenceRates,
    SecurityScores,
    TargetWeights,
)

if TYPE_CHECKING:
    from ballast.planning.targets.facts import TargetInputs

# Calendar days per session that several exchanges share, with holidays to spare.
_DAYS_PER_SESSION = 1.8
# What a run may lack that was started for the targets alone.
_OPTIONAL = {
    "positions_snapshot": Positions,
    "prices": Prices,
    "exchange_rates": ExchangeRates,
    "security_scores": SecurityScores,
}


def target_inputs(run: SessionRun) -> TargetInputs:
    """Read what proposals are made from, nothing of it later than the session."""
    # Solvers are loaded when they are needed.
    from ballast.planning.targets.facts import TargetInputs

    portfolio = run.workspace.portfolio
    snapshot = run.snapshot("securities", "regime_detection", *_OPTIONAL)
    found: dict[str, pl.DataFrame] = {
        name: snapshot.read(name, run.partition)
        if snapshot.has(name, run.partition)
        else pl.DataFrame(schema.create_empty())
        for name, schema in _OPTIONAL.items()
    }
    securities = snapshot.read("securities", run.partition)
    regimes = snapshot.read("regime_detection", run.partition)
    index = regimes.filter(pl.col("index_symbol") == portfolio.regime.index).sort("session")
    regime = index.row(-1, named=True)
    first = run.session - timedelta(days=int(portfolio.optimiser.lookback * _DAYS_PER_SESSION))
    real = securities.filter(pl.col("kind") != "index")["symbol"].sort().to_list()
    bars = known_bars(run, symbols=real, first=first)
    returns = security_returns(bars, known_actions(run))
    return TargetInputs(
        securities,
        found["positions_snapshot"],
        found["prices"],
        found["exchange_rates"],
        found["security_scores"],
        returns,
        _rates_of(run, returns),
        weights_before(run),
        regime["regime"],
        regime["reserve_share"],
        _outlook(run),
    )


def _rates_of(run: SessionRun, returns: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """Return the rates into each base currency on every session of the returns."""
    portfolio = run.workspace.portfolio
    limit = portfolio.market_data.rate_age_limit
    sessions = returns["session"].unique().sort().to_list()
    begins = (sessions[0] if sessions else run.session) - timedelta(days=limit)
    try:
        reference, currencies = fixings(run, begins)
    except MarketDataError:
        # Configured weights do not depend on it; proposals say that no returns are known.
        reference, currencies = pl.DataFrame(ReferenceRates.create_empty()), []
    in_use = sorted({*currencies, *portfolio.currencies})
    return {
        base: daily_rates(reference, in_use, base, sessions, age_limit=limit)
        for base in sorted(set(portfolio.base_currencies.values()))
    }


def weights_before(run: SessionRun) -> pl.DataFrame:
    """Return the weights that were published for the newest session before this one."""
    snapshot = run.workspace.lake.snapshot(("target_weights",))
    earlier = [day for day in snapshot.partitions("target_weights") if day < run.partition]
    if not earlier:
        return pl.DataFrame(TargetWeights.create_empty())
    return snapshot.read("target_weights", earlier[-1])


def _outlook(run: SessionRun) -> Outlook:
    path = run.workspace.portfolio.optimiser.outlook
    return NO_OUTLOOK if path is None else read_outlook(run.workspace.folder / path, run.session)
