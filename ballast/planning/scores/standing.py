"""How the country and industry groups of each security stand in an account: what they hold, and what they lack.

The gap of a group is its wanted less its present share of the account's value, cash included: positive where it lacks
weight. A security of several groups has the mean of their gaps; one of none, or of groups of which no share is stated,
has none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from ballast.planning.groups import group_members
from ballast.settings.groups import GroupSettings

_POSITION = ["account_id", "symbol"]


@dataclass(frozen=True)
class Grouping:
    """Which groups exist, and what each account wants of them.

    Parameters
    ----------
    members : pl.DataFrame
        symbol and group; a security of several industries has several rows.
    targets : pl.DataFrame
        account_id, group and target: the wanted share of the account's value; no row where none is stated.
    """

    members: pl.DataFrame
    targets: pl.DataFrame


def grouping(
    securities: pl.DataFrame,
    column: str,
    groups: Sequence[GroupSettings],
    accounts: Sequence[str],
    targets: pl.DataFrame,
) -> Grouping:
    """Return the groups of countries or of industries.

    Parameters
    ----------
    securities : pl.DataFrame
        `Securities`.
    column : str
        country, or industry with one or several names separated by commas.
    groups : sequence of GroupSettings
        Configured groups. Without any, each name is a group of its own, of which an account wants what it wants of
        the members together.
    accounts : sequence of str
        All accounts.
    targets : pl.DataFrame
        `TargetWeights`. A configured target is a share of what is invested; it is scaled to the sum of the account's
        targets, or taken as it is where the account has none.
    """
    # How one of an unknown country stands in its account is not known: it is in no group, not in that of the others.
    known = securities.filter(pl.col(column).str.strip_chars(", ") != "")
    members = group_members(known, column, groups)
    invested = targets.group_by("account_id").agg(invested=pl.col("target_weight").sum())
    if groups:
        stated = pl.DataFrame(
            [(group.name, group.target) for group in groups if group.target is not None],
            schema={"group": pl.String, "target": pl.Float64},
            orient="row",
        )
        wanted = (
            pl.DataFrame({"account_id": sorted(accounts)}, schema={"account_id": pl.String})
            .join(invested, on="account_id", how="left")
            .join(stated, how="cross")
            .select("account_id", "group", pl.col("target") * pl.col("invested").fill_null(1.0))
        )
        return Grouping(members, wanted)
    by_members = (
        members.join(targets, on="symbol")
        .group_by("account_id", "group")
        .agg(target=pl.col("target_weight").sum())
    )
    every = invested.select("account_id").join(members.select("group").unique(), how="cross")
    wanted = every.join(by_members, on=["account_id", "group"], how="left").with_columns(
        pl.col("target").fill_null(0.0)
    )
    return Grouping(members, wanted)


def group_standing(
    rows: pl.DataFrame, weights: pl.DataFrame, groups: Grouping, *, full_at: float
) -> pl.DataFrame:
    """Return gap and fullness of the groups of each row's security.

    Parameters
    ----------
    rows : pl.DataFrame
        account_id and symbol.
    weights : pl.DataFrame
        account_id, symbol and weight of what is held; a null weight makes all figures of its groups null.
    groups : Grouping
        Groups and what is wanted of them.
    full_at : float
        Share of the account's value from which on a group counts as full.

    Returns
    -------
    pl.DataFrame
        The rows with gap, and fullness: the mean over the groups of min(1, present share / `full_at`).
    """
    weight = pl.col("weight")
    present = (
        weights.join(groups.members, on="symbol")
        .sort("account_id", "group", "symbol")
        .group_by("account_id", "group", maintain_order=True)
        .agg(present=pl.when(weight.is_not_null().all()).then(weight.sum()), is_held=pl.lit(True))
    )
    standing = (
        rows.select(_POSITION)
        .join(groups.members, on="symbol")
        .join(present, on=["account_id", "group"], how="left")
        .join(groups.targets, on=["account_id", "group"], how="left")
        .with_columns(present=pl.when("is_held").then("present").otherwise(0.0))
        .sort(*_POSITION, "group")
        .group_by(_POSITION, maintain_order=True)
        .agg(
            gap=(pl.col("target") - pl.col("present")).mean(),
            fullness=(pl.col("present") / full_at).clip(0.0, 1.0).mean(),
        )
    )
    return rows.join(standing, on=_POSITION, how="left", maintain_order="left")
