"""Scores made of scores: a part that is unknown counts as 0.5, and how much is known is told beside it."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

NEUTRAL = 0.5


def blended(parts: Mapping[str, float]) -> pl.Expr:
    """Return the weighted mean of columns; an unknown one counts as 0.5, and if all are unknown the mean is null.

    Parameters
    ----------
    parts : mapping of str to float
        Weight of each column, not negative, not all zero.
    """
    counted = {name: weight for name, weight in parts.items() if weight > 0}
    is_known = pl.any_horizontal(pl.col(name).is_not_null() for name in counted)
    return pl.when(is_known).then(with_neutral(parts))


def with_neutral(parts: Mapping[str, float]) -> pl.Expr:
    """Return the weighted mean of columns; an unknown one counts as 0.5."""
    total = sum(parts.values())
    terms = [pl.col(name).fill_null(NEUTRAL) * (weight / total) for name, weight in parts.items()]
    # A sum of weights may exceed one in its last digit.
    return pl.sum_horizontal(terms).clip(0.0, 1.0)


def known_share(inputs: Mapping[str, float]) -> pl.Expr:
    """Return the share of the weights whose columns are known."""
    total = sum(inputs.values())
    terms = [
        pl.col(name).is_not_null().cast(pl.Float64) * (weight / total)
        for name, weight in inputs.items()
    ]
    return pl.sum_horizontal(terms).clip(0.0, 1.0)
