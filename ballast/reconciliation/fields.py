"""What is compared of a position: quantity, average cost, basis and currency, each for itself."""

from __future__ import annotations

from functools import cache

import polars as pl

from ballast.money import AMOUNT
from ballast.reconciliation.pairing import side_by_side, unequal_rows
from ballast.reconciliation.tolerances import with_quantity_tolerance

KEY = ["account_id", "item"]
_VALUES = ["quantity", "average_cost", "cost_basis", "currency"]


def finding(
    field: str,
    outcome: pl.Expr,
    *,
    local: pl.Expr,
    broker: pl.Expr,
    difference: pl.Expr | None = None,
    tolerance: pl.Expr | None = None,
    explanation: pl.Expr | None = None,
    share: pl.Expr | None = None,
) -> list[pl.Expr]:
    """Return the columns of a finding; `share` is how much of the account differs."""
    nothing = pl.lit(None)
    return [
        pl.col("account_id"),
        pl.col("item"),
        pl.lit(field).alias("field"),
        outcome.alias("outcome"),
        local.cast(AMOUNT).alias("local_value"),
        broker.cast(AMOUNT).alias("broker_value"),
        (broker - local if difference is None else difference).cast(AMOUNT).alias("difference"),
        (nothing if tolerance is None else tolerance).cast(AMOUNT).alias("tolerance"),
        (nothing if explanation is None else explanation).cast(pl.String).alias("explanation"),
        (nothing if share is None else share).cast(pl.Float64).alias("share"),
    ]


def larger(one: pl.Expr, other: pl.Expr) -> pl.Expr:
    """Return the larger size of two amounts, whatever their signs."""
    return pl.max_horizontal(one.abs(), other.abs())


def beyond(difference: pl.Expr, tolerance: pl.Expr, outcome: str) -> pl.Expr:
    """Return the outcome where a difference exceeds the tolerance, else `matched`."""
    return pl.when(difference.abs() > tolerance).then(pl.lit(outcome)).otherwise(pl.lit("matched"))


def compared_positions(
    book: pl.DataFrame,
    held: pl.DataFrame,
    tolerances: pl.DataFrame,
    securities: pl.DataFrame | None,
) -> list[pl.DataFrame]:
    """Return findings for every field of every security that either side holds.

    Parameters
    ----------
    book : pl.DataFrame
        `Positions`.
    held : pl.DataFrame
        `BrokerPositions`, possibly several rows per security.
    tolerances, securities : pl.DataFrame
        See `with_quantity_tolerance`.
    """
    both = _both_sides(_held_in_the_books(book), net_positions(_rows_of(held)))
    sides = with_quantity_tolerance(both, tolerances, securities)
    both_hold = sides.filter(_are_known("quantity"))
    return [
        sides.select(_quantity()),
        both_hold.filter(_are_known("average_cost")).select(_average_cost()),
        both_hold.filter(_are_known("cost_basis")).select(_cost_basis()),
        both_hold.select(_currency()),
    ]


def _held_in_the_books(book: pl.DataFrame) -> pl.DataFrame:
    is_held = ~pl.col("is_cash") & (pl.col("quantity") != 0)
    return book.filter(is_held).select("account_id", *_VALUES, item="commodity")


def _rows_of(held: pl.DataFrame) -> pl.DataFrame:
    return held.select(
        "account_id", "quantity", "cost_basis", "currency", item="symbol", average_cost="average_price"
    )  # fmt: skip


