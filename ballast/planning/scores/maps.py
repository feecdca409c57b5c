"""From a metric to a score: piecewise linear maps, steps and bells, as expressions; unknown stays unknown."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Literal

import polars as pl

if TYPE_CHECKING:
    from polars.expr.whenthen import ChainedThen, Then

    _Chain = Then | ChainedThen

Knots = Sequence[tuple[float, float]]


def piecewise(
    x: pl.Expr, knots: Knots, *, jump_belongs: Literal["left", "right"] = "right"
) -> pl.Expr:
    """Return a function that is linear between its knots and flat outside them.

    Parameters
    ----------
    x : pl.Expr
        Metric.
    knots : sequence of (float, float)
        Metric and score, the metric ascending. Two knots at the same place are a jump; there it has the value of the
        side named by `jump_belongs`.

    Returns
    -------
    pl.Expr
        Null where the metric is null or not a number.
    """
    first, last = knots[0], knots[-1]
    is_below = x <= first[0] if _jumps(knots, 0) and jump_belongs == "left" else x < first[0]
    chain: _Chain = pl.when(is_below).then(first[1])
    for number, ((left, low), (right, high)) in enumerate(pairwise(knots)):
        if left == right:
            continue
        slope = (high - low) / (right - left)
        # Anchored at the end that belongs to the segment, so that every knot gets its exact value.
        if _jumps(knots, number + 1) and jump_belongs == "left":
            chain = chain.when(x <= right).then(high + (x - right) * slope)
        else:
            chain = chain.when(x < right).then(low + (x - left) * slope)
    return _known(x, chain.otherwise(last[1]))


def steps(
    x: pl.Expr,
    limits: Knots,
    otherwise: float,
    *,
    limit_belongs: Literal["left", "right"] = "right",
) -> pl.Expr:
    """Return the value of the first limit that is above the metric, or not below it if limits belong to the left.

    Parameters
    ----------
    x : pl.Expr
        Metric.
    limits : sequence of (float, float)
        Limit and value, the limit ascending.
    otherwise : float
        Value above all limits.
    """
    is_within = [x <= limit if limit_belongs == "left" else x < limit for limit, _ in limits]
    chain: _Chain = pl.when(is_within[0]).then(limits[0][1])
    for within, (_, value) in zip(is_within[1:], limits[1:], strict=True):
        chain = chain.when(within).then(value)
    return _known(x, chain.otherwise(otherwise))


def growth_bell(x: pl.Expr, target: float, *, below: float = 0.06, above: float = 0.10) -> pl.Expr:
    """Score growth: best at a target, 0.15 from no growth downwards.

    0.15 + 0.85 exp(−(x − target)² / 2σ²) for x > 0, with σ = `below` under the target and `above` from it on.
    """
    width = pl.when(x < target).then(below).otherwise(above)
    bell = 0.15 + 0.85 * (-((x - target) / width).pow(2) / 2).exp()
    return _known(x, pl.when(x <= 0).then(0.15).otherwise(bell))


def sharpe(x: pl.Expr) -> pl.Expr:
    """Score a Sharpe ratio."""
    return piecewise(x, [(0, 0), (0.5, 0.4), (1, 0.7), (2, 1)])


def sortino(x: pl.Expr) -> pl.Expr:
    """Score a Sortino ratio."""
    return piecewise(x, [(0, 0), (0.5, 0.4), (1, 0.6), (1.5, 0.8), (2, 1)])


def lasting_sortino(x: pl.Expr) -> pl.Expr:
    """Score a Sortino ratio for the end state: stricter with a ratio below one."""
    return piecewise(x, [(0, 0), (1, 0.6), (1.5, 0.8), (2, 1)])


def drawdown(x: pl.Expr) -> pl.Expr:
    """Score the deepest drawdown, whatever its sign."""
    return piecewise(x.abs(), [(0.10, 1), (0.20, 0.8), (0.30, 0.6), (0.50, 0.2), (0.70, 0)])


def volatility(x: pl.Expr) -> pl.Expr:
    """Score a volatility per year; one that is not positive says nothing."""
    moves = pl.when(x > 0).then(x)
    return piecewise(moves, [(0.15, 1), (0.25, 0.7), (0.40, 0.3), (0.60, 0.1)])


def consistency(x: pl.Expr) -> pl.Expr:
    """Score the difference between the growth over five and over ten years, whatever its sign."""
    falling = (1 - 4 * x.abs()).clip(lower_bound=0.4)
    return _known(
        x, pl.when(x.abs() < 0.02).then(1.0).when(x.abs() < 0.05).then(0.8).otherwise(falling)
    )


def below_high(x: pl.Expr) -> pl.Expr:
    """Score the distance below the high of 52 weeks: the further, the better the opportunity."""
    return piecewise(x, [(0, 0.2), (0.10, 0.5), (0.20, 0.8), (0.30, 1)])


def price_earnings(x: pl.Expr, average: float) -> pl.Expr:
    """Score a price in earnings against an average; a company without earnings gets 0.3."""
    against = piecewise(x / average - 1, [(-0.20, 1), (-0.10, 0.7), (0, 0.5), (0.20, 0.2)])
    return _known(x, pl.when(x <= 0).then(0.3).otherwise(against))


def ema_distance(x: pl.Expr) -> pl.Expr:
    """Score the distance from the average of 200 sessions: best well below it."""
    return piecewise(x, [(-0.10, 1), (-0.05, 0.7), (0, 0.5), (0.10, 0.2)])


def rsi(x: pl.Expr) -> pl.Expr:
    """Score a relative strength index: best when oversold."""
    return piecewise(x, [(30, 1), (70, 0)])


def bollinger(x: pl.Expr) -> pl.Expr:
    """Score the place within the Bollinger bands: best at the lower one."""
    return piecewise(x, [(0, 1), (1, 0)])


def momentum(x: pl.Expr) -> pl.Expr:
    """Score a momentum: best when moderate. It jumps from 0.2 to 0.5 at −10 %."""
    knots = [(-0.10, 0.2), (-0.10, 0.5), (0, 0.6), (0.05, 1), (0.15, 1), (0.30, 0.8), (0.45, 0.5)]
    return piecewise(x, knots)


def dividend_yield(x: pl.Expr) -> pl.Expr:
    """Score a dividend yield."""
    return piecewise(x, [(0, 0.3), (0.01, 0.4), (0.03, 0.7), (0.06, 1)])


def payout(x: pl.Expr) -> pl.Expr:
    """Score a payout ratio: best between 30 % and 60 %. It jumps from 0.7 to 0.4 above 80 %."""
    knots = [(0, 0.5), (0.30, 1), (0.60, 1), (0.80, 0.7), (0.80, 0.4)]
    return piecewise(x, knots, jump_belongs="left")


def margin(x: pl.Expr) -> pl.Expr:
    """Score a profit margin."""
    return piecewise(x, [(-0.25, 0), (0, 0.5), (0.20, 1)])


def debt(x: pl.Expr) -> pl.Expr:
    """Score debt in percent of equity; below zero the equity is lost."""
    return _known(x, pl.when(x < 0).then(0.0).otherwise(piecewise(x, [(0, 1), (200, 0)])))


def liquidity(x: pl.Expr) -> pl.Expr:
    """Score current assets / current liabilities."""
    return piecewise(x, [(0, 0), (2, 1)])


def recommendation(x: pl.Expr) -> pl.Expr:
    """Score a mean recommendation from 1, strong buy, to 5, strong sell."""
    return piecewise(x, [(1, 1), (2, 0.8), (3, 0.5), (4, 0.2), (5, 0)])


def target_upside(x: pl.Expr) -> pl.Expr:
    """Score a price target against the price."""
    return piecewise(x, [(-0.20, 0), (0.20, 1)])


def group_gap(x: pl.Expr) -> pl.Expr:
    """Score the wanted less the present share of a group."""
    return piecewise(x, [(-1, 0.1), (1, 0.9)])


def windfall(x: pl.Expr) -> pl.Expr:
    """Score a gain beyond what was to be expected."""
    return piecewise(x, [(0, 0), (0.25, 0.5), (0.50, 1)])


def _known(x: pl.Expr, value: pl.Expr) -> pl.Expr:
    return pl.when(x.is_not_null() & x.is_not_nan()).then(value)


def _jumps(knots: Knots, number: int) -> bool:
    at = knots[number][0]
    return number + 1 < len(knots) and knots[number + 1][0] == at
