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
    TAX,
    TOTAL,
    Rules,
)
from ballast.planning.search.problem import F64, I32, I64, Flags

# Rows whose state fits the processor's cache.
_CHUNK = 2048


class Figures(NamedTuple):
    """What is known of each end state; see `Evaluation`."""

    score: F64
    cash: F64
    total: F64
    cost: F64
    tax: F64

    @classmethod
    def empty(cls, rows: int) -> Figures:
        """Return room for the figures of some rows."""
        return cls(*(np.empty(rows) for _ in cls._fields))


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
        state = states(effects.start, effects.trades, chosen)
        for whole, piece in zip(result, figures(effects, state), strict=True):
            whole[part] = piece
        feasible[part] = _can_be_done(effects, state) & ~_trades_twice(securities, chosen)
    return feasible, result


def states(start: F64, trades: F64, sequences: I32) -> F64:
    """Return the state after each sequence, an array of (s, columns): the start plus the effects, place by place.

    Parameters
    ----------
    start : array of columns
    trades : array of (m + 1, columns)
        Effect of each trade; the last one, of the padding, is 0.
    """
    state = np.broadcast_to(start, (len(sequences), len(start))).copy()
    for place in sequences.T:
        state += trades.take(place, axis=0, mode="wrap")
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
        score, _, _ = scored(
            effects.rules, columns[TOTAL], columns[MERIT], columns[DIVIDEND], columns[GROUPS:]
        )
    return Figures(score, columns[CASH], columns[TOTAL], columns[COST], columns[TAX])


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
