"""Countries and industries are planned in groups: which group a security belongs to, and what each should have."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from ballast.settings.groups import OTHER, GroupSettings


def group_of(column: str, groups: Sequence[GroupSettings]) -> pl.Expr:
    """Return the group of a country or an industry; what no group names, and what is unknown, belongs to OTHER.

    Without any group each country or industry is one of its own.
    """
    if not groups:
        return pl.col(column).fill_null(OTHER)
    named = {member: group.name for group in groups for member in group.members}
    return pl.col(column).replace_strict(named, default=OTHER, return_dtype=pl.String)


def group_members(
    securities: pl.DataFrame, column: str, groups: Sequence[GroupSettings]
) -> pl.DataFrame:
    """Return the groups of every security.

    Parameters
    ----------
    securities : pl.DataFrame
        symbol and the column, in any order.
    column : str
        country or industry: one name, or several separated by commas. A name with a comma that a group names is one.

    Returns
    -------
    pl.DataFrame
        symbol and group, sorted and without repetition: a security of several names belongs to the group of each of
        them, and one of an unknown name to OTHER.
    """
    named = [member for group in groups for member in group.members]
    whole = pl.col(column).str.strip_chars()
    names = pl.when(whole.is_in(named)).then(pl.concat_list(whole)).otherwise(whole.str.split(","))
    known = (
        securities.select("symbol", name=names)
        .explode("name", empty_as_null=False, keep_nulls=False)
        .with_columns(pl.col("name").str.strip_chars())
        .filter(pl.col("name") != "")
    )
    return (
        securities.select("symbol")
        .join(known, on="symbol", how="left")
        .select("symbol", group=group_of("name", groups))
        .unique()
        .sort("symbol", "group")
    )


def group_targets(groups: Sequence[GroupSettings]) -> dict[str, float]:
    """Return the wanted share of each group that states one; zero is a wish as well.

    Targets that add up to more than one are scaled to one; those that add up to less leave room for other groups.
    """
    wanted = {group.name: group.target for group in groups if group.target is not None}
    total = max(sum(wanted.values()), 1.0)
    return {name: target / total for name, target in wanted.items()}
