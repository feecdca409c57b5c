"""Least and greatest weight of each security: what its owner, its lots and its permissions allow."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

# How close the bounds of what cannot move are.
SAME = 1e-9


def weight_bounds(facts: pl.DataFrame, *, maximum_weight: float) -> pl.DataFrame:
    """Return the bounds of every security, and what they mean.

    Parameters
    ----------
    facts : pl.DataFrame
        One row per security: symbol, `current_weight`, `lot_weight` (what one lot is worth as a share of the account,
        at the session's price and exchange rate; null when unknown), allow_buy, allow_sell, minimum_weight,
        maximum_weight (null where none is configured).
    maximum_weight : float
        Greatest weight of a security that names none.

    Returns
    -------
    pl.DataFrame
        `facts` with `lower`, `upper`, `effect`, and the part of `lower` that is `required` whatever its owner
        wishes, in their order. In turn: the configured minimum and maximum; what
        may not be bought has at most its weight, what may not be sold at least; what is held keeps at least a lot, all
        of it if that is no more than a lot, unless a lot is more than the greatest weight. Bounds that contradict each
        other leave it where it is. A short position counts as nothing held.
    """
    held = pl.col("current_weight").clip(lower_bound=0.0)
    lot = pl.col("lot_weight")
    lower = pl.col("minimum_weight").fill_null(0.0)
    upper = pl.col("maximum_weight").fill_null(maximum_weight)
    upper = pl.when("allow_buy").then(upper).otherwise(pl.min_horizontal(upper, held))
    unsold = pl.when("allow_sell").then(0.0).otherwise(held)
    kept = (
        pl.when((held <= 0) | lot.is_null())
        .then(0.0)
        .when(held <= lot * (1 + SAME))
        .then(held)
        .when(lot > upper)
        .then(0.0)
        .otherwise(lot)
    )
    required = pl.max_horizontal(unsold, kept)
    lower = pl.max_horizontal(lower, required)
    clash = pl.col("lower") > pl.col("upper")
    is_locked = pl.col("upper") - pl.col("lower") <= SAME
    return facts.with_columns(lower=lower, upper=upper, required=required).with_columns(
        required=pl.when(clash).then(held).otherwise("required"),
        lower=pl.when(clash).then(held).otherwise("lower"),
        upper=pl.when(clash).then(held).otherwise("upper"),
    ).with_columns(
        effect=pl.when(is_locked)
        .then(pl.lit("locked"))
        .when(~pl.col("allow_sell"))
        .then(pl.lit("buy only"))
        .when(~pl.col("allow_buy"))
        .then(pl.lit("sell only"))
        .when((pl.col("lower") > 0) & (pl.col("lower") == kept) & (pl.col("lower") == lot))
        .then(pl.lit("keeps a lot"))
        .when(pl.col("lower") > 0)
        .then(pl.lit("sell limited"))
        .when(pl.col("minimum_weight").is_not_null() | pl.col("maximum_weight").is_not_null())
        .then(pl.lit("bounded"))
    )  # fmt: skip


def with_minimums_within(
    bounds: pl.DataFrame, symbols: Sequence[str], share: float
) -> tuple[pl.DataFrame, float]:
    """Scale down minimum weights of what need not be held, until all least weights together fit into a share.

    Parameters
    ----------
    bounds : pl.DataFrame
        What `weight_bounds` returns.
    symbols : sequence of str
        Securities that take part; the others stay as they are.
    share : float
        What those may add up to.

    Returns
    -------
    bounds : pl.DataFrame
        With smaller `lower` where it was more than `required`.
    factor : float
        What is left of each such part, 0 to 1; 1 where nothing was scaled.
    """
    takes_part = pl.col("symbol").is_in(list(symbols))
    wished = (pl.col("lower") - pl.col("required")).clip(lower_bound=0.0)
    own = bounds.filter(takes_part).sort("symbol").select("required", "lower", wished=wished)
    wishes, least = float(own["wished"].sum()), float(own["lower"].sum())
    if wishes <= 0 or least <= share:
        return bounds, 1.0
    factor = max(share - float(own["required"].sum()), 0.0) / wishes
    is_scaled = takes_part & (wished > 0)
    scaled = bounds.with_columns(
        lower=pl.when(is_scaled).then(pl.col("required") + factor * wished).otherwise("lower"),
        effect=pl.when(is_scaled & (pl.col("effect") == "locked"))
        .then(pl.lit("bounded"))
        .otherwise("effect"),
    )
    return scaled, factor


def investable_share(reserve_share: float, reserve_floor: float, account_value: float) -> float:
    """Return the share of an account that may be invested: one less the cash reserve.

    Parameters
    ----------
    reserve_share : float
        Cash to keep as a share of the account.
    reserve_floor, account_value : float
        Least cash, and value of the account, in its base currency; the value is positive.
    """
    reserve = max(reserve_share, reserve_floor / account_value)
    return min(max(1.0 - reserve, 0.0), 1.0)
