"""The loop over given sequences, in the part of Python that Numba compiles.

Every sum is built in the order of the trades, and every score by the same steps as in `vectorised` and `walk`, so that
all ways give the same bits. It imports nothing of ours, because the compiler keeps its work as long as this file does
not change.
"""

from __future__ import annotations

from typing import Any, NamedTuple

# Columns of the state; behind them one per group.
CASH, TOTAL, COST, TAX, TRADED, RETURN, PROMISE, STABILITY, DIVIDEND, QUALITY, MERIT = range(11)
BUYS, MISFITS, GROUPS = range(11, 14)

# Arrays of NumPy, also in the compiled loop.
Array = Any


class Rules(NamedTuple):
    """How a score is made of a state, and what a sequence must leave.

    Parameters
    ----------
    group_targets : array of g
    ceiling, slope : float
        Diversification is ceiling - slope × (sum of the absolute gaps), at least 0.
    dividend_base, dividend_slope : float
        The dividend part is base + slope × yield, at most 1.
    diversification_weight, dividend_weight, constant : float
        Score = merit ÷ total + these times diversification and dividend + constant. The merit holds what is linear:
        return, promise, stability, quality and the penalty for costs.
    reserve_share, reserve_floor, tolerance : float
        What must remain in cash after a purchase; rounding that is forgiven.
    """

    group_targets: Array
    ceiling: float
    slope: float
    dividend_base: float
    dividend_slope: float
    diversification_weight: float
    dividend_weight: float
    constant: float
    reserve_share: float
    reserve_floor: float
    tolerance: float


def evaluate(
    start: Array, trades: Array, securities: Array, sequences: Array, rules: Rules, state: Array,
    feasible: Array, score: Array, components: Array, cash: Array, total: Array, cost: Array,
    tax: Array, traded: Array,
) -> None:  # fmt: skip
    """Evaluate sequences one by one; `state` is room for one of them, the arrays behind it get the results."""
    columns = len(start)
    depth = sequences.shape[1]
    for row in range(len(sequences)):
        for column in range(columns):
            state[column] = start[column]
        is_repeated = False
        for place in range(depth):
            trade = sequences[row, place]
            if trade < 0:
                continue
            for column in range(columns):
                state[column] += trades[trade, column]
            for earlier in range(place):
                other = sequences[row, earlier]
                if other >= 0 and securities[other] == securities[trade]:
                    is_repeated = True
        share = 1.0 / state[TOTAL]
        gap = 0.0
        for group in range(len(rules.group_targets)):
            gap += abs(state[GROUPS + group] * share - rules.group_targets[group])
        diversification = max(0.0, rules.ceiling - rules.slope * gap)
        dividend = min(1.0, rules.dividend_base + rules.dividend_slope * state[DIVIDEND] * share)
        value = state[MERIT] * share
        value += rules.diversification_weight * diversification
        value += rules.dividend_weight * dividend
        value += rules.constant
        score[row] = value
        components[row, 0] = state[RETURN] * share
        components[row, 1] = diversification
        components[row, 2] = dividend
        components[row, 3] = state[QUALITY] * share
        components[row, 4] = state[PROMISE] * share
        components[row, 5] = state[STABILITY] * share
        cash[row] = state[CASH]
        total[row] = state[TOTAL]
        cost[row] = state[COST]
        tax[row] = state[TAX]
        traded[row] = state[TRADED]
        reserve = max(rules.reserve_share * state[TOTAL], rules.reserve_floor)
        feasible[row] = (
            state[MISFITS] == 0.0
            and state[TOTAL] > 0.0
            and (state[BUYS] == 0.0 or state[CASH] >= reserve - rules.tolerance)
            and not is_repeated
        )
