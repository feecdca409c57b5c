"""What is estimated of the securities of an account: return, risk, and which of them cannot be judged."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from ballast.planning.targets.covariance import (
    shared_returns,
    shrunk_covariance,
    volatility_of,
)
from ballast.planning.targets.limits import Matrix, Vector
from ballast.settings.optimiser import OptimiserSettings


@dataclass(frozen=True)
class Risk:
    """Estimates of the securities that take part, in the order of their symbols.

    Parameters
    ----------
    symbols : tuple of str
        Sorted.
    expected_returns : array of shape (n,)
        Per year.
    covariance : array of shape (n, n)
        Per year, shrunk.
    observations : int
        Returns that the covariance rests on.
    shrinkage : float
        Between 0 and 1.
    shortened_by : (str, int), optional
        Whose past keeps most returns from being used, and how many.
    """

    symbols: tuple[str, ...]
    expected_returns: Vector
    covariance: Matrix
    observations: int
    shrinkage: float
    shortened_by: tuple[str, int] | None = None

    @property
    def in_words(self) -> str:
        """What the covariance rests on."""
        rests = f"risk rests on {self.observations} returns of {len(self.symbols)} securities"
        if self.shortened_by is None:
            return rests
        symbol, lost = self.shortened_by
        return f"{rests}; {symbol} shortens it most, by {lost}"

    @property
    def volatilities(self) -> dict[str, float]:
        """Volatility per year of each security."""
        return dict(zip(self.symbols, volatility_of(self.covariance).tolist(), strict=True))


def estimate(
    facts: pl.DataFrame,
    levels: pl.DataFrame,
    settings: OptimiserSettings,
    *,
    sessions_per_year: float,
) -> tuple[Risk | None, dict[str, str]]:
    """Return the estimates of the securities that can be judged, and why the others cannot.

    Parameters
    ----------
    facts, levels : pl.DataFrame
        Those of a `TargetCase`, the facts sorted by symbol.

    Returns
    -------
    risk : Risk, or None
        None when no security can be judged.
    left_out : dict of str to str
        By symbol, sorted.
    """
    left_out = _unusable(facts)
    usable = facts.filter(~pl.col("symbol").is_in(list(left_out)))
    shared = shared_returns(
        levels.filter(pl.col("symbol").is_in(usable["symbol"].implode())),
        lookback=settings.lookback,
        minimum=settings.minimum_history,
        most_lost=settings.history_cost_limit,
        sessions_per_year=sessions_per_year,
    )
    left_out |= shared.left_out
    unseen = set(usable["symbol"]) - set(shared.symbols) - set(left_out)
    left_out |= dict.fromkeys(unseen, "no returns are known")
    left_out = dict(sorted(left_out.items()))
    if not shared.symbols:
        return None, left_out
    covariance, shrinkage = shrunk_covariance(shared.values)
    taking_part = facts.filter(pl.col("symbol").is_in(shared.symbols))
    risk = Risk(
        shared.symbols,
        taking_part["expected_return"].to_numpy(),
        covariance * shared.spans_per_year,
        len(shared.values),
        shrinkage,
        shared.shortened_by,
    )
    return risk, left_out


def _unusable(facts: pl.DataFrame) -> dict[str, str]:
    """Say which securities cannot be judged whatever their past, and why."""
    reason = (
        pl.when("is_blocked")
        .then(pl.lit("no fresh price"))
        .when(pl.col("expected_return").is_null())
        .then(pl.col("return_reason"))
    )
    reasons = facts.select("symbol", reason=reason).filter(pl.col("reason").is_not_null())
    return dict(reasons.iter_rows())
