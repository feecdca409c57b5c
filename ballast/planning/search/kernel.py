"""The loop over given sequences, in the part of Python that Numba compiles.

Every sum is built in the order of the trades, and every score by the same steps as in `vectorised` and `walk`, so that
all ways give the same bits. It imports nothing of ours, because the compiler keeps its work as long as this file does
not change.
"""

from __future__ import annotations

from typing import Any, NamedTuple

# Columns of the state; behind them one per group.
CASH, TOTAL, COST, TAX, DIVIDEND, MERIT, BUYS, MISFITS, GROUPS = range(9)

# So many trades are added at once, which spares writing down what is between them.
BLOCK = 5

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
    start: Array, trades: Array, securities: Array, marks: Array, sequences: Array, rules: Rules,
    state: Array, chosen: Array, feasible: Array, score: Array, cash: Array, total: Array,
    cost: Array, tax: Array,
) -> None:  # fmt: skip
    """Evaluate sequences one by one.

    Parameters
    ----------
    trades : array of (m + 1, columns)
        The last row adds nothing; it stands for the padding.
    securities, marks : array of m, and of m + 1
        Security of each trade, and one of 64 bits for it; different bits are different securities.
    state, chosen : array of columns, and of a multiple of `BLOCK`
        Room to work in.
    feasible, score, cash, total, cost, tax : array of s
        Get the results.
    """
    columns, depth, none = len(start), sequences.shape[1], len(trades) - 1
    for place in range(len(chosen)):
        chosen[place] = none
    for row in range(len(sequences)):
        seen = repeated = marks[none]
        for place in range(depth):
            trade = sequences[row, place]
            trade = trade if trade >= 0 else none
            chosen[place] = trade
            repeated |= seen & marks[trade]
            seen |= marks[trade]
        one, two, three, four, five = chosen[0], chosen[1], chosen[2], chosen[3], chosen[4]
        for column in range(columns):
            state[column] = (
                start[column]
                + trades[one, column]
                + trades[two, column]
                + trades[three, column]
                + trades[four, column]
                + trades[five, column]
            )
        for place in range(BLOCK, depth):
            for column in range(columns):
                state[column] += trades[chosen[place], column]
        share = 1.0 / state[TOTAL]
        gap = 0.0
        for group in range(len(rules.group_targets)):
            gap += abs(state[GROUPS + group] * share - rules.group_targets[group])
        income = rules.dividend_base + rules.dividend_slope * state[DIVIDEND] * share
        value = state[MERIT] * share
        value += rules.diversification_weight * max(0.0, rules.ceiling - rules.slope * gap)
        value += rules.dividend_weight * min(1.0, income)
        score[row] = value + rules.constant
        cash[row] = state[CASH]
        total[row] = state[TOTAL]
        cost[row] = state[COST]
        tax[row] = state[TAX]
        reserve = max(rules.reserve_share * state[TOTAL], rules.reserve_floor) - rules.tolerance
        feasible[row] = (
            (state[MISFITS] == 0.0)
            & (state[TOTAL] > 0.0)
            & ((state[BUYS] == 0.0) | (state[CASH] >= reserve))
        )
        if repeated != marks[none] and trades_twice(depth, none, securities, chosen):
            feasible[row] = False


def trades_twice(depth: int, none: int, securities: Array, chosen: Array) -> bool:
    """Say whether a security is traded twice; the padding trades nothing."""
    for later in range(1, depth):
        for earlier in range(later):
            one, other = chosen[earlier], chosen[later]
            if max(one, other) < none and securities[one] == securities[other]:
                return True
    return False
