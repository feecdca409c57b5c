"""How risky securities and portfolios have been: beta, correlation, value at risk, drawdown.

Returns are compared only where both cover the same span: the same session, since the same session before. A security
whose exchange was closed in between has a return over two days, which says nothing about another's return of one.

Value at risk and expected shortfall are daily returns, so that a loss is negative. At confidence c, with a = 1 − c:

- historical: the a-quantile of the returns, linear between neighbours (type 7 of Hyndman and Fan 1996), and the mean of
  the returns not above it, that is of the ⌊(n − 1) a⌋ + 1 lowest;
- parametric: of a normal distribution with the sample's mean m and standard deviation s, m + s z and m − s φ(z) / a, z
  being the a-quantile of the standard normal distribution and φ its density.
"""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
import polars as pl

from ballast.errors import ConfigurationError
from ballast.market.drawdowns import in_series
from ballast.market.measures import SESSIONS_PER_YEAR, measured
from ballast.tables import polars_schema
from ballast.tables.performance import Correlations, RiskMetrics

MINIMUM_OBSERVATIONS = 60
_SUBJECT = ["level", "subject"]
_RETURN = pl.col("daily_return")


def risk_metrics(
    returns: pl.DataFrame,
    benchmark: str | None = None,
    *,
    confidence: float = 0.95,
    minimum: int = MINIMUM_OBSERVATIONS,
    periods_per_year: float = SESSIONS_PER_YEAR,
) -> pl.DataFrame:
    """Return the risk of every subject, as of its last return.

    Parameters
    ----------
    returns : pl.DataFrame
        `DailyReturns` of securities, indices and portfolios, in any order.
    benchmark : str, optional
        Security or index among the subjects; without one there is no beta.
    confidence : float
        Of value at risk and expected shortfall, between 0 and 1.
    minimum : int
        Fewest returns for beta, correlation, value at risk and expected shortfall; fewer make them null.
    periods_per_year : float
        Returns per year, for the volatility.

    Returns
    -------
    pl.DataFrame
        `RiskMetrics`. beta = covariance(r, b) / variance(b) over the aligned sessions.

    Raises
    ------
    ConfigurationError
        If the confidence is not between 0 and 1.
    """
    if not 0 < confidence < 1:
        raise ConfigurationError(
            f"confidence {confidence} is not between 0 and 1",
            where="risk_metrics",
            remedy="Use for instance 0.95.",
        )
    ordered = in_series(returns)
    measures = measured(ordered, risk_free=0.0, periods_per_year=periods_per_year).select(
        *_SUBJECT, "last_session", "observations", "volatility", "max_drawdown",
        "current_drawdown", "sessions_in_drawdown",
    )  # fmt: skip
    tails = _tails(ordered, 1 - confidence, minimum)
    table = (
        measures.join(_against(ordered, benchmark, minimum), on=_SUBJECT, how="left")
        .join(tails, on=_SUBJECT, how="left")
        .with_columns(
            benchmark=pl.lit(benchmark, pl.String),
            aligned_observations=pl.col("aligned_observations").fill_null(0),
        )
    )
    names = polars_schema(RiskMetrics).names()
    return RiskMetrics.validate(RiskMetrics.cast(table.select(names)).sort(_SUBJECT))


def correlations(returns: pl.DataFrame, *, minimum: int = MINIMUM_OBSERVATIONS) -> pl.DataFrame:
    """Return the correlation of every pair of subjects.

    Parameters
    ----------
    returns : pl.DataFrame
        `DailyReturns` of one level, in any order.
    minimum : int
        Fewest returns that a pair must share.

    Returns
    -------
    pl.DataFrame
        `Correlations`, every ordered pair and each subject with itself; symmetric, one on the diagonal. Each pair uses
        all sessions that it shares (pairwise complete), so a young security does not shorten the others.
    """
    known = returns.filter(_RETURN.is_not_null()).select("subject", "session", "since", _RETURN)
    subjects = known["subject"].unique().sort()
    values = _aligned(known, subjects)
    count, correlation = _pairwise(values)
    correlation[(count < minimum) | ~np.isfinite(correlation)] = np.nan
    pairs = subjects.to_frame("one").join(subjects.to_frame("other"), how="cross")
    table = pairs.with_columns(
        observations=pl.Series(count.ravel().astype(np.int64)),
        correlation=pl.Series(correlation.ravel()).fill_nan(None),
    )
    return Correlations.validate(Correlations.cast(table))


