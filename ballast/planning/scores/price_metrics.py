"""What the bars of each security say: growth, risk and indicators, as of a session.

Growth over N years = (mean close of this month / mean close of the same month N years before)^(1/N) − 1, of the price
alone: dividends are scored for themselves. Risk is that of the total return, dividends included; where sessions have no
bar, it is annualised by the returns that a year has. Prices are in shares of the session.
"""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl

from ballast.market.drawdowns import in_series, with_drawdowns
from ballast.market.history import adjusted_for_splits
from ballast.market.measures import measured
from ballast.market.returns import security_returns
from ballast.planning.scores import technicals
from ballast.planning.scores.coverage import LEAST_COVERED, covered_share

_LEAST_FOR_RATIOS, _LEAST_FOR_RISK, _RECENT_RETURNS = 49, 29, 30
_FIVE_YEARS, _TEN_YEARS, _LEAST_GROWTH = 60, 120, 12
_YEAR_DAYS = 365
# How many closes each metric needs, of which the first begins its span.
_CLOSES = {
    "momentum_30": 30, "momentum_90": 90, "rsi": technicals.RSI_CLOSES,
    "bollinger_position": technicals.BOLLINGER_CLOSES, "ema_distance": technicals.EMA_CLOSES,
}  # fmt: skip
_RETURN = pl.col("daily_return")
_OF_HISTORY = (
    "symbol", "history_sessions", "first_session", "last_session", "includes_dividends",
)  # fmt: skip
_OF_PRICES = pl.Schema(
    {
        "symbol": pl.String, "history_sessions": pl.Int64, "first_session": pl.Date,
        "last_session": pl.Date, "includes_dividends": pl.Boolean,
    }
    | dict.fromkeys(
        (
            "mean_close_5y", "close", "high_52_weeks", "below_high", "momentum_30", "momentum_90",
            "rsi", "bollinger_position", "ema_distance", "cagr", "cagr_5y", "cagr_10y",
        ),
        pl.Float64,
    )
)  # fmt: skip


def price_metrics(
    bars: pl.DataFrame,
    actions: pl.DataFrame,
    session: date,
    *,
    window: int,
    risk_free: float,
    sessions_per_year: int,
    oldest_days: int | None = None,
) -> pl.DataFrame:
    """Measure every security that has a bar.

    Parameters
    ----------
    bars : pl.DataFrame
        `Bars` as known on the session, as traded, one row per symbol and session, in any order; later ones are ignored.
    actions : pl.DataFrame
        `CorporateActions`; later ones are ignored.
    session : date
        The session asked for.
    window : int
        Total returns that risk is measured over.
    risk_free : float
        Risk-free rate per year in the ratios, as a share.
    sessions_per_year : int
        Sessions per year. A window of bars that cover less than 80 % of its sessions has no metric.
    oldest_days : int, optional
        Age in calendar days of the newest bar beyond which nothing but the dates is told; by default there is none.

    Returns
    -------
    pl.DataFrame
        One row per symbol, sorted, with the metrics of `SecurityScores` that come from bars, and what the dividends are
        compared with: first_session; mean_close_5y; includes_dividends, whether a close already contains them.
    """
    known = _in_order(bars, session)
    past = actions.filter(pl.col("ex_date") <= session)
    newest = known.group_by("number", maintain_order=True).tail(window + 1)
    risk = _risk(newest, past, risk_free, sessions_per_year)
    restated = _in_shares_of(known, past, session, sessions_per_year)
    metrics = restated.join(risk, on="symbol", how="left", maintain_order="left")
    if oldest_days is None:
        return metrics
    is_fresh = pl.col("last_session") >= session - timedelta(days=oldest_days)
    return metrics.with_columns(pl.when(is_fresh).then(pl.exclude(_OF_HISTORY)).name.keep())


