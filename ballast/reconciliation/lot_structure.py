"""Whether book and broker keep the same lots of a security: as many, of the same quantities, at the same bases."""

from __future__ import annotations

from functools import cache

import polars as pl

from ballast.money import AMOUNT
from ballast.reconciliation.fields import KEY, finding
from ballast.reconciliation.tolerances import with_quantity_tolerance


def compared_lots(
    lots: pl.DataFrame,
    broker_lots: pl.DataFrame,
    tolerances: pl.DataFrame,
    securities: pl.DataFrame | None,
) -> pl.DataFrame:
    """Return one finding per security of which either side keeps lots.

    Lots have no common names, so those of each side are put in order of quantity and basis, and each is compared with
    the one in its place on the other side. A basis is compared where all those of the security are known on both sides.

    Parameters
    ----------
    lots, broker_lots : pl.DataFrame
        `TaxLots` and `BrokerLots` of accounts whose broker reports lots.
    tolerances, securities : pl.DataFrame
        See `with_quantity_tolerance`.
    """
    pairs = _in_order(lots).join(
        _in_order(broker_lots), on=[*KEY, "place"], how="full", coalesce=True, suffix="_broker"
    )
    quantity_gap = (pl.col("quantity_broker") - pl.col("quantity")).abs()
    basis_gap = (pl.col("cost_basis_broker") - pl.col("cost_basis")).abs()
    of_both = pl.col("quantity").is_not_null() & pl.col("quantity_broker").is_not_null()
    is_known = pl.col("cost_basis").is_not_null() & pl.col("cost_basis_broker").is_not_null()
    by_security = pairs.group_by(KEY).agg(
        local=pl.col("quantity").count(),
        broker=pl.col("quantity_broker").count(),
        quantity_gap=quantity_gap.filter(of_both).max().fill_null(0),
        basis_gap=pl.when(is_known.all()).then(basis_gap.max()).fill_null(0),
    )
    return with_quantity_tolerance(by_security, tolerances, securities).select(_finding())


def _in_order(lots: pl.DataFrame) -> pl.DataFrame:
    columns = ["quantity", "cost_basis"]
    return (
        lots.select("account_id", *columns, item="symbol")
        .sort(*KEY, *columns, nulls_last=True)
        .with_columns(place=pl.int_range(pl.len()).over(KEY))
    )


@cache
def _finding() -> list[pl.Expr]:
    local, broker = pl.col("local").cast(pl.Int64), pl.col("broker").cast(pl.Int64)
    told = (
        pl.when(local != broker)
        .then(pl.format("The books keep {} lots, the broker {}.", local, broker))
        .when(pl.col("quantity_gap") > pl.col("quantity_tolerance"))
        .then(
            pl.format("Quantities of lots differ, by up to {} units.", _plain(pl.col("quantity_gap")))
        )
        .when(pl.col("basis_gap") > pl.col("basis_tolerance"))
        .then(pl.format("Bases of lots differ, by up to {}.", _plain(pl.col("basis_gap"))))
    )  # fmt: skip
    outcome = pl.when(told.is_null()).then(pl.lit("matched")).otherwise(pl.lit("lots_mismatch"))
    return finding("lots", outcome, local=local, broker=broker, explanation=told)


def _plain(amount: pl.Expr) -> pl.Expr:
    return amount.cast(AMOUNT).cast(pl.String).str.strip_chars_end("0").str.strip_chars_end(".")
