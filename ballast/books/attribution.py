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

from collections.abc import Iterable
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
_DIMENSIONS = pl.Enum(["country", "currency", "effect", "industry", "security"])
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
    cells = _cells(valuation, level)
    gains = _gains(valuation, level, cells)
    tables = [*_by_label(gains, securities), *_by_effect(gains)]
    value_before = cells["value_before"]
    order = ["cell", "dimension", "label"]
    table = (
        pl.concat(tables)
        .filter(pl.col("gain") != 0)
        .with_columns(pl.col("label").cast(pl.Enum(_names(table["label"] for table in tables))))
        .with_columns(contribution=pl.col("gain") / pl.lit(value_before).gather("cell"))
        .drop_nulls("contribution")
        .sort(order)
        .with_columns(
            level=pl.lit(level),
            subject=pl.lit(cells["subject"]).gather("cell"),
            session=pl.lit(cells["session"]).gather("cell"),
        )
    )
    return Contributions.cast(table.select(polars_schema(Contributions).names()))


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
    """Gains of what was held and of what moved, per cell: a portfolio on a session, by number."""

    held: pl.DataFrame
    moved: pl.DataFrame


def _cells(valuation: Valuation, level: str) -> pl.DataFrame:
    """Return a row per portfolio and session, with the value before where the return is known."""
    values = valuation.portfolios.filter(pl.col("level") == level)
    sessions = valuation.portfolios["session"].unique().sort()
    known = daily_returns(values).drop_nulls("daily_return").select("subject", "session", "since")
    before = values.select(
        "subject", since="session", value_before=approximate(pl.col("value_base"))
    )
    return (
        values["subject"]
        .unique()
        .sort()
        .to_frame()
        .join(sessions.to_frame(), how="cross")
        .join(known, on=["subject", "session"], how="left", maintain_order="left")
        .join(before, on=["subject", "since"], how="left", maintain_order="left")
    )


def _gains(valuation: Valuation, level: str, cells: pl.DataFrame) -> _Gains:
    subjects, sessions = (cells[name].unique().sort() for name in ("subject", "session"))
    cell = (
        subject_of(level).cast(pl.Enum(subjects)).to_physical().cast(pl.Int64) * sessions.len()
        + pl.lit(sessions).search_sorted(pl.col("session"))
    ).alias("cell")
    movements = valuation.movements.filter(pl.col("value_base") != 0).with_columns(cell)
    outside = BUCKET_KINDS if level == "bucket" else EXTERNAL_KINDS
    inside = movements.filter(~pl.col("kind").is_in(outside))
    # A change of value that a movement explains is no gain of what was held.
    explained = movements.select(
        "cell", "commodity", gain=-pl.col("value_base"), rate_gain=pl.lit(0.0)
    )
    changes = _changes_of_value(valuation, sessions).select(cell, "commodity", "gain", "rate_gain")
    return _Gains(pl.concat([changes, explained]), inside)


def _changes_of_value(valuation: Valuation, sessions: pl.Series) -> pl.DataFrame:
    """Return value − value before of every holding and session, the one after its last included."""
    owner = [*_OWNER, "commodity"]
    held = valuation.holdings.select(
        *owner,
        "session",
        "value_base",
        at=pl.lit(sessions).search_sorted(pl.col("session")).cast(pl.Int64),
        rate=approximate(pl.col("rate")),
        series=pl.struct(owner).rle_id(),
    )
    follows = (pl.col("series") == pl.col("series").shift(1)) & (
        pl.col("at") == pl.col("at").shift(1) + 1
    )
    before = pl.when(follows).then(pl.col("value_base").shift(1)).otherwise(_NOTHING)
    moved = pl.when(follows).then(pl.col("rate") / pl.col("rate").shift(1) - 1).otherwise(0.0)
    is_last = ~follows.shift(-1).fill_null(False) & (pl.col("at") + 1 < sessions.len())
    ends = held.filter(is_last).with_columns(session=pl.lit(sessions).gather(pl.col("at") + 1))
    after = valuation.movements.select(*owner, "session", rate_after=approximate(pl.col("rate")))
    ends = ends.join(after.unique([*owner, "session"]), on=[*owner, "session"], how="left")
    worth, kept = approximate(pl.col("value_base")), [*owner, "session"]
    return pl.concat(
        [
            held.select(
                *kept, gain=pl.col("value_base") - before, rate_gain=approximate(before) * moved
            ),
            ends.select(
                *kept,
                gain=-pl.col("value_base"),
                rate_gain=worth * (pl.col("rate_after") / pl.col("rate") - 1),
            ),
        ]
    )