def _in_order(bars: pl.DataFrame, session: date) -> pl.DataFrame:
    """Return the bars up to a session by symbol and session, with a number per symbol that is fast to group by."""
    known = bars
    if bars.height and bars["session"].max() > session:  # type: ignore[operator]
        known = bars.filter(pl.col("session") <= session)
    same = pl.col("symbol") == pl.col("symbol").shift(1)
    later = (pl.col("session") > pl.col("session").shift(1)) & same
    ascends = (later | (pl.col("symbol") > pl.col("symbol").shift(1))).all()
    if not known.select(ascends).item():
        known = known.sort("symbol", "session")
    return _numbered(known)


def _numbered(ordered: pl.DataFrame) -> pl.DataFrame:
    return ordered.with_columns(number=pl.col("symbol").rle_id())


def _risk(
    newest: pl.DataFrame, actions: pl.DataFrame, risk_free: float, sessions_per_year: int
) -> pl.DataFrame:
    """Measure the total returns; the first bar has none."""
    returns = security_returns(newest, actions).filter(_RETURN.is_not_null())
    ordered = in_series(returns)
    share = covered_share(pl.len().cast(pl.Int64), _days(pl.col("since")), sessions_per_year)
    recent_share = covered_share(
        pl.lit(_RECENT_RETURNS), _days(pl.col("since").tail(_RECENT_RETURNS)), sessions_per_year
    )
    is_recent = (pl.len() >= _RECENT_RETURNS) & (recent_share >= LEAST_COVERED)
    recent = (
        with_drawdowns(ordered)
        .group_by("series", maintain_order=True)
        .agg(
            pl.col("subject").first(),
            # Rounded, because all securities with the same share are measured together.
            share=share.round(2),
            volatility_30=pl.when(is_recent).then(
                _RETURN.tail(_RECENT_RETURNS).std(ddof=1)
                * (recent_share * sessions_per_year).sqrt()
            ),
            # The high before the first return is that of the session before it.
            last_high=pl.coalesce(
                pl.col("session").filter(pl.col("drawdown") == 0).last(), pl.col("since").first()
            ),
            newest=pl.col("session").last(),
        )
    )
    figures = _measured(ordered, recent, risk_free, sessions_per_year)
    enough_for_ratio = pl.col("observations") >= _LEAST_FOR_RATIOS
    enough = pl.col("observations") >= _LEAST_FOR_RISK
    # What never moves is not traded, which says nothing about how it would fall.
    may_fall = enough & (pl.col("volatility") > 0)
    return recent.join(figures, on="subject", how="left", maintain_order="left").select(
        symbol="subject",
        sharpe=pl.when(enough_for_ratio).then("sharpe_ratio"),
        sortino=pl.when(enough_for_ratio).then("sortino_ratio"),
        volatility=pl.when(enough).then("volatility"),
        volatility_30="volatility_30",
        max_drawdown=pl.when(may_fall).then("max_drawdown"),
        current_drawdown=pl.when(may_fall).then("current_drawdown"),
        days_in_drawdown=pl.when(may_fall).then(
            (pl.col("newest") - pl.col("last_high")).dt.total_days()
        ),
    )


def _days(since: pl.Expr) -> pl.Expr:
    return (pl.col("session").last() - since.first()).dt.total_days()


def _measured(
    ordered: pl.DataFrame, shares: pl.DataFrame, risk_free: float, sessions_per_year: int
) -> pl.DataFrame:
    """Measure returns that cover enough of their sessions, with as many returns per year as there are."""
    covered = shares.filter(pl.col("share") >= LEAST_COVERED).select("subject", "share")
    returns = ordered.join(covered, on="subject", maintain_order="left")
    # No rows have no share, and one empty table of measures.
    shared = returns.partition_by("share", as_dict=True) or {(1.0,): returns}
    return pl.concat(
        measured(part, risk_free=risk_free, periods_per_year=sessions_per_year * float(share))
        for (share,), part in shared.items()
    )


