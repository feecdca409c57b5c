"""The regime of every watched index, by the rule and by the model, with the confidence that each deserves.

The confidence is a probability times how complete the inputs are. To the model it is the probability of the regime that
it named; to the rule, which knows none, the chance that it still says the same after the next close. Inputs lack years
of history (the model's only), closes of the last quarter, or the newest ones.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import numpy as np
import polars as pl

from ballast.errors import HistoryTooShortError
from ballast.market.regime.naming import NAMES
from ballast.market.regime.online import UNKNOWN, Days, model_history
from ballast.market.regime.rule import (
    moving_average_regime,
    reserve_share,
    rule_confidence,
)
from ballast.settings import RegimeSettings
from ballast.tables import Regimes, polars_schema

# The model was measured with five years of returns; with fewer it is trusted in proportion.
_FULL_HISTORY = 1_260
_QUARTER = 63
# Each session that the newest close is old halves the confidence.
_TRUST_PER_MISSED_SESSION = 0.5
# The noise of a quotient must not change a fit when all prices are multiplied.
_RETURN_DECIMALS = 12


def detected_regimes(
    bars: pl.DataFrame,
    settings: RegimeSettings,
    session: date,
    expected: Mapping[str, Sequence[date]] | None = None,
) -> pl.DataFrame:
    """Label every session of every watched index up to the one asked for.

    Parameters
    ----------
    bars : pl.DataFrame
        `Bars` as of the session, adjusted for splits, in any order.
    expected : mapping of str to sequence of date, optional
        Sessions of each index's exchange, so that a missing close is seen; by default none is missing. Where the newest
        close is older than `stale_sessions` of them, its regime is unknown.

    Returns
    -------
    pl.DataFrame
        `Regimes`: the indices of the regions by name, then the main index, each oldest first; an index of a region
        without any close is left out.

    Raises
    ------
    HistoryTooShortError
        If the main index has no close at all.
    """
    known = set(bars.filter(pl.col("session") <= session)["symbol"])
    tables = [
        _of_index(
            moving_average_regime(bars, settings, session, index),
            settings,
            session,
            (expected or {}).get(index, ()),
        )
        for index in settings.indices
        if index in known or index == settings.index
    ]
    return Regimes.validate(Regimes.cast(pl.concat(tables)))


def main_regime(regimes: pl.DataFrame, index: str) -> dict[str, Any]:
    """Return the newest row of the index that the cash reserve follows.

    Parameters
    ----------
    regimes : pl.DataFrame
        `Regimes` of any number of indices, in any order.

    Raises
    ------
    HistoryTooShortError
        If there is no row of the index.
    """
    own = regimes.filter(pl.col("index_symbol") == index).sort("session")
    if own.is_empty():
        raise HistoryTooShortError(
            f"no regime of {index} is known",
            where="regime_detection",
            remedy="Materialise regime_detection for this session.",
        )
    return own.row(-1, named=True)


def regional_regimes(
    regimes: pl.DataFrame, securities: pl.DataFrame, settings: RegimeSettings
) -> pl.DataFrame:
    """Return the newest regime of the region of every security.

    Parameters
    ----------
    regimes : pl.DataFrame
        `Regimes`.
    securities : pl.DataFrame
        `Securities`. Its country names its region, else its exchange, else its currency; a security of no region
        follows the main index.

    Returns
    -------
    pl.DataFrame
        symbol, region (null: none), index_symbol, regime (null: unknown) and confidence, by symbol.
    """
    region = pl.coalesce(
        pl.when(pl.col(name).is_in(list(settings.regions))).then(pl.col(name))
        for name in ("country", "exchange", "currency")
    )
    index = pl.col("region").replace_strict(
        settings.regions, default=settings.index, return_dtype=pl.String
    )
    newest = (
        regimes.sort("session")
        .group_by("index_symbol", maintain_order=True)
        .last()
        .select("index_symbol", "regime", "confidence")
    )
    return (
        securities.select("symbol", region=region)
        .with_columns(index_symbol=index)
        .join(newest, on="index_symbol", how="left")
        .sort("symbol")
    )


def _of_index(
    ruled: pl.DataFrame, settings: RegimeSettings, session: date, expected: Sequence[date]
) -> pl.DataFrame:
    """Add what the model says to what the rule says of one index."""
    observed = ruled["session"].to_numpy().astype("datetime64[D]")
    days = np.array(expected, dtype="datetime64[D]")
    days = days[(days >= observed[0]) & (days <= np.datetime64(session))]
    grid = np.union1d(observed, days)
    at = np.searchsorted(grid, observed)
    returns = np.full(len(grid), np.nan)
    returns[at[1:]] = _returns(ruled["close"].to_numpy(), np.diff(at))
    history = model_history(
        grid, returns,
        states=settings.states, window=settings.fit_window, least=settings.least_history,
        dwell=settings.minimum_dwell,
    )  # fmt: skip
    complete = _completeness(grid, at)
    trust = complete * np.minimum(history.fitted_to[at] / _FULL_HISTORY, 1.0)
    is_known = history.names[at] != UNKNOWN
    names = [None if name == UNKNOWN else NAMES[name] for name in history.names[at].tolist()]
    columns: dict[str, Any] = {
        f"probability_{name}": history.probabilities[at, number]
        for number, name in enumerate(NAMES)
    }
    columns |= {"state_volatility": history.volatilities[at], "trust": trust}
    model = pl.DataFrame(columns).select(
        pl.when(pl.Series(is_known)).then(pl.all()),
        model_regime=pl.Series(names, dtype=pl.String),
    )
    regime = pl.coalesce(
        ["model_regime", "rule_regime"] if settings.method == "markov" else ["rule_regime"]
    )
    decided_by = pl.when(pl.lit(settings.method == "markov") & pl.col("model_regime").is_not_null())
    of_model = pl.coalesce(
        pl.when(pl.col("regime") == name).then(f"probability_{name}") for name in NAMES
    )
    of_rule = pl.Series(rule_confidence(ruled, settings) * complete)
    return (
        ruled.drop(*model.drop("trust").columns)
        .hstack(model)
        .with_columns(
            regime=regime,
            method=decided_by.then(pl.lit("markov")).otherwise(pl.lit("rule")),
        )
        .with_columns(regime=pl.when(_is_fresh(grid, at, settings.stale_sessions)).then("regime"))
        .with_columns(
            confidence=pl.when(pl.col("method") == "markov")
            .then(of_model * pl.col("trust"))
            .otherwise(of_rule.fill_nan(None))
            .clip(0.0, 1.0),
            method=pl.when(pl.col("regime").is_not_null()).then("method"),
            reserve_share=reserve_share("regime", settings),
        )
        .with_columns(confidence=pl.when(pl.col("regime").is_not_null()).then("confidence"))
        .select(polars_schema(Regimes).names())
    )


def _is_fresh(grid: Days, at: Any, limit: int) -> pl.Series:
    """Say whether each close was no older than the limit; only the newest may be, as of the session asked for."""
    fresh = np.ones(len(at), dtype=bool)
    fresh[-1] = len(grid) - 1 - at[-1] <= limit
    return pl.Series(fresh)


def _returns(closes: Any, sessions: Any) -> Any:
    """Return logarithmic returns; one over several sessions is scaled to the size of one."""
    return np.round(np.log(closes[1:] / closes[:-1]) / np.sqrt(sessions), _RETURN_DECIMALS)


def _completeness(grid: Days, at: Any) -> Any:
    """Return how much of what should be known was known, per close: gaps, and the age of the newest close."""
    has_close = np.zeros(len(grid))
    has_close[at] = 1.0
    total = np.r_[0.0, np.cumsum(has_close)]
    # The newest close is judged as of the session asked for, which may be later than its own.
    until = np.r_[at[:-1], len(grid) - 1] + 1
    since = np.maximum(until - _QUARTER, 0)
    coverage = (total[until] - total[since]) / (until - since)
    age = until - 1 - at
    return coverage * _TRUST_PER_MISSED_SESSION**age
