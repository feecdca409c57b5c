"""What a proposal would change, and which targets cannot be met."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

_LEAST_CHANGE = 0.001
_SHOWN = 5


def top_changes(
    optimised: pl.DataFrame, positions: pl.DataFrame, *, count: int = _SHOWN
) -> pl.DataFrame:
    """Return the largest changes of weight that each proposal asks for.

    Parameters
    ----------
    optimised, positions : pl.DataFrame
        `OptimisedWeights` and `Positions` of a session.

    Returns
    -------
    pl.DataFrame
        account_id, symbol, direction, current_weight, optimised_weight, weight_change, value_base (of the trade, in the
        account's base currency); the largest first within each account.
    """
    values = (
        positions.group_by("account_id")
        .agg(value=pl.col("value_base").sum().cast(pl.Float64), base=pl.col("base_currency").first())
    )  # fmt: skip
    change = pl.col("optimised_weight") - pl.col("current_weight")
    return (
        optimised.with_columns(weight_change=change)
        .filter(pl.col("weight_change").abs() > _LEAST_CHANGE)
        .join(values, on="account_id", how="left", maintain_order="left")
        .sort(
            "account_id", pl.col("weight_change").abs(), "symbol", descending=[False, True, False]
        )
        .group_by("account_id", maintain_order=True)
        .head(count)
        .select(
            "account_id",
            "symbol",
            direction=pl.when(pl.col("weight_change") > 0)
            .then(pl.lit("buy"))
            .otherwise(pl.lit("sell")),
            current_weight="current_weight",
            optimised_weight="optimised_weight",
            weight_change="weight_change",
            value_base=(pl.col("weight_change").abs() * pl.col("value")).round(0),
            base_currency="base",
        )
    )


def infeasible_targets(
    followed: Sequence[str],
    targets: pl.DataFrame,
    steps: pl.DataFrame,
    constraints: pl.DataFrame,
    securities: pl.DataFrame,
) -> pl.DataFrame:
    """Return what cannot be had as it was asked for.

    Parameters
    ----------
    followed : sequence of str
        Accounts that follow the optimiser; of the others only configured targets are judged.
    targets, steps, constraints, securities : pl.DataFrame
        `TargetWeights`, `OptimiserSteps`, `WeightConstraints` and `Securities` of the session.

    Returns
    -------
    pl.DataFrame
        account_id, what, detail: steps that failed or were adjusted; groups whose target cannot be reached; weights
        that were taken over for want of a proposal; and configured targets of what may be neither bought nor sold.
    """
    is_followed = pl.col("account_id").is_in(list(followed))
    fallbacks = steps.filter(is_followed & (pl.col("outcome") != "used")).select(
        "account_id",
        what=pl.concat_str("part", "level", "objective", separator=" ", ignore_nulls=True),
        detail="detail",
    )
    group = pl.col("target").is_not_null() & ~pl.col("is_reachable")
    groups = constraints.filter(is_followed & group).select(
        "account_id", what=pl.format("{} group {}", "kind", "name"), detail="note"
    )
    has_proposal = (pl.col("source") == "optimiser").any().over("account_id")
    taken_over = targets.with_columns(has_proposal=has_proposal).filter(
        is_followed & (pl.col("source") != "optimiser")
    ).select(
        "account_id",
        what="source",
        detail=pl.when("has_proposal")
        .then(pl.lit("the proposal does not know all that is held; the rest of it stays"))
        .otherwise(pl.lit("there is no proposal, so that other weights stand in for it")),
    ).unique(maintain_order=True)  # fmt: skip
    known = targets.filter(~is_followed & pl.col("current_weight").is_not_null()).join(
        securities.select("symbol", "allow_buy", "allow_sell"),
        on="symbol",
        maintain_order="left",
    )
    change = pl.col("target_weight") - pl.col("current_weight")
    forbidden = pl.concat(
        [
            known.filter(~pl.col("allow_buy") & (change > _LEAST_CHANGE)).with_columns(
                detail=pl.lit("it may not be bought")
            ),
            known.filter(~pl.col("allow_sell") & (change < -_LEAST_CHANGE)).with_columns(
                detail=pl.lit("it may not be sold")
            ),
        ]
    ).select("account_id", what=pl.format("target of {}", "symbol"), detail="detail")
    return pl.concat([fallbacks, groups, taken_over, forbidden])
