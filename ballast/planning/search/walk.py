"""The loop that looks at all sets of trades, in the part of Python that Numba compiles.

A set is extended by one trade behind its last, so that its sums are those of the set before plus one effect each. All
of it is in one file, because the compiler keeps its work as long as this file does not change.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from ballast.planning.search.kernel import Array, Rules

# Scores are compared in these units, as in `ranking`; further apart than the second they are in different ones.
RESOLUTION = 1e-12
_CLEARLY = 2e-12


class Effect(NamedTuple):
    """Of each trade, in the order of execution: the columns that the search needs, each an array of m."""

    cash: Array
    total: Array
    merit: Array
    dividend: Array
    groups: Array
    security: Array
    first_buy: int


class Levels(NamedTuple):
    """State of the set that is being extended, per number of trades in it; and room for a row of extensions.

    `lowest` holds one number: the lowest score among the best set and those without one of its trades.
    """

    cash: Array
    total: Array
    merit: Array
    dividend: Array
    groups: Array
    chosen: Array
    is_used: Array
    share: Array
    gap: Array
    score: Array
    lowest: Array


class Records(NamedTuple):
    """The best sets so far: rows 0 to m - 1 with each trade, m to 2m - 1 without it, then the best of all.

    Behind these: the set just found, and the best `keep` sets in their order.
    """

    score: Array
    size: Array
    total: Array
    sets: Array


def search(
    effect: Effect,
    rules: Rules,
    levels: Levels,
    records: Records,
    keep: int,
    first: int,
    end: int,
) -> int:
    """Look at all sets whose first trade lies from `first` to before `end`; returns how many are feasible.

    Level 0 holds the state before, and `records.sets` has as many places as a set may have trades.
    """
    trades, depth = len(effect.cash), records.sets.shape[1]
    feasible = 0
    for beginning in range(first, end):
        feasible += extend(0, beginning, beginning + 1, effect, rules, levels, records, keep)
        if depth == 1 or not descend(0, beginning, effect, rules, levels):
            continue
        size, trade = 1, beginning + 1
        feasible += extend(size, trade, trades, effect, rules, levels, records, keep)
        # Go down into every set that may still be extended, and come back when none is left.
        while size > 0:
            if size < depth - 1 and trade < trades:
                if descend(size, trade, effect, rules, levels):
                    size += 1
                    feasible += extend(
                        size, trade + 1, trades, effect, rules, levels, records, keep
                    )
            else:
                size -= 1
                trade = levels.chosen[size]
                levels.is_used[effect.security[trade]] = False
            trade += 1
    for trade in range(trades):
        if not holds(trade, 2 * trades, records):
            copy(2 * trades, trades + trade, records)
    return feasible


def descend(size: int, trade: int, effect: Effect, rules: Rules, levels: Levels) -> bool:
    """Add a trade to the set that is being extended; refuse where no set beyond it can be feasible.

    A further purchase takes its value and cost from cash and, as the reserve is at most all of the total, never lowers
    the reserve by more: once a purchase is infeasible, it remains so whatever is bought besides.
    """
    if levels.is_used[effect.security[trade]]:
        return False
    cash = levels.cash[size] + effect.cash[trade]
    total = levels.total[size] + effect.total[trade]
    if trade >= effect.first_buy:
        reserve = max(rules.reserve_share * total, rules.reserve_floor)
        if not (total > 0.0 and cash >= reserve - rules.tolerance):
            return False
    after = size + 1
    levels.cash[after] = cash
    levels.total[after] = total
    levels.merit[after] = levels.merit[size] + effect.merit[trade]
    levels.dividend[after] = levels.dividend[size] + effect.dividend[trade]
    for group in range(len(rules.group_targets)):
        levels.groups[after, group] = levels.groups[size, group] + effect.groups[group, trade]
    levels.chosen[size] = trade
    levels.is_used[effect.security[trade]] = True
    return True


def extend(
    size: int, low: int, high: int, effect: Effect, rules: Rules, levels: Levels, records: Records, keep: int
) -> int:  # fmt: skip
    """Look at the set with one more trade, for each of some trades; returns how many of these are feasible."""
    score_row(size, low, high, effect, rules, levels)
    trades = len(effect.cash)
    best, new = 2 * trades, 2 * trades + 1
    worst = new + keep
    feasible, leader = 0, -1
    leader_score = -math.inf
    for trade in range(low, high):
        total = levels.total[size] + effect.total[trade]
        if levels.is_used[effect.security[trade]] or not total > 0.0:
            continue
        if trade >= effect.first_buy:
            reserve = max(rules.reserve_share * total, rules.reserve_floor)
            if not levels.cash[size] + effect.cash[trade] >= reserve - rules.tolerance:
                continue
        feasible += 1
        score = levels.score[trade]
        if score > leader_score - _CLEARLY and (
            leader < 0
            or leads(score, total, leader_score, levels.total[size] + effect.total[leader])
        ):
            leader = trade
            leader_score = score
        if (
            score > records.score[trade] - _CLEARLY
            or score > records.score[worst] - _CLEARLY
            or score > levels.lowest[0] - _CLEARLY
        ):
            note(new, size, trade, score, total, levels, records)
            if is_better(new, trade, records):
                copy(new, trade, records)
            insert(new, keep, records)
            levels.lowest[0] = compare_without(best, new, trades, records)
    if leader >= 0:
        new_total = levels.total[size] + effect.total[leader]
        note(new, size, leader, leader_score, new_total, levels, records)
        for place in range(size):
            if is_better(new, levels.chosen[place], records):
                copy(new, levels.chosen[place], records)
    return feasible


def score_row(size: int, low: int, high: int, effect: Effect, rules: Rules, levels: Levels) -> None:
    """Score the set with one more trade, for each of some trades: plain loops over arrays, made for wide registers."""
    total, merit, dividend = levels.total[size], levels.merit[size], levels.dividend[size]
    share, gap, score = levels.share, levels.gap, levels.score
    for trade in range(low, high):
        share[trade] = 1.0 / (total + effect.total[trade])
        gap[trade] = 0.0
    for group in range(len(rules.group_targets)):
        held, target = levels.groups[size, group], rules.group_targets[group]
        for trade in range(low, high):
            gap[trade] += abs((held + effect.groups[group, trade]) * share[trade] - target)
    for trade in range(low, high):
        diversification = max(0.0, rules.ceiling - rules.slope * gap[trade])
        income = rules.dividend_slope * (dividend + effect.dividend[trade])
        value = (merit + effect.merit[trade]) * share[trade]
        value += rules.diversification_weight * diversification
        value += rules.dividend_weight * min(1.0, rules.dividend_base + income * share[trade])
        score[trade] = value + rules.constant


def leads(score: float, total: float, other_score: float, other_total: float) -> bool:
    """Say whether a set comes before one with the same trades but the last, which has the lower index."""
    step = math.floor(score / RESOLUTION + 0.5)
    other = math.floor(other_score / RESOLUTION + 0.5)
    return step > other or (step == other and total > other_total)


def is_better(one: int, other: int, records: Records) -> bool:
    """Say whether a record comes before another, in the order of `ranking`."""
    if records.score[other] == -math.inf:
        return True
    step = math.floor(records.score[one] / RESOLUTION + 0.5)
    other_step = math.floor(records.score[other] / RESOLUTION + 0.5)
    if step != other_step:
        return bool(step > other_step)
    if records.size[one] != records.size[other]:
        return bool(records.size[one] < records.size[other])
    if records.total[one] != records.total[other]:
        return bool(records.total[one] > records.total[other])
    for place in range(records.sets.shape[1]):
        if records.sets[one, place] != records.sets[other, place]:
            return bool(records.sets[one, place] < records.sets[other, place])
    return False


def note(
    record: int, size: int, trade: int, score: float, total: float, levels: Levels, records: Records
) -> None:
    """Write down the set that is being extended, with one more trade."""
    records.score[record] = score
    records.size[record] = size + 1
    records.total[record] = total
    for place in range(records.sets.shape[1]):
        records.sets[record, place] = -1
    for place in range(size):
        records.sets[record, place] = levels.chosen[place]
    records.sets[record, size] = trade


def copy(source: int, target: int, records: Records) -> None:
    """Write one record over another."""
    records.score[target] = records.score[source]
    records.size[target] = records.size[source]
    records.total[target] = records.total[source]
    for place in range(records.sets.shape[1]):
        records.sets[target, place] = records.sets[source, place]


def holds(trade: int, record: int, records: Records) -> bool:
    """Say whether a record's set contains a trade."""
    for place in range(records.sets.shape[1]):  # noqa: SIM110
        if records.sets[record, place] == trade:
            return True
    return False


def insert(new: int, keep: int, records: Records) -> None:
    """Put a record among the best ones if it belongs there."""
    place = new + keep
    if not is_better(new, place, records):
        return
    while place > new + 1 and is_better(new, place - 1, records):
        copy(place - 1, place, records)
        place -= 1
    copy(new, place, records)


def compare_without(best: int, new: int, trades: int, records: Records) -> float:
    """Keep the best set, and for each of its trades the best set without it; returns the lowest of their scores.

    For all other trades the best set is the best without them, which is written down at the end.
    """
    depth = records.sets.shape[1]
    if is_better(new, best, records):
        for place in range(depth):
            trade = records.sets[new, place]
            if trade >= 0 and not holds(trade, best, records):
                copy(best, trades + trade, records)
        copy(new, best, records)
    else:
        for place in range(depth):
            trade = records.sets[best, place]
            if (
                trade >= 0
                and not holds(trade, new, records)
                and is_better(new, trades + trade, records)
            ):
                copy(new, trades + trade, records)
    lowest = records.score[best]
    for place in range(depth):
        trade = records.sets[best, place]
        if trade >= 0:
            lowest = min(lowest, records.score[trades + trade])
    return float(lowest)
