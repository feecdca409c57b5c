"""What asks for a new plan between two daily runs: weights that have drifted, and cash that has come together."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

import polars as pl

from ballast.money import ZERO, multiply


@dataclass(frozen=True)
class Wish:
    """An account that a new plan would serve, and why."""

    account_id: str
    rule: str
    reason: str


def drifted(positions: pl.DataFrame, targets: pl.DataFrame, threshold: float) -> list[Wish]:
    """Return the accounts with a weight that far from its target, the threshold included.

    Parameters
    ----------
    positions : pl.DataFrame
        `Positions`; an account with an unknown weight is not judged.
    targets : pl.DataFrame
        `TargetWeights`; what is held without a target has target zero, what is not held has weight zero.
    threshold : float
        Share of the account's value.
    """
    unknown = positions.filter(pl.col("weight").is_null())["account_id"].unique()
    held = positions.filter(~pl.col("is_cash")).select("account_id", "weight", symbol="commodity")
    both = (
        held.join(targets, on=["account_id", "symbol"], how="full", coalesce=True)
        .filter(
            pl.col("account_id").is_in(positions["account_id"].unique().implode())
            & ~pl.col("account_id").is_in(unknown.implode())
        )
        .with_columns(pl.col("weight", "target_weight").fill_null(0.0))
        .with_columns(distance=(pl.col("weight") - pl.col("target_weight")).abs())
        # A distance of exactly the threshold may differ from it in the last bit.
        .filter(pl.col("distance") >= threshold - 1e-12)
        .sort(["account_id", "distance", "symbol"], descending=[False, True, False])
        .group_by("account_id", maintain_order=True)
        .first()
    )
    return [
        Wish(
            row["account_id"],
            "drift",
            f"{row['symbol']} has {row['weight']:.1%} of {row['account_id']}, its target is"
            f" {row['target_weight']:.1%}",
        )
        for row in both.iter_rows(named=True)
    ]


def cash_rich(
    positions: pl.DataFrame,
    reserves: dict[str, Decimal],
    smallest_trades: dict[str, Decimal],
    multiple: Decimal,
) -> list[Wish]:
    """Return the accounts whose cash above the reserve is a multiple of the smallest trade worth its cost.

    Parameters
    ----------
    positions : pl.DataFrame
        `Positions`; an account with cash of unknown value is not judged.
    reserves, smallest_trades : dict of str to Decimal
        Per account in its base currency; an account without a known reserve is not judged.
    """
    cash = (
        positions.filter("is_cash")
        .group_by("account_id")
        .agg(pl.col("value_base").sum(), unknown=pl.col("value_base").is_null().any())
        .filter(~pl.col("unknown"))
        .sort("account_id")
    )
    found = []
    for account, held in cash.select("account_id", "value_base").iter_rows():
        if account not in reserves or account not in smallest_trades:
            continue
        free, least = held - reserves[account], multiply(smallest_trades[account], multiple)
        if free > ZERO and free >= least:
            found.append(
                Wish(
                    account,
                    "cash",
                    f"{account} has {free:.2f} of cash above its reserve, {least:.2f} is enough to invest",
                )
            )
    return found