def _by_label(gains: _Gains, securities: pl.DataFrame) -> list[pl.DataFrame]:
    """Sum the gains of each cell by security, country, industry and currency."""
    commodities = gains.held["commodity"].unique().sort()
    # What was held is labelled once per commodity, what moved once per movement.
    of_commodity = _labels(
        commodities.to_frame("belongs_to").with_columns(
            commodity="belongs_to", kind=pl.lit(""), in_currency=pl.lit(None, pl.String)
        ),
        securities,
    )
    of_movement = _labels(gains.moved, securities)
    number = gains.held["commodity"].cast(pl.Enum(commodities)).to_physical()
    tables = []
    for dimension in ("security", "country", "industry", "currency"):
        names = pl.Enum(_names([of_commodity[dimension], of_movement[dimension]]))
        labels = of_commodity[dimension].cast(names)
        atoms = pl.concat(
            [
                gains.held.select("cell", label=labels.gather(number), gain="gain"),
                of_movement.select("cell", label=pl.col(dimension).cast(names), gain="value_base"),
            ]
        )
        summed = atoms.group_by("cell", "label").agg(approximate(pl.col("gain").sum()))
        tables.append(_of_dimension(summed, dimension))
    return tables


def _labels(rows: pl.DataFrame, securities: pl.DataFrame) -> pl.DataFrame:
    """Add the label of every dimension to rows that belong to something; keeps the order."""
    listed = securities.select(
        belongs_to="symbol",
        country=pl.col("country").fill_null(_UNKNOWN),
        industry=pl.col("industry").fill_null(_UNKNOWN),
        own_currency="currency",
    )
    is_listed = pl.col("own_currency").is_not_null()
    is_money = (pl.col("belongs_to") == pl.col("commodity")) & ~is_listed
    other = (
        pl.when(is_money & pl.col("kind").is_in(_COST_KINDS))
        .then(pl.lit(_COSTS))
        .when(is_money)
        .then(pl.lit(_CASH))
    )
    return rows.join(listed, on="belongs_to", how="left", maintain_order="left").with_columns(
        security=pl.coalesce(other, "belongs_to"),
        country=pl.coalesce("country", other, pl.lit(_UNKNOWN)),
        industry=pl.coalesce("industry", other, pl.lit(_UNKNOWN)),
        currency=pl.coalesce("in_currency", "own_currency", "belongs_to"),
    )


def _by_effect(gains: _Gains) -> list[pl.DataFrame]:
    held = gains.held.group_by("cell").agg(
        approximate(pl.col("gain").sum()), pl.col("rate_gain").sum()
    )
    effect = pl.col("kind").replace_strict(
        _EFFECT_OF_KIND, default="trading", return_dtype=pl.String
    )
    moved = gains.moved.group_by("cell", label=effect).agg(
        gain=approximate(pl.col("value_base").sum())
    )
    tables = [
        held.select("cell", label=pl.lit("exchange_rate"), gain="rate_gain"),
        held.select("cell", label=pl.lit("price"), gain=pl.col("gain") - pl.col("rate_gain")),
        moved,
    ]
    return [_of_dimension(table, "effect") for table in tables]


def _of_dimension(table: pl.DataFrame, dimension: str) -> pl.DataFrame:
    return table.select(
        "cell", pl.col("label").cast(pl.String), "gain", dimension=pl.lit(dimension, _DIMENSIONS)
    )


def _names(labels: Iterable[pl.Series]) -> pl.Series:
    """Return all labels once, sorted; an enumeration sorts and groups by number, in the same order."""
    return pl.concat([series.cast(pl.String).unique() for series in labels]).unique().sort()
