"""The depth-first search that leaves out what a bound excludes, in the part of Python that Numba compiles.

All of it is in one file, because the compiler keeps its work as long as this file does not change. As it is it serves
where few sets remain, which is the rule.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from ballast.planning.search.kernel import Array, Rules

# Scores are compared in these units, as in `ranking`; further apart than the second they are in different ones. A bound
# excludes only what is worse by more than the third, which covers the rounding of the bound itself.
RESOLUTION = 1e-12
_CLEARLY = 2e-12
_MARGIN = 5e-12


class Moves(NamedTuple):
    """Trades in the order of execution, each an array of m; `visit` is the order in which they are tried."""

    cash: Array
    total: Array
    merit: Array
    dividend: Array
    groups: Array
    security: Array
    is_buy: Array
    visit: Array


class Bounds(NamedTuple):
    """Linear bounds of several families, and several bounds in each; see `bounds.bounds_of`.

    Parameters
    ----------
    start : array of (families, bounds)
        Value of the state before.
    gain : array of (families, bounds, m)
        What a trade adds, in the order of visit.
    suffix : array of (families, bounds, m + 1, depth + 1)
        The most that so many further trades can add, none before a place of the visit.
    sales_only : array of families
        Families that bound sets without a purchase.
    reference : float
        The score from which the bounds count.
    least_total, most_total : float
        Between these lies the total after any set.
    """

    start: Array
    gain: Array
    suffix: Array
    sales_only: Array
    reference: float
    least_total: float
    most_total: float


class Path(NamedTuple):
    """State of the set at hand per number of its trades: on level 0 the state before, on the last one adds up anew."""

    cash: Array
    total: Array
    merit: Array
    dividend: Array
    groups: Array
    bound: Array
    buys: Array
    next: Array
    chosen: Array
    is_used: Array


class Leaders(NamedTuple):
    """The best sets so far, best first, and behind them the set just found."""

    score: Array
    size: Array
    total: Array
    sets: Array


class Outcome(NamedTuple):
    """Nodes visited, feasible sets among them, and the highest bound of what a limit of nodes left open."""

    nodes: int
    feasible: int
    open_bound: float


def branch(
    moves: Moves, bounds: Bounds, rules: Rules, path: Path, leaders: Leaders, limit: int
) -> Outcome:
    """Visit every set that may be among the leaders; all leaders are filled at the beginning."""
    trades, depth = len(moves.visit), leaders.sets.shape[1]
    level, nodes, feasible, open_bound = 0, 0, 0, -math.inf
    while level >= 0:
        place = path.next[level]
        goes_on = place < trades and level < depth
        if goes_on:
            bound = bound_of(level, place, depth - level, bounds, path)
            goes_on = not is_excluded(bound, bounds, leaders)
            if goes_on and nodes >= limit:
                open_bound = max(open_bound, bound)
                goes_on = False
        if not goes_on:
            level -= 1
            if level >= 0:
                path.is_used[moves.security[path.chosen[level]]] = False
            continue
        path.next[level] = place + 1
        trade = moves.visit[place]
        if path.is_used[moves.security[trade]]:
            continue
        nodes += 1
        add(level, place, trade, moves, bounds, path)
        level += 1
        if may_lead(level, rules, path, leaders) and settle(level, moves, rules, path, leaders):
            feasible += 1
            insert(leaders)
    return Outcome(nodes, feasible, open_bound)


def bound_of(level: int, place: int, left: int, bounds: Bounds, path: Path) -> float:
    """Return the most that a set can reach which adds to the one at hand, beginning with a place of the visit."""
    highest = -math.inf
    for family in range(len(bounds.sales_only)):
        if bounds.sales_only[family] and path.buys[level] > 0:
            continue
        lowest = math.inf
        for number in range(bounds.start.shape[1]):
            value = path.bound[level, family, number] + bounds.suffix[family, number, place, left]
            lowest = min(lowest, value)
        highest = max(highest, lowest)
    return highest


def is_excluded(bound: float, bounds: Bounds, leaders: Leaders) -> bool:
    """Say whether no set within a bound can be among the leaders.

    A set's score is at most reference + bound ÷ total, whatever its total.
    """
    short = leaders.score[len(leaders.score) - 2] - _MARGIN - bounds.reference
    return bool(bound < short * (bounds.least_total if short > 0.0 else bounds.most_total))


def add(level: int, place: int, trade: int, moves: Moves, bounds: Bounds, path: Path) -> None:
    """Add a trade to the set at hand."""
    after = level + 1
    path.cash[after] = path.cash[level] + moves.cash[trade]
    path.total[after] = path.total[level] + moves.total[trade]
    path.merit[after] = path.merit[level] + moves.merit[trade]
    path.dividend[after] = path.dividend[level] + moves.dividend[trade]
    for group in range(moves.groups.shape[0]):
        path.groups[after, group] = path.groups[level, group] + moves.groups[group, trade]
    for family in range(bounds.start.shape[0]):
        for number in range(bounds.start.shape[1]):
            gain = bounds.gain[family, number, place]
            path.bound[after, family, number] = path.bound[level, family, number] + gain
    path.buys[after] = path.buys[level] + (1 if moves.is_buy[trade] else 0)
    path.next[after] = place + 1
    path.chosen[level] = trade
    path.is_used[moves.security[trade]] = True


def score_of(level: int, rules: Rules, path: Path) -> float:
    """Return the score of a level, by the same steps as everywhere."""
    share = 1.0 / path.total[level]
    gap = 0.0
    for group in range(len(rules.group_targets)):
        gap += abs(path.groups[level, group] * share - rules.group_targets[group])
    diversification = max(0.0, rules.ceiling - rules.slope * gap)
    dividend = min(1.0, rules.dividend_base + rules.dividend_slope * path.dividend[level] * share)
    value = path.merit[level] * share
    value += rules.diversification_weight * diversification
    value += rules.dividend_weight * dividend
    return float(value + rules.constant)


def can_be_done(level: int, buys: int, tolerance: float, rules: Rules, path: Path) -> bool:
    """Say whether something is left, and after a purchase the reserve."""
    total = path.total[level]
    reserve = max(rules.reserve_share * total, rules.reserve_floor)
    return bool(total > 0.0 and (buys == 0 or path.cash[level] >= reserve - tolerance))


def may_lead(level: int, rules: Rules, path: Path, leaders: Leaders) -> bool:
    """Say whether the set at hand is worth adding up in the order of execution, which alone gives the exact bits."""
    if not can_be_done(level, path.buys[level], 2.0 * rules.tolerance, rules, path):
        return False
    least = leaders.score[len(leaders.score) - 2] - _CLEARLY
    return bool(score_of(level, rules, path) > least)


def settle(size: int, moves: Moves, rules: Rules, path: Path, leaders: Leaders) -> bool:
    """Write down the set at hand as the other searches would; say whether it is feasible."""
    new, exact = len(leaders.score) - 1, len(path.cash) - 1
    for place in range(leaders.sets.shape[1]):
        leaders.sets[new, place] = -1
    for place in range(size):
        trade, at = path.chosen[place], place
        while at > 0 and leaders.sets[new, at - 1] > trade:
            leaders.sets[new, at] = leaders.sets[new, at - 1]
            at -= 1
        leaders.sets[new, at] = trade
    path.cash[exact], path.total[exact] = path.cash[0], path.total[0]
    path.merit[exact], path.dividend[exact] = path.merit[0], path.dividend[0]
    for group in range(moves.groups.shape[0]):
        path.groups[exact, group] = path.groups[0, group]
    for place in range(size):
        trade = leaders.sets[new, place]
        path.cash[exact] += moves.cash[trade]
        path.total[exact] += moves.total[trade]
        path.merit[exact] += moves.merit[trade]
        path.dividend[exact] += moves.dividend[trade]
        for group in range(moves.groups.shape[0]):
            path.groups[exact, group] += moves.groups[group, trade]
    leaders.score[new] = score_of(exact, rules, path)
    leaders.size[new] = size
    leaders.total[new] = path.total[exact]
    return can_be_done(exact, path.buys[size], rules.tolerance, rules, path)


def insert(leaders: Leaders) -> None:
    """Put the set just found in its place among the leaders, unless it is one of them."""
    new = len(leaders.score) - 1
    place = new
    while place > 0 and is_better(new, place - 1, leaders):
        place -= 1
    if place == new or (place > 0 and is_same(new, place - 1, leaders)):
        return
    for row in range(new - 1, place, -1):
        copy(row - 1, row, leaders)
    copy(new, place, leaders)


def is_better(one: int, other: int, leaders: Leaders) -> bool:
    """Say whether a set comes before another, in the order of `ranking`."""
    step = math.floor(leaders.score[one] / RESOLUTION + 0.5)
    other_step = math.floor(leaders.score[other] / RESOLUTION + 0.5)
    if step != other_step:
        return bool(step > other_step)
    if leaders.size[one] != leaders.size[other]:
        return bool(leaders.size[one] < leaders.size[other])
    if leaders.total[one] != leaders.total[other]:
        return bool(leaders.total[one] > leaders.total[other])
    for place in range(leaders.sets.shape[1]):
        if leaders.sets[one, place] != leaders.sets[other, place]:
            return bool(leaders.sets[one, place] < leaders.sets[other, place])
    return False


def is_same(one: int, other: int, leaders: Leaders) -> bool:
    """Say whether two rows hold the same set."""
    for place in range(leaders.sets.shape[1]):  # noqa: SIM110
        if leaders.sets[one, place] != leaders.sets[other, place]:
            return False
    return True


def copy(source: int, target: int, leaders: Leaders) -> None:
    """Write one row over another."""
    leaders.score[target] = leaders.score[source]
    leaders.size[target] = leaders.size[source]
    leaders.total[target] = leaders.total[source]
    for place in range(leaders.sets.shape[1]):
        leaders.sets[target, place] = leaders.sets[source, place]
