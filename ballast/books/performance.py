"""How well portfolios have done, apart from the money that their owner put in or took out.

Flows count at the end of their session: what comes in earns from the next session on. A transfer in kind is valued at
the close, so that it changes no return. The return of a session is (value − flow) / value before − 1 (the daily
valuation form of the time-weighted return); there is none where nothing was invested before.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

import polars as pl
from pyxirr import InvalidPaymentsError, xirr

from ballast.books.valuation import Valuation, subject_of
from ballast.market.drawdowns import drawdown_episodes, drawdowns
from ballast.market.measures import (
    SESSIONS_PER_YEAR,
    performance_measures,
    period_returns,
    rolling_measures,
)
from ballast.money import AMOUNT_SCALE, approximate
from ballast.tables import polars_schema
from ballast.tables.performance import DailyReturns, PerformanceMeasures, Turnover

_SUBJECT = ["level", "subject"]
_TURNOVER_SPAN = timedelta(days=365)
# A yearly rate this near to -1 is beyond what the solver can tell.
_TOTAL_LOSS = -1 + 1e-9
_WARNING, _CRITICAL = 0.5, 1.0


@dataclass(frozen=True)
class Performance:
    """Everything that is published about the performance of portfolios.

    Parameters
    ----------
    returns, drawdowns, episodes, measures, rolling, periods, turnover : pl.DataFrame
        `DailyReturns`, `Drawdowns`, `DrawdownEpisodes`, `PerformanceMeasures`, `RollingMeasures`, `PeriodReturns` and
        `Turnover`.
    """

    returns: pl.DataFrame
    drawdowns: pl.DataFrame
    episodes: pl.DataFrame
    measures: pl.DataFrame
    rolling: pl.DataFrame
    periods: pl.DataFrame
    turnover: pl.DataFrame


def portfolio_performance(
    valuation: Valuation,
    *,
    risk_free: float = 0.0,
    periods_per_year: float = SESSIONS_PER_YEAR,
    windows: Sequence[int] = (21, 63, 252),
) -> Performance:
    """Measure every portfolio since its first posting.

    Parameters
    ----------
    valuation : Valuation
        Of consecutive trading sessions.
    risk_free : float
        Risk-free rate per year, as a share.
    periods_per_year : float
        Sessions per year.
    windows : sequence of int
        Sessions of the rolling measures.
    """
    returns = daily_returns(valuation.portfolios)
    measures = performance_measures(
        returns, risk_free=risk_free, periods_per_year=periods_per_year
    ).drop("money_weighted_return")
    money_weighted = money_weighted_returns(valuation.portfolios)
    complete = measures.join(money_weighted, on=_SUBJECT, how="left", maintain_order="left")
    names = polars_schema(PerformanceMeasures).names()
    fallen = drawdowns(returns)
    return Performance(
        returns=returns,
        drawdowns=fallen,
        episodes=drawdown_episodes(fallen),
        measures=PerformanceMeasures.validate(complete.select(names)),
        rolling=rolling_measures(
            returns, windows, risk_free=risk_free, periods_per_year=periods_per_year
        ),
        periods=period_returns(returns),
        turnover=turnover(valuation),
    )


def daily_returns(values: pl.DataFrame) -> pl.DataFrame:
    """Return the time-weighted return of every session.

    Parameters
    ----------
    values : pl.DataFrame
        `PortfolioValues`, in any order.

    Returns
    -------
    pl.DataFrame
        `DailyReturns`, sorted by level, subject and session. Null without a reason at the start and where nothing was
        invested before; null with a reason where a value or flow is unknown, or the value before was negative.
    """
    value, flow = approximate(pl.col("value_base")), approximate(pl.col("flow_base"))
    before = pl.col("value_before")
    started = (pl.col("value_base").is_not_null().cast(pl.Int64).cum_sum().shift(1) > 0).over(
        _SUBJECT
    )
    is_known = before.is_not_null() & pl.col("unknown_reason").is_null()
    table = (
        values.sort(*_SUBJECT, "session")
        .with_columns(
            since=pl.col("session").shift(1).over(_SUBJECT),
            value_before=value.shift(1).over(_SUBJECT),
            started=started.fill_null(False),
        )
        .with_columns(
            daily_return=pl.when(is_known & (before > 0)).then((value - flow) / before - 1),
            unknown_reason=pl.when(pl.col("unknown_reason").is_not_null())
            .then("unknown_reason")
            .when(pl.col("started") & before.is_null())
            .then(pl.lit("the value of the session before is unknown"))
            .when(before < 0)
            .then(pl.lit("the value of the session before is negative")),
        )
    )
    return DailyReturns.cast(table.select(polars_schema(DailyReturns).names()))


def money_weighted_returns(values: pl.DataFrame) -> pl.DataFrame:
    """Return the yearly rate at which all flows grow to the final value.

    Parameters
    ----------
    values : pl.DataFrame
        `PortfolioValues`; the first session counts as investing its value.

    Returns
    -------
    pl.DataFrame
        level, subject, money_weighted_return: the rate x with Σ flow × (1 + x)^(−days/365) = 0, the final value being
        the last flow (XIRR). Of less than a year it is a yearly rate all the same. Null when no rate solves it or only
        one that cannot be told from a total loss, as after a steep fall in a few days, when a
        flow or the final value is unknown, or when there is only one session.
    """
    rows = [
        (level, subject, _internal_rate(of_one))
        for (level, subject), of_one in values.sort(*_SUBJECT, "session").group_by(
            _SUBJECT, maintain_order=True
        )
    ]
    schema = {"level": pl.String, "subject": pl.String, "money_weighted_return": pl.Float64}
    return pl.DataFrame(rows, schema=schema, orient="row")


def _internal_rate(values: pl.DataFrame) -> float | None:
    known = values.filter(pl.col("value_base").is_not_null().cum_max())
    if known.height < 2:
        return None
    invested = known.with_row_index("number").select(
        "session",
        paid=pl.when(pl.col("number") == 0).then("value_base").otherwise("flow_base"),
    )
    final = known["value_base"][-1]
    if final is None or invested["paid"].has_nulls():
        return None
    moved = invested.filter(pl.col("paid") != 0)
    dates = [*moved["session"], known["session"][-1]]
    amounts = [*(-float(paid) for paid in moved["paid"]), float(final)]
    # The solver's tolerance is absolute, so that the size of the money must not reach it.
    largest = max(map(abs, amounts))
    try:
        rate = xirr(dates, [amount / largest for amount in amounts]) if largest else None
    except InvalidPaymentsError:
        return None
    return rate if rate is not None and rate > _TOTAL_LOSS else None


def turnover(valuation: Valuation, *, span: timedelta = _TURNOVER_SPAN) -> pl.DataFrame:
    """Return how much of each portfolio was traded over its last days.

    Parameters
    ----------
    valuation : Valuation
        Up to the session asked for.
    span : timedelta
        Calendar days before the last session that count.

    Returns
    -------
    pl.DataFrame
        `Turnover` = (purchases + sales) / 2 / mean value, each trade by the cash that it moved, without fees, at the
        rate of its session. Nothing traded is a turnover of zero; null where the mean value is not positive or any
        part is unknown.
    """
    values = valuation.portfolios
    if values.is_empty():
        return Turnover.create_empty()
    last = values.select(pl.col("session").max()).item()
    commodity = pl.col("commodity")
    is_cash = (pl.col("belongs_to") != commodity) | (pl.col("in_currency") == commodity)
    traded = valuation.movements.filter(
        (pl.col("kind") == "trade") & is_cash & (pl.col("session") > last - span)
    )
    worth = (pl.col("gross") * pl.col("rate")).round(AMOUNT_SCALE)
    tables = []
    for level in ("account", "bucket", "total"):
        amount = traded.with_columns(subject_of(level)).group_by("subject").agg(
            traded_base=pl.when(worth.is_not_null().all()).then(worth.sum()),
            has_traded=pl.lit(True),
        )  # fmt: skip
        mean = (
            values.filter((pl.col("level") == level) & (pl.col("session") > last - span))
            .group_by("subject")
            .agg(
                mean_value_base=pl.when(pl.col("value_base").is_not_null().all()).then(
                    approximate(pl.col("value_base")).mean()
                )
            )
        )
        tables.append(mean.join(amount, on="subject", how="left").with_columns(level=pl.lit(level)))
    share = approximate(pl.col("traded_base")) / 2 / pl.col("mean_value_base")
    status = (
        pl.when(pl.col("turnover").is_null())
        .then(pl.lit("unknown"))
        .when(pl.col("turnover") >= _CRITICAL)
        .then(pl.lit("critical"))
        .when(pl.col("turnover") >= _WARNING)
        .then(pl.lit("warning"))
        .otherwise(pl.lit("normal"))
    )
    none = pl.lit(0).cast(valuation.portfolios.schema["value_base"])
    table = (
        pl.concat(tables)
        .with_columns(traded_base=pl.when("has_traded").then("traded_base").otherwise(none))
        .with_columns(turnover=pl.when(pl.col("mean_value_base") > 0).then(share))
        .with_columns(status=status)
    )
    names = polars_schema(Turnover).names()
    return Turnover.validate(Turnover.cast(table.select(names)).sort(_SUBJECT))
