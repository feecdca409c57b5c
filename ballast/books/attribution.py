"""Which security, country, industry, currency or effect a portfolio's return came from.

The gain of a session is split into atoms that sum to value − value before − flow exactly, in decimals:

- what was held gains its change of value, as far as no movement explains it; of this the change of the exchange rate
  (value before × change of the rate / rate before) is the effect `exchange_rate`, the rest `price`;
- a movement inside the portfolio gains its value at the end of the session: the units bought less the cash paid, a
  dividend, a fee. It belongs to the security that it concerns, else to cash, or to costs when it is a fee or a tax.

A contribution is a gain / value before, so contributions of a session sum to its return. Over a span each is weighted
by the growth of the portfolio before its session: Σ contribution_t × G_(t−1), with G_t = Π(1 + r) up to t. Because
G_t − G_(t−1) = r_t × G_(t−1), they sum to the return of the span without a residual (the linking of the Groupe de
Recherche en Attribution de Performance, 1997, without a benchmark).
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from ballast.books.performance import daily_returns
from ballast.books.valuation import BUCKET_KINDS, EXTERNAL_KINDS, Valuation, subject_of
from ballast.market.drawdowns import drawdowns
from ballast.market.measures import SESSIONS_PER_YEAR, performance_measures
from ballast.money import AMOUNT, approximate
from ballast.tables import polars_schema
from ballast.tables.performance import Contributions, PeriodContributions

_CASH, _COSTS, _UNKNOWN = "cash", "costs", "unknown"
_COST_KINDS = ("commission", "fee", "withholding_tax")
_EFFECT_OF_KIND = {
    "commission": "costs", "fee": "costs", "withholding_tax": "costs", "dividend": "income",
    "payment_in_lieu": "income", "interest": "income",
}  # fmt: skip
_OWNER = ["account_id", "bucket_id"]
_NOTHING = pl.lit(0).cast(AMOUNT)


def contributions(valuation: Valuation, securities: pl.DataFrame, level: str) -> pl.DataFrame:
    """Split the return of every session of the portfolios of a level.

    Parameters
    ----------
    valuation : Valuation
        Of consecutive sessions.
    securities : pl.DataFrame
        `Securities`, for countries and industries; what is not known is labelled unknown.
    level : str
        total, account or bucket.

    Returns
    -------
    pl.DataFrame
        `Contributions`, sorted. Only sessions with a known return have any; parts that are zero have no row.
    """
    returns = daily_returns(valuation.portfolios.filter(pl.col("level") == level))
    values = valuation.portfolios.filter(pl.col("level") == level).select(
        "subject", since="session", value_before=approximate(pl.col("value_base"))
    )
    known = (
        returns.filter(pl.col("daily_return").is_not_null())
        .join(values, on=["subject", "since"])
        .select("subject", "session", "value_before")
    )
    table = (
        _by_label(_gains(valuation, level), securities, level)
        .filter(pl.col("gain") != 0)
        .join(known, on=["subject", "session"])
        .with_columns(level=pl.lit(level), contribution=pl.col("gain") / pl.col("value_before"))
    )
    names = polars_schema(Contributions).names()
    return Contributions.cast(table.select(names)).sort(names[:-1])


def linked_contributions(
    daily: pl.DataFrame,
    returns: pl.DataFrame,
    *,
    periods_per_year: float = SESSIONS_PER_YEAR,
) -> pl.DataFrame:
    """Add contributions up over a span, so that they sum to its time-weighted return.

    Parameters
    ----------
    daily : pl.DataFrame
        `Contributions` of the span.
    returns : pl.DataFrame
        `DailyReturns` of the span, of the same portfolios.
    periods_per_year : float
        Sessions per year.

    Returns
    -------
    pl.DataFrame
        `PeriodContributions`, the largest first. `annual_contribution` is the same part of the annual return. Null when
        a return inside the span is unknown.
    """
    key = ["level", "subject"]
    grown = drawdowns(returns).with_columns(
        growth_before=pl.col("growth").shift(1).over(key), row=pl.int_range(pl.len()).over(key)
    )
    weights = grown.select(
        *key,
        "session",
        weight=pl.when(pl.col("row") == 0).then(1.0).otherwise(pl.col("growth_before")),
    )
    measured = performance_measures(returns, periods_per_year=periods_per_year)
    total, annual = pl.col("total_return"), pl.col("annual_return")
    table = (
        daily.join(weights, on=[*key, "session"])
        .group_by(*key, "dimension", "label")
        .agg(contribution=(pl.col("contribution") * pl.col("weight")).sum())
        .join(measured.select(*key, "total_return", "annual_return"), on=key)
        .with_columns(contribution=pl.when(total.is_not_null()).then("contribution"))
        .with_columns(
            annual_contribution=pl.when(total != 0).then(pl.col("contribution") * annual / total)
        )
        .select(polars_schema(PeriodContributions).names())
        .sort(
            *key,
            "dimension",
            "contribution",
            "label",
            descending=[False, False, False, True, False],
        )
    )
    return PeriodContributions.validate(PeriodContributions.cast(table))


@dataclass(frozen=True)
class _Gains:
    """Gains per account, bucket and session: of what was held, and of what moved."""

    held: pl.DataFrame
    moved: pl.DataFrame


def _gains(valuation: Valuation, level: str) -> _Gains:
    movements = valuation.movements.filter(pl.col("value_base") != 0)
    outside = BUCKET_KINDS if level == "bucket" else EXTERNAL_KINDS
    inside = movements.filter(~pl.col("kind").is_in(outside)).with_columns(gain="value_base")
    # A change of value that a movement explains is no gain of what was held.
    explained = movements.select(
        *_OWNER,
        "session",
        belongs_to="commodity",
        gain=-pl.col("value_base"),
        rate_gain=pl.lit(0.0),
    )
    return _Gains(pl.concat([_changes_of_value(valuation), explained], how="diagonal"), inside)


def _changes_of_value(valuation: Valuation) -> pl.DataFrame:
    """Return value − value before of every holding and session, the one after its last included."""
    sessions = valuation.portfolios["session"].unique().sort()
    held = valuation.holdings.with_columns(
        at=sessions.search_sorted(valuation.holdings["session"]).cast(pl.Int64),
        rate=approximate(pl.col("rate")),
        series=pl.struct(*_OWNER, "commodity").rle_id(),
    )
    follows = (pl.col("series") == pl.col("series").shift(1)) & (
        pl.col("at") == pl.col("at").shift(1) + 1
    )
    before = pl.when(follows).then(pl.col("value_base").shift(1)).otherwise(_NOTHING)
    moved = pl.when(follows).then(pl.col("rate") / pl.col("rate").shift(1) - 1).otherwise(0.0)
    is_last = ~follows.shift(-1).fill_null(False) & (pl.col("at") + 1 < sessions.len())
    ends = held.filter(is_last).with_columns(at=pl.col("at") + 1)
    ends = ends.with_columns(session=sessions.gather(ends["at"])).join(
        valuation.movements.select(
            *_OWNER, "commodity", "session", rate_after=approximate(pl.col("rate"))
        ).unique([*_OWNER, "commodity", "session"]),
        on=[*_OWNER, "commodity", "session"],
        how="left",
    )
    worth, kept = approximate(pl.col("value_base")), [*_OWNER, "session"]
    return pl.concat(
        [
            held.select(
                *kept,
                belongs_to="commodity",
                gain=pl.col("value_base") - before,
                rate_gain=approximate(before) * moved,
            ),
            ends.select(
                *kept,
                belongs_to="commodity",
                gain=-pl.col("value_base"),
                rate_gain=worth * (pl.col("rate_after") / pl.col("rate") - 1),
            ),
        ]
    )


def _by_label(gains: _Gains, securities: pl.DataFrame, level: str) -> pl.DataFrame:
    """Sum the gains of each portfolio, session and dimension by label."""
    listed = securities.select(
        belongs_to="symbol",
        country=pl.col("country").fill_null(_UNKNOWN),
        industry=pl.col("industry").fill_null(_UNKNOWN),
        currency="currency",
    )
    key = ["subject", "session"]
    of_movement = gains.moved.with_columns(
        in_currency="in_currency",
        is_cost=pl.col("kind").is_in(_COST_KINDS) & (pl.col("belongs_to") == pl.col("commodity")),
        is_security=pl.col("belongs_to") != pl.col("commodity"),
    )
    owned = (
        pl.concat(
            [
                frame.with_columns(subject_of(level))
                .group_by(*key, "belongs_to", "in_currency", "is_cost", "is_security")
                .agg(pl.col("gain").sum())
                for frame in (
                    gains.held.with_columns(
                        in_currency=pl.lit(None, pl.String), is_cost=False, is_security=False
                    ),
                    of_movement,
                )
            ],
            how="diagonal",
        )
        .join(listed, on="belongs_to", how="left")
        .with_columns(
            other=pl.when(pl.col("currency").is_not_null())
            .then(None)
            .when("is_cost")
            .then(pl.lit(_COSTS))
            .when(~pl.col("is_security"))
            .then(pl.lit(_CASH))
        )
    )
    labels = {
        "security": pl.coalesce("other", "belongs_to"),
        "country": pl.coalesce("country", "other", pl.lit(_UNKNOWN)),
        "industry": pl.coalesce("industry", "other", pl.lit(_UNKNOWN)),
        "currency": pl.coalesce("in_currency", "currency", "belongs_to"),
    }
    tables = [
        owned.group_by(*key, label=label)
        .agg(gain=approximate(pl.col("gain").sum()))
        .with_columns(dimension=pl.lit(dimension))
        for dimension, label in labels.items()
    ]
    return pl.concat([*tables, *_by_effect(gains, level)], how="diagonal")


def _by_effect(gains: _Gains, level: str) -> list[pl.DataFrame]:
    key = ["subject", "session"]
    held = (
        gains.held.with_columns(subject_of(level))
        .group_by(key)
        .agg(approximate(pl.col("gain").sum()), pl.col("rate_gain").sum())
    )
    effects = gains.moved.with_columns(
        subject_of(level),
        label=pl.col("kind").replace_strict(
            _EFFECT_OF_KIND, default="trading", return_dtype=pl.String
        ),
    )
    tables = [
        held.select(*key, label=pl.lit("exchange_rate"), gain="rate_gain"),
        held.select(*key, label=pl.lit("price"), gain=pl.col("gain") - pl.col("rate_gain")),
        effects.group_by(*key, "label").agg(approximate(pl.col("gain").sum())),
    ]
    return [table.with_columns(dimension=pl.lit("effect")) for table in tables]