def _aligned(known: pl.DataFrame, subjects: pl.Series) -> np.ndarray:
    """Return a matrix with a row per span and a column per subject; NaN where a subject has no return."""
    # Sorted, because the order of the rows decides the last digit of their sums.
    spans = known.select("session", "since").unique().sort("session", "since")
    row = known.join(
        spans.with_row_index("row"), on=["session", "since"], nulls_equal=True,
        maintain_order="left",
    )["row"]  # fmt: skip
    column = known["subject"].cast(pl.Enum(subjects)).to_physical()
    values = np.full((spans.height, len(subjects)), np.nan)
    values[row.to_numpy(), column.to_numpy()] = known["daily_return"].to_numpy()
    return values


def _pairwise(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Count the rows and correlate the columns of each pair, over the rows that both have."""
    present = np.isfinite(values)
    mask = present.astype(np.float64)
    count = mask.T @ mask
    with np.errstate(divide="ignore", invalid="ignore"):
        # Moments about each column's own mean lose no digits, whatever rows a pair shares.
        centre = np.where(present, values, 0.0).sum(axis=0) / mask.sum(axis=0)
        centred = np.where(present, values - centre, 0.0)
        total = centred.T @ mask
        square = (centred**2).T @ mask
        product = centred.T @ centred
        covariance = product - total * total.T / count
        variance = square - total**2 / count
        # What rounding leaves of a column that never moves is no variance.
        variance[variance <= 1e-14 * square] = np.nan
        correlation = covariance / np.sqrt(variance * variance.T)
    both = (correlation + correlation.T) / 2
    both = np.clip(both, -1.0, 1.0)
    np.fill_diagonal(both, np.where(np.isfinite(np.diag(both)), 1.0, np.nan))
    return count, both


def _against(ordered: pl.DataFrame, benchmark: str | None, minimum: int) -> pl.DataFrame:
    """Return beta to and correlation with the benchmark."""
    is_benchmark = pl.col("level").is_in(["security", "index"]) & (
        pl.col("subject") == pl.lit(benchmark, pl.String)
    )
    of_benchmark = ordered.filter(is_benchmark & _RETURN.is_not_null()).select(
        "session", market="daily_return", market_since="since"
    )
    is_aligned = pl.col("since").eq_missing(pl.col("market_since"))
    market = pl.col("market")
    # With itself a benchmark has exactly one.
    enough = (pl.len() >= minimum) & (market.max() != market.min())
    correlation = pl.when(_RETURN.max() != _RETURN.min()).then(pl.corr(_RETURN, market))
    return (
        ordered.join(of_benchmark, on="session", maintain_order="left")
        .filter(is_aligned & _RETURN.is_not_null())
        .group_by("series", maintain_order=True)
        .agg(
            pl.col(_SUBJECT).first(),
            aligned_observations=pl.len().cast(pl.Int64),
            beta=pl.when(enough).then(pl.cov(_RETURN, market, ddof=1) / market.var(ddof=1)),
            benchmark_correlation=pl.when(enough).then(correlation.clip(-1.0, 1.0)),
        )
    )


def _tails(ordered: pl.DataFrame, tail: float, minimum: int) -> pl.DataFrame:
    """Return value at risk and expected shortfall, historical and parametric."""
    normal = NormalDist()
    quantile = normal.inv_cdf(tail)
    enough = _RETURN.count() >= minimum
    mean, deviation = _RETURN.mean(), _RETURN.std(ddof=1)
    lowest = ((_RETURN.count() - 1) * tail).floor().cast(pl.Int64) + 1
    figures = {
        "historical_value_at_risk": _RETURN.quantile(tail, interpolation="linear"),
        "historical_expected_shortfall": _RETURN.sort().head(lowest).mean(),
        "parametric_value_at_risk": mean + deviation * quantile,
        "parametric_expected_shortfall": mean - deviation * (normal.pdf(quantile) / tail),
    }
    return (
        ordered.filter(_RETURN.is_not_null())
        .group_by("series", maintain_order=True)
        .agg(
            pl.col(_SUBJECT).first(),
            *(pl.when(enough).then(figure).alias(name) for name, figure in figures.items()),
        )
    )