def net_positions(rows: pl.DataFrame) -> pl.DataFrame:
    """Net the rows in which a broker reports one position (lots, hedging); what nets to zero is not held.

    Parameters
    ----------
    rows : pl.DataFrame
        account_id, item, quantity, average_cost, cost_basis, currency.
    """
    if rows.select(pl.struct(KEY).n_unique()).item() == rows.height:
        return rows.filter(pl.col("quantity") != 0)
    quantity, price, basis = pl.col("quantity"), pl.col("average_cost"), pl.col("cost_basis")
    net = quantity.sum()
    # Null where nothing is left to divide by: Polars evaluates the branch that is not taken, too.
    weighted = (quantity * price).sum() / pl.when(net != 0).then(net)
    has_one_currency = pl.col("currency").n_unique() == 1
    average = pl.when(price.is_not_null().all() & has_one_currency).then(weighted)
    return (
        rows.group_by(KEY)
        .agg(
            net.alias("quantity"),
            # One row keeps its price as it is; a division could move the last digit.
            average_cost=pl.when(pl.len() == 1).then(price.first()).otherwise(average),
            cost_basis=pl.when(basis.is_not_null().all() & has_one_currency).then(basis.sum()),
            currency=pl.col("currency").unique().sort().str.join(" and "),
        )
        .filter(pl.col("quantity") != 0)
        .cast({"average_cost": AMOUNT, "cost_basis": AMOUNT, "quantity": AMOUNT})
    )


def _both_sides(local: pl.DataFrame, broker: pl.DataFrame) -> pl.DataFrame:
    """Return every key with the values of both sides; rows that are the same are looked at no further."""
    rows = unequal_rows(local, broker, KEY, _VALUES)
    apart = side_by_side(local, broker, KEY, _VALUES, rows)
    is_same = pl.repeat(True, local.height, eager=True).scatter(
        rows["local_row"].drop_nulls(), False
    )
    same = local.filter(is_same)
    twice = [
        pl.col(name).alias(f"{name}_{side}") for side in ("local", "broker") for name in _VALUES
    ]
    return pl.concat([same.select(*KEY, *twice), apart])


def _are_known(name: str) -> pl.Expr:
    return pl.col(f"{name}_local").is_not_null() & pl.col(f"{name}_broker").is_not_null()


@cache
def _quantity() -> list[pl.Expr]:
    local, broker = pl.col("quantity_local"), pl.col("quantity_broker")
    tolerance = pl.col("quantity_tolerance")
    difference = broker.fill_null(0) - local.fill_null(0)
    outcome = (
        # Before the missing sides, so that a growing difference never becomes less severe.
        pl.when(difference.abs() <= tolerance)
        .then(pl.lit("matched"))
        .when(local.is_null())
        .then(pl.lit("missing_local"))
        .when(broker.is_null())
        .then(pl.lit("missing_broker"))
        .otherwise(pl.lit("quantity_mismatch"))
    )
    return finding(
        "quantity", outcome, local=local, broker=broker, difference=difference, tolerance=tolerance
    )


@cache
def _average_cost() -> list[pl.Expr]:
    local, broker = pl.col("average_cost_local"), pl.col("average_cost_broker")
    tolerance = larger(local, broker) * pl.col("average_cost_tolerance")
    outcome = beyond(broker - local, tolerance, "cost_mismatch")
    return finding("average_cost", outcome, local=local, broker=broker, tolerance=tolerance)


@cache
def _cost_basis() -> list[pl.Expr]:
    local, broker = pl.col("cost_basis_local"), pl.col("cost_basis_broker")
    tolerance = pl.col("basis_tolerance")
    outcome = beyond(broker - local, tolerance, "basis_mismatch")
    return finding("cost_basis", outcome, local=local, broker=broker, tolerance=tolerance)


@cache
def _currency() -> list[pl.Expr]:
    local, broker = pl.col("currency_local"), pl.col("currency_broker")
    is_same = (local == broker).fill_null(False)
    outcome = pl.when(is_same).then(pl.lit("matched")).otherwise(pl.lit("currency_mismatch"))
    told = pl.format(
        "The books keep it in {}, the broker in {}; check which listing it is.",
        local.fill_null("an unknown currency"), broker.fill_null("an unknown currency"),
    )  # fmt: skip
    nothing = pl.lit(None).cast(AMOUNT)
    return finding(
        "currency", outcome, local=nothing, broker=nothing, explanation=pl.when(~is_same).then(told)
    )
