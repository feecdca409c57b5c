"""Which candidates a search considers where there are too many: urgent ones, but not all from one country."""

from __future__ import annotations

import polars as pl

# What a further candidate of the same cluster takes from a candidate's diversity, and letters of a symbol that stand
# for an origin that nobody knows.
_CROWDING = 0.5
_PREFIX = 3


def select(candidates: pl.DataFrame, limit: int, diversity_weight: float) -> pl.DataFrame:
    """Return at most `limit` candidates of each category.

    Candidates are clustered by country, else industry, else the beginning of the symbol. The most urgent of each
    cluster come first, clusters with the highest sum of priorities before others; then places are filled by priority.
    What is chosen is listed by (1 - weight) × priority ÷ highest priority + weight ÷ (1 + ½ others of its cluster).
    Dividing by the highest lets priorities of any scale count alike.

    Parameters
    ----------
    candidates : pl.DataFrame
        symbol, category, priority, country, industry (the last two may be null or empty), and any other columns.
    limit : int
        Most candidates of a category; a category with no more than that is kept whole, by priority.
    diversity_weight : float
        0 to 1; at 0 the most urgent candidates are chosen, wherever they come from.

    Returns
    -------
    pl.DataFrame
        The columns given, by category and rank; ties go by symbol, so the order of the rows given changes nothing.
    """
    weight = min(1.0, max(0.0, diversity_weight))
    category, cluster = pl.col("category"), ["category", "_cluster"]
    # Other columns settle what even the symbol leaves open.
    others = [name for name in candidates.columns if name not in ("category", "priority", "symbol")]
    is_descending = [False, True, False, *[False for _ in others]]
    listed = candidates.sort(
        "category", "priority", "symbol", *others, descending=is_descending
    ).with_columns(
        _cluster=pl.coalesce(
            _unless_empty("country"), _unless_empty("industry"), pl.col("symbol").str.head(_PREFIX)
        ),
        _place=pl.int_range(pl.len()).over("category"),
        _is_crowded=pl.len().over("category") > limit,
    )
    if weight > 0.0:
        clusters = pl.col("_cluster").n_unique().over("category")
        share = pl.max_horizontal(pl.lit(1), limit // clusters)
        listed = listed.with_columns(
            _is_first=pl.int_range(pl.len()).over(cluster) < share,
            _sum=pl.col("priority").sum().over(cluster),
        ).sort(
            # First the share of each cluster, cluster by cluster; then all others by priority.
            "category",
            pl.col("_is_first").not_(),
            pl.when("_is_first").then(-pl.col("_sum")),
            pl.when("_is_first").then("_cluster"),
            "_place",
        )
    chosen = listed.filter(pl.int_range(pl.len()).over(category) < limit)
    diversity = 1.0 / (1.0 + _CROWDING * (pl.len().over(cluster) - 1))
    urgency = pl.col("priority") / pl.col("priority").max().over("category")
    rank = (1.0 - weight) * urgency + weight * diversity
    return (
        chosen.with_columns(_rank=pl.when("_is_crowded").then(rank).otherwise(0.0))
        .sort("category", "_rank", "_place", descending=[False, True, False])
        .select(candidates.columns)
    )


def _unless_empty(column: str) -> pl.Expr:
    return pl.when(pl.col(column).str.len_chars() > 0).then(pl.col(column))