def _in_shares_of(
    known: pl.DataFrame, actions: pl.DataFrame, session: date, sessions_per_year: int
) -> pl.DataFrame:
    """Measure the prices, expressed in shares of the session."""
    if known.is_empty():
        return pl.DataFrame(schema=_OF_PRICES)
    metrics = _of_prices(known, session, sessions_per_year)
    # Few securities were ever split; to measure those twice costs less than to restate all.
    has_split = pl.col("symbol").is_in(
        actions.filter(pl.col("kind") == "split")["symbol"].unique().implode()
    )
    others = known.filter(has_split)
    if others.is_empty():
        return metrics
    in_shares = _numbered(adjusted_for_splits(others, actions, session))
    restated = _of_prices(in_shares, session, sessions_per_year)
    return pl.concat([metrics.filter(~has_split), restated]).sort("symbol")


def _of_prices(ordered: pl.DataFrame, session: date, sessions_per_year: int) -> pl.DataFrame:
    day, close = pl.col("session"), pl.col("close")
    # Days ascend, so that a search finds what a filter would look for in all of them.
    before = day.search_sorted(session - timedelta(days=_YEAR_DAYS), side="right").first()
    table = ordered.group_by("number", maintain_order=True).agg(
        pl.col("symbol").first(),
        history_sessions=pl.len().cast(pl.Int64),
        first_session=day.first(),
        last_session=day.last(),
        includes_dividends=pl.col("is_total_return").any(),
        mean_close_5y=close.filter(day > session - timedelta(days=5 * _YEAR_DAYS)).mean(),
        close=close.last(),
        high_52_weeks=technicals.high_of_year(pl.col("high").slice(before), close.slice(before)),
        before_year=before.cast(pl.Int64),
        since_year=day.slice(before, 1).first(),
        momentum_30=technicals.momentum(close, 30),
        momentum_90=technicals.momentum(close, 90),
        rsi=technicals.rsi(close),
        bollinger_position=technicals.bollinger_position(close),
        ema_distance=technicals.ema_distance(close),
        **{f"since_{closes}": day.tail(closes).first() for closes in _CLOSES.values()},
        **_growth(),
    )
    of_year = pl.col("history_sessions") - pl.col("before_year")

    def covered(name: str, closes: pl.Expr | int, since: str) -> pl.Expr:
        days = (pl.col("last_session") - pl.col(since)).dt.total_days()
        share = covered_share(closes - pl.lit(1), days, sessions_per_year)
        return pl.when(share >= LEAST_COVERED).then(name).alias(name)

    return (
        table.with_columns(
            covered("high_52_weeks", of_year, "since_year"),
            *(covered(name, closes, f"since_{closes}") for name, closes in _CLOSES.items()),
        )
        .with_columns(below_high=1 - pl.col("close") / pl.col("high_52_weeks"))
        .select(_OF_PRICES.names())
    )


def _growth() -> dict[str, pl.Expr]:
    day = pl.col("session")
    last = day.last().dt.month_start()
    five_years_ago = last.dt.offset_by(f"-{_FIVE_YEARS}mo")
    earliest = day.slice(day.search_sorted(five_years_ago).first(), 1).first().dt.month_start()
    apart = (last.dt.year() - earliest.dt.year()) * 12 + (last.dt.month() - earliest.dt.month())

    def growth(since: pl.Expr, months: pl.Expr | int) -> pl.Expr:
        return (_mean_close(last) / _mean_close(since)).pow(12.0 / months) - 1

    return {
        "cagr": pl.when(apart >= _LEAST_GROWTH).then(growth(earliest, apart)),
        "cagr_5y": growth(five_years_ago, _FIVE_YEARS),
        "cagr_10y": growth(last.dt.offset_by(f"-{_TEN_YEARS}mo"), _TEN_YEARS),
    }


def _mean_close(month: pl.Expr) -> pl.Expr:
    """Return the mean close of the month that begins on a day; null where there is none."""
    day = pl.col("session")
    # A search in what is sorted, because a filter would look at every day.
    first, end = (day.search_sorted(bound).first() for bound in (month, month.dt.offset_by("1mo")))
    return pl.col("close").slice(first, end - first).mean()
