"""The scores of every security that an account holds or wants, as of a session."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import polars as pl

from ballast.books.postings import without_reversed
from ballast.money import approximate
from ballast.planning.scores.blends import with_neutral
from ballast.planning.scores.diversification import with_diversification
from ballast.planning.scores.groups import GROUPS
from ballast.planning.scores.sell import with_sell_scores
from ballast.planning.scores.standing import Grouping, group_standing
from ballast.planning.scores.windfall import with_windfall
from ballast.settings import ScoreSettings
from ballast.tables import PositionScores, polars_schema

_POSITION = ["account_id", "symbol"]
_COUNTRY_FULL_AT, _INDUSTRY_FULL_AT = 0.50, 0.30
_YEAR_DAYS = 365
_DECIMALS = 10
_OF_SECURITY = (
    *GROUPS, "cagr_5y", "cagr_10y", "volatility", "volatility_30", "ema_distance",
    "current_drawdown", "days_in_drawdown",
)  # fmt: skip


@dataclass(frozen=True)
class Books:
    """What the accounts hold and have traded.

    Parameters
    ----------
    positions : pl.DataFrame
        `Positions` of the session.
    lots : pl.DataFrame
        `TaxLots` of the session.
    postings : pl.DataFrame
        `Postings` up to the session.
    """

    positions: pl.DataFrame
    lots: pl.DataFrame
    postings: pl.DataFrame


def position_scores(
    scores: pl.DataFrame,
    securities: pl.DataFrame,
    books: Books,
    targets: pl.DataFrame,
    countries: Grouping,
    industries: Grouping,
    session: date,
    settings: ScoreSettings,
    *,
    minimum_hold_days: int,
) -> pl.DataFrame:
    """Score positions.

    Parameters
    ----------
    scores : pl.DataFrame
        `SecurityScores` of the session.
    securities : pl.DataFrame
        `Securities`; an index is nobody's position.
    books : Books
        Holdings and trades.
    targets : pl.DataFrame
        `TargetWeights`.
    countries, industries : Grouping
        Groups and what each account wants of them.
    session : date
        Days are counted up to it.
    settings : ScoreSettings
        Weights and limits.
    minimum_hold_days : int
        Days from the last purchase until a sale is suggested.

    Returns
    -------
    pl.DataFrame
        `PositionScores`, sorted; one row per account and security that is held or has a target above zero. What is
        sold short counts as not held.
    """
    held = _held(books.positions)
    wanted = targets.filter(pl.col("target_weight") > 0).select(_POSITION)
    listed = securities.filter(pl.col("kind") != "index").select(
        "symbol", "allow_sell", lot_size=pl.col("lot_size").cast(pl.Float64)
    )
    rows = (
        pl.concat([held.select(_POSITION), wanted])
        .unique()
        .join(listed, on="symbol")
        .sort(_POSITION)
        .join(held, on=_POSITION, how="left", maintain_order="left")
        .join(_valued(books.positions), on="account_id", how="left", maintain_order="left")
        .with_columns(
            pl.col("is_held").fill_null(False),
            # Not to hold is a weight of zero wherever weights are known.
            weight=pl.when(pl.col("units").is_null() & pl.col("is_valued"))
            .then(0.0)
            .otherwise("weight"),
        )
    )
    rows = _with_dates(rows, books, session)
    for name, groups, full_at in (
        ("country", countries, _COUNTRY_FULL_AT),
        ("industry", industries, _INDUSTRY_FULL_AT),
    ):
        standing = group_standing(rows, held.select(*_POSITION, "weight"), groups, full_at=full_at)
        rows = standing.rename({"gap": f"{name}_gap", "fullness": f"{name}_fullness"})
    rows = rows.join(
        scores.select("symbol", *_OF_SECURITY), on="symbol", how="left", maintain_order="left"
    )
    rows = with_diversification(rows)
    rows = with_windfall(rows, settings.expected_growth)
    weights: dict[str, float] = settings.weights.model_dump()
    rows = rows.with_columns(total=with_neutral(weights))
    rows = with_sell_scores(rows, session, settings, minimum_hold_days=minimum_hold_days)
    names = polars_schema(PositionScores).names()
    return PositionScores.validate(PositionScores.cast(rows.select(names)))


def _held(positions: pl.DataFrame) -> pl.DataFrame:
    """Return the securities of the books; cost and gain only of what is not sold short."""
    is_long = pl.col("quantity") > 0
    # Value over basis, because the price of an option is not that of its contract.
    value, basis = approximate(pl.col("value")), approximate(pl.col("cost_basis"))
    gain = pl.when(is_long & (basis > 0)).then((value / basis - 1).round(_DECIMALS))
    return positions.filter(~pl.col("is_cash")).select(
        "account_id",
        symbol="commodity",
        is_held=is_long,
        units=approximate(pl.col("quantity")),
        weight="weight",
        value_base=approximate(pl.col("value_base")),
        average_cost=pl.when(is_long).then("average_cost"),
        gain=gain,
    )


def _valued(positions: pl.DataFrame) -> pl.DataFrame:
    return positions.group_by("account_id").agg(is_valued=pl.col("weight").is_not_null().all())


def _with_dates(rows: pl.DataFrame, books: Books, session: date) -> pl.DataFrame:
    """Add when a holding was first and last bought and last sold, and for how long it has been held."""
    acquired = (
        books.lots.filter(pl.col("quantity") > 0)
        .group_by(_POSITION)
        # Of a lot of unknown age nothing can be said, so neither of the position.
        .agg(
            first_bought=pl.when(pl.col("acquired_on").is_not_null().all()).then(
                pl.col("acquired_on").min()
            )
        )
    )
    day, quantity = pl.col("occurred_at").dt.date(), pl.col("quantity")
    # What is cancelled only later stood on the session.
    happened = without_reversed(books.postings.filter(day <= session))
    traded = (
        happened.filter(pl.col("kind") == "trade")
        .group_by("account_id", symbol="commodity")
        .agg(last_bought=day.filter(quantity > 0).max(), last_sold=day.filter(quantity < 0).max())
    )
    dated = rows.join(acquired, on=_POSITION, how="left", maintain_order="left").join(
        traded, on=_POSITION, how="left", maintain_order="left"
    )
    days = (pl.lit(session) - pl.col("first_bought")).dt.total_days()
    return dated.with_columns(
        first_bought=pl.when("is_held").then("first_bought"),
        days_held=pl.when("is_held").then(days),
        years_held=pl.when("is_held").then(days / _YEAR_DAYS),
    )
