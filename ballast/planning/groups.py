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


def group_targets(groups: Sequence[GroupSettings]) -> dict[str, float]:
    """Return the wanted share of each group that has one above zero.

    Targets that add up to more than one are scaled to one; those that add up to less leave room for other groups.
    """
    wanted = {group.name: group.target for group in groups if group.target}
    total = max(sum(wanted.values()), 1.0)
    return {name: target / total for name, target in wanted.items()}
