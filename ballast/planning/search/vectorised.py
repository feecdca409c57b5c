"""Evaluation of many sequences with NumPy: needs no compiler, and says in arrays what the compiled loop does."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ballast.planning.search.effects import Effects
from ballast.planning.search.kernel import (
    BUYS,
    CASH,
    COST,
    DIVIDEND,
    GROUPS,
    MERIT,
    MISFITS,
    PROMISE,
    QUALITY,
    RETURN,
    STABILITY,
    TAX,
    TOTAL,
    TRADED,
    Rules,
)
from ballast.planning.search.problem import F64, I32, I64, Flags

# Rows whose state fits the processor's cache.
_CHUNK = 2048


class Figures(NamedTuple):
    """What is known of each end state; see `Evaluation`."""

    score: F64
    components: F64
    cash: F64
    total: F64
    cost: F64
    tax: F64
    traded: F64

    @classmethod
    def empty(cls, rows: int) -> Figures:
        """Return room for the figures of some rows."""
        return cls(*(np.empty((rows, 6) if name == "components" else rows) for name in cls._fields))


def evaluate(effects: Effects, securities: I64, sequences: I32) -> tuple[Flags, Figures]:
    """Return which sequences are feasible, and the figures of all.

    Parameters
    ----------
    securities : array of m
        Security of each trade.
    sequences : array of (s, k)
        Trades, padded with -1.
    """
    rows = len(sequences)
    feasible, result = np.empty(rows, dtype=np.bool_), Figures.empty(rows)
    for first in range(0, rows, _CHUNK):
        part = slice(first, first + _CHUNK)
        chosen = sequences[part]
        state = states(effects, chosen)
        for whole, piece in zip(result, figures(effects, state), strict=True):
            whole[part] = piece
        feasible[part] = _can_be_done(effects, state) & ~_trades_twice(securities, chosen)
    return feasible, result


def states(effects: Effects, sequences: I32) -> F64:
    """Return the state after each sequence, an array of (s, columns): the start plus the effects, column by column."""
    state = np.broadcast_to(effects.start, (len(sequences), len(effects.start))).copy()
    for column in sequences.T:
        state += effects.trades.take(column, axis=0, mode="wrap")
    return state


def scored(
    rules: Rules, total: F64, merit: F64, dividend: F64, groups: F64
) -> tuple[F64, F64, F64]:
    """Return score, diversification and dividend part of arrays of any one shape; `groups` has an axis more, first."""
    share = 1.0 / total
    gap = np.zeros(total.shape)
    for held, target in zip(groups, rules.group_targets, strict=True):
        gap += np.abs(held * share - target)
    diversification = np.maximum(0.0, rules.ceiling - rules.slope * gap)
    income = np.minimum(1.0, rules.dividend_base + rules.dividend_slope * dividend * share)
    score = merit * share
    score += rules.diversification_weight * diversification
    score += rules.dividend_weight * income
    score += rules.constant
    return score, diversification, income


def figures(effects: Effects, state: F64) -> Figures:
    """Return the figures of states, an array of (s, columns)."""
    columns = np.ascontiguousarray(state.T)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        score, diversification, dividend = scored(
            effects.rules, columns[TOTAL], columns[MERIT], columns[DIVIDEND], columns[GROUPS:]
        )
        share = 1.0 / columns[TOTAL]
    components = np.empty((len(state), 6))
    components[:, 0] = columns[RETURN] * share
    components[:, 1] = diversification
    components[:, 2] = dividend
    components[:, 3] = columns[QUALITY] * share
    components[:, 4] = columns[PROMISE] * share
    components[:, 5] = columns[STABILITY] * share
    return Figures(
        score, components, columns[CASH], columns[TOTAL], columns[COST], columns[TAX],
        columns[TRADED],
    )  # fmt: skip


def _can_be_done(effects: Effects, state: F64) -> Flags:
    rules, cash, total = effects.rules, state[:, CASH], state[:, TOTAL]
    reserve = np.maximum(rules.reserve_share * total, rules.reserve_floor)
    is_kept = (state[:, BUYS] == 0.0) | (cash >= reserve - rules.tolerance)
    return np.asarray((state[:, MISFITS] == 0.0) & (total > 0.0) & is_kept)


def _trades_twice(securities: I64, sequences: I32) -> Flags:
    twice = np.zeros(len(sequences), dtype=np.bool_)
    # The padding is a security of its own, and may come up as often as it likes.
    traded = np.append(securities, -1).astype(np.int32).take(sequences, mode="wrap")
    for later in range(1, sequences.shape[1]):
        for earlier in range(later):
            twice |= (traded[:, later] == traded[:, earlier]) & (traded[:, later] >= 0)
    return twice
