"""Opportunities of an account that has target weights: each closes the gap of one security.

A gap is the target minus the value, both in base currency; targets are shares of the account's value, cash included,
scaled down alike where they and the reserve exceed it. A gap below the minimum, or not worth twice its cost, is none.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal

from ballast.money import ZERO
from ballast.planning.account import Candidate
from ballast.planning.case import SecurityFacts
from ballast.planning.opportunities.opportunity import Bench, Opportunity


def weight_gaps(bench: Bench) -> list[Opportunity]:
    """Return the trades that close gaps, in the order of the symbols.

    Priority = 100 × |gap| as a share of the account, times the preference of what is bought, over that of what is
    sold. What has fallen below its cost is averaged down; what the windfall rule would sell is profit taken. The cost
    of a purchase is part of what it may take, so that all gaps together can be closed with what is there. A purchase
    that needs more than the cash at hand is offered twice: whole, where sales could pay for it, and in part.
    """
    total = bench.total()
    if total <= ZERO:
        return []
    sales: list[Opportunity] = []
    wanted = []
    for candidate, facts in bench.candidates():
        gap = _Gap.of(bench, candidate, total)
        if abs(gap.share) <= bench.case.planner.minimum_gap:
            continue
        if gap.value < ZERO:
            sales += _sale(bench, candidate, facts, gap)
        else:
            wanted.append((candidate, facts, gap))
    cash = bench.free_cash()
    proceeds = sum((s.value - s.fee - s.tax for s in sales if s.stopped_by is None), ZERO)
    purchases = [
        purchase
        for candidate, facts, gap in wanted
        for purchase in _purchases(bench, candidate, facts, gap, cash, cash + proceeds)
    ]
    return sorted([*sales, *purchases], key=lambda o: (o.symbol, o.is_part))


@dataclass(frozen=True)
class _Gap:
    """Target minus value in base currency, as a share of the account too, and both weights."""

    value: Decimal
    share: float
    held: Decimal
    target: Decimal
    words: str

    @classmethod
    def of(cls, bench: Bench, candidate: Candidate, total: Decimal) -> _Gap:
        target = bench.drafting.target(candidate, total)
        held = bench.drafting.value_base(candidate, candidate.quantity)
        weight, wanted = float(held / total), float(candidate.target)
        where = "below" if target > held else "above"
        words = f"at {weight:.1%} it is {where} the target of {wanted:.1%}"
        if candidate.target == ZERO:
            words = "it is not among the targets of this account"
        return cls(target - held, float((target - held) / total), held, target, words)


def _sale(
    bench: Bench, candidate: Candidate, facts: SecurityFacts, gap: _Gap
) -> Iterator[Opportunity]:
    is_exit, is_windfall = gap.target == ZERO, facts.windfall_share is not None
    tags = ("windfall", "profit_taking") if is_windfall else ("rebalance", "optimizer_target")
    found = bench.opportunity(
        candidate,
        -bench.whole_lots(candidate, gap.held if is_exit else -gap.value),
        "profit_taking" if is_windfall else "rebalance_sells",
        100 * -gap.share / facts.preference,
        tags,
        f"{gap.words}; {facts.windfall_reason}" if is_windfall else gap.words,
    )
    if found is not None:
        yield found


def _purchases(
    bench: Bench,
    candidate: Candidate,
    facts: SecurityFacts,
    gap: _Gap,
    cash: Decimal,
    most: Decimal,
) -> Iterator[Opportunity]:
    category, tags = _purchase(candidate, facts)
    priority = 100 * gap.share * facts.preference
    whole = bench.affordable_lots(candidate, gap.value)
    in_sight = bench.affordable_lots(candidate, most, at_worst=True)
    at_hand = bench.affordable_lots(candidate, cash, at_worst=True)
    sizes = {min(whole, in_sight): False}
    if whole > at_hand:
        sizes.setdefault(at_hand, True)
    for quantity, is_part in sizes.items():
        words = f"{gap.words}; the cash at hand pays for a part" if is_part else gap.words
        found = bench.opportunity(candidate, quantity, category, priority, tags, words)
        if found is not None:
            yield replace(found, is_part=is_part)


def _purchase(candidate: Candidate, facts: SecurityFacts) -> tuple[str, tuple[str, ...]]:
    price, cost = candidate.price or ZERO, facts.average_cost
    if candidate.quantity > ZERO and cost is not None and cost > price:
        return "averaging_down", ("averaging_down", "optimizer_target")
    return "rebalance_buys", ("rebalance", "optimizer_target")
