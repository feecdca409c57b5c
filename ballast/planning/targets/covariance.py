"""How securities move: returns that all of them share, their covariance, and which pairs move together.

The covariance is shrunk towards independent securities of equal variance (Ledoit and Wolf 2004, "A well-conditioned
estimator for large-dimensional covariance matrices"): the sample's own is too sure of itself when securities are many.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from ballast.planning.targets.limits import Matrix, Vector


@dataclass(frozen=True)
class SharedReturns:
    """Returns over the spans that all securities share.

    Parameters
    ----------
    symbols : tuple of str
        Sorted.
    values : array of shape (spans, securities)
        Return of each security in base currency from one shared session to the next.
    spans_per_year : float
        For what is annualised.
    left_out : mapping of str to str
        Securities that are not among them, and why.
    shortened_by : (str, int), optional
        Who of them keeps most returns from being shared, and how many; None if all share all.
    """

    symbols: tuple[str, ...]
    values: Matrix
    spans_per_year: float
    left_out: Mapping[str, str]
    shortened_by: tuple[str, int] | None = None


def shared_returns(
    levels: pl.DataFrame,
    *,
    lookback: int,
    minimum: int,
    sessions_per_year: float,
    most_lost: float = 1.0,
) -> SharedReturns:
    """Return the newest returns that all securities share.

    Parameters
    ----------
    levels : pl.DataFrame
        symbol, session, level: what an investment in base currency is worth, null where that is unknown.
    lookback, minimum : int
        Most returns to use, and the fewest that a security must have by itself and share with the others.
    sessions_per_year : float
        Sessions of whoever trades most often.
    most_lost : float
        Share of the returns that a security may cost the others.

    Returns
    -------
    SharedReturns
        Nothing is filled: a session on which any of them did not trade is left out, and the return spans it. Too short
        histories are left out first, then whoever keeps most sessions from being shared, until they share enough and
        nobody costs the others too much.
    """
    known = levels.filter(pl.col("level").is_not_null()).sort("symbol", "session")
    newest = known.group_by("symbol", maintain_order=True).tail(lookback + 1)
    counts = dict(newest.group_by("symbol", maintain_order=True).agg(pl.len()).iter_rows())
    left_out = {
        symbol: f"{counts.get(symbol, 1) - 1} returns are known, {minimum} are needed"
        for symbol in sorted(levels["symbol"].unique())
        if counts.get(symbol, 1) - 1 < minimum
    }
    kept = newest.filter(~pl.col("symbol").is_in(list(left_out)))
    kept, moving = _moving(kept)
    left_out |= dict.fromkeys(moving, "its price never moves")
    symbols = kept["symbol"].unique().sort().to_list()
    wide = _wide(kept, symbols)
    shortened_by = None
    while len(symbols) > 1:
        most, lost = _shortest(known, symbols, lookback)
        shared = max(wide.height - 1, 0)
        if shared < minimum:
            reason = f"shares only {shared} returns with the others, {minimum} are needed"
        elif lost > most_lost * (shared + lost):
            reason = f"leaves only {shared} of {shared + lost:.0f} returns, no more than {most_lost:.0%} may be lost"
        else:
            shortened_by = (most, round(lost)) if round(lost) else None
            break
        left_out[most] = reason
        symbols.remove(most)
        kept = kept.filter(pl.col("symbol") != most)
        wide = _wide(kept, symbols)
    worth = wide.drop("session").to_numpy()
    values = worth[1:] / worth[:-1] - 1
    span = pl.col("session").is_between(wide["session"].min(), wide["session"].max())
    # Whoever trades most often shows how many sessions there were; others, and what is shared, have fewer.
    of_each = known.filter(span).group_by("symbol").len().get_column("len").to_list()
    spans = len(values) / max(max(of_each, default=0) - 1, 1)
    return SharedReturns(tuple(symbols), values, sessions_per_year * spans, left_out, shortened_by)


def _shortest(known: pl.DataFrame, symbols: Sequence[str], lookback: int) -> tuple[str, float]:
    """Return who keeps most of the newest sessions from being shared, the first by name of several, and how many.

    A session that several miss counts for each in part: of two that were suspended together neither alone frees any.
    """
    table = known.filter(pl.col("symbol").is_in(list(symbols)))
    wide = table.pivot(on="symbol", index="session", values="level").sort("session")
    absent = wide.tail(lookback + 1).select(pl.col(symbols).is_null()).to_numpy()
    parts = absent.sum(axis=1, keepdims=True)
    missed = np.divide(absent, parts, out=np.zeros(absent.shape), where=parts > 0).sum(axis=0)
    first = int(missed.argmax())
    return symbols[first], float(missed[first])


def _wide(levels: pl.DataFrame, symbols: list[str]) -> pl.DataFrame:
    """Return a row per session that all symbols have, and a column per symbol."""
    if not symbols:
        return pl.DataFrame(schema={"session": pl.Date})
    table = levels.pivot(on="symbol", index="session", values="level").sort("session")
    return table.select("session", *symbols).drop_nulls()


def _moving(levels: pl.DataFrame) -> tuple[pl.DataFrame, list[str]]:
    """Leave out what never moves: it has no correlation."""
    ranges = levels.group_by("symbol").agg(still=pl.col("level").max() == pl.col("level").min())
    still = ranges.filter("still")["symbol"].sort().to_list()
    return levels.filter(~pl.col("symbol").is_in(still)), still


def shrunk_covariance(returns: Matrix) -> tuple[Matrix, float]:
    """Return the covariance of returns, shrunk, and how much of it is the target's.

    Parameters
    ----------
    returns : array of shape (observations, n)
        No value may be missing.

    Returns
    -------
    covariance : array of shape (n, n)
        (1 − a) S + a m I, S being the sample covariance (divided by the number of observations) and m its mean
        variance; per observation.
    shrinkage : float
        a, between 0 and 1.
    """
    observations, n = returns.shape
    centred = returns - returns.mean(axis=0)
    sample = centred.T @ centred / observations
    mean = float(np.trace(sample)) / n
    # ‖S − m I‖², and how far the single observations are from S; both per security.
    spread = float((sample**2).sum()) / n - mean**2
    squares = (centred**2).sum(axis=1)
    noise = (float(squares @ squares) / observations - float((sample**2).sum())) / (
        n * observations
    )
    shrinkage = 1.0 if spread <= 0 else min(max(noise, 0.0) / spread, 1.0)
    covariance = (1 - shrinkage) * sample
    covariance[np.diag_indices(n)] += shrinkage * mean
    return covariance, shrinkage


def correlation_of(covariance: Matrix) -> Matrix:
    """Return the correlation of a covariance with a positive diagonal; one on its diagonal exactly."""
    deviation = volatility_of(covariance)
    correlation = np.clip(covariance / np.outer(deviation, deviation), -1.0, 1.0)
    np.fill_diagonal(correlation, 1.0)
    return correlation


def volatility_of(covariance: Matrix) -> Vector:
    """Return the standard deviations of a covariance."""
    return np.sqrt(np.diag(covariance))


def high_correlations(
    symbols: tuple[str, ...], correlation: Matrix, alert: float
) -> list[tuple[str, str, float]]:
    """Return the pairs whose correlation is at least as strong as the alert, the strongest first.

    Correlations are rounded to three digits, before they are compared.
    """
    one, other = np.triu_indices(len(symbols), 1)
    found = np.round(correlation[one, other], 3)
    pairs = [
        (symbols[i], symbols[j], float(value))
        for i, j, value in zip(one, other, found, strict=True)
        if abs(value) >= alert
    ]
    return sorted(pairs, key=lambda pair: (-abs(pair[2]), pair[0], pair[1]))
