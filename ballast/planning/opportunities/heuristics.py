"""Opportunities of an account without target weights: by windfalls, deep dips, country groups and quality."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from ballast.money import ZERO, exact, floor_to_multiple, multiply
from ballast.planning.account import Candidate
from ballast.planning.case import SecurityFacts
from ballast.planning.opportunities.opportunity import Bench, Opportunity


def heuristic_opportunities(bench: Bench) -> list[Opportunity]:
    """Return every trade that a rule asks for, at most one a security and side, in the order of the symbols.

    =================  ==============================================  ==================================
    category           when                                            priority (× preference for a
                                                                       purchase, ÷ for a sale)
    =================  ==============================================  ==================================
    profit_taking      the windfall rule takes profit                  windfall score + 0.5
    averaging_down     quality, and a loss beyond `averaging_loss`     quality + loss
    rebalance_sells    country group above its target by the band      2 × overweight
    rebalance_buys     country group below its target by the band      2 × underweight + quality ÷ 2
    opportunity_buys   quality at or above `opportunity_quality`       quality
    =================  ==============================================  ==================================

    A purchase has the size of `trade_share`, at least that of the smallest sensible trade and one lot, and ends at the
    largest position that is allowed. What is not known makes no opportunity.
    """
    total = bench.total()
    if total <= ZERO:
        return []
    rules = _Rules(bench, total)
    return [
        opportunity
        for candidate, facts in bench.candidates()
        for opportunity in (*rules.sale(candidate, facts), *rules.purchase(candidate, facts))
    ]


class _Rules:
    def __init__(self, bench: Bench, total: Decimal) -> None:
        self.bench, self.total = bench, total
        self.planner = bench.case.planner
        weights: dict[str, Decimal] = dict.fromkeys(bench.case.group_targets, ZERO)
        for candidate in bench.case.account.candidates:
            group = bench.case.facts[candidate.symbol].group
            if group in weights and candidate.quantity != ZERO:
                weights[group] += bench.drafting.value_base(candidate, candidate.quantity)
        # Positive where a group has too much.
        self.excess = {
            group: float(value / total) - bench.case.group_targets[group]
            for group, value in weights.items()
        }

    def sale(self, candidate: Candidate, facts: SecurityFacts) -> Iterator[Opportunity]:
        held = candidate.quantity
        if held <= ZERO:
            return
        excess = self.excess.get(facts.group or "", 0.0)
        found = None
        if facts.windfall_share is not None and facts.windfall_score is not None:
            found = self.bench.opportunity(
                candidate,
                -floor_to_multiple(multiply(held, exact(facts.windfall_share)), candidate.lot_size),
                "profit_taking",
                (facts.windfall_score + 0.5) / facts.preference,
                ("windfall", "profit_taking"),
                facts.windfall_reason or "it gained far more than usual",
            )
        if found is None and excess > self.planner.group_band:
            value = self.bench.drafting.value_base(candidate, held)
            most = min(
                multiply(value, exact(self.planner.largest_rebalance_sale)),
                multiply(self.total, exact(excess)),
            )
            found = self.bench.opportunity(
                candidate,
                -self.bench.whole_lots(candidate, most),
                "rebalance_sells",
                2 * excess / facts.preference,
                ("rebalance", f"overweight_{(facts.group or '').lower()}"),
                f"{facts.group} is {excess:.1%} above its target",
            )
        if found is not None:
            yield found

    def purchase(self, candidate: Candidate, facts: SecurityFacts) -> Iterator[Opportunity]:
        quality = facts.quality
        if quality is None or quality < self.planner.minimum_quality:
            return
        wanted = self._wanted(candidate, facts, quality)
        if wanted is None:
            return
        category, priority, tags, reason = wanted
        found = self.bench.opportunity(
            candidate, self._size(candidate), category, priority * facts.preference, tags, reason
        )
        if found is not None:
            yield found

    def _wanted(
        self, candidate: Candidate, facts: SecurityFacts, quality: float
    ) -> tuple[str, float, tuple[str, ...], str] | None:
        loss = _loss(candidate, facts)
        if loss >= self.planner.averaging_loss and quality >= self.planner.averaging_quality:
            tags: tuple[str, ...] = ("averaging_down", "buy_low")
            reason = f"it is {loss:.0%} below its cost, its quality is {quality:.2f}"
            return "averaging_down", quality + loss, tags, reason
        missing = -self.excess.get(facts.group or "", 0.0)
        if missing > self.planner.group_band:
            tags = ("rebalance", f"underweight_{(facts.group or '').lower()}")
            reason = f"{facts.group} is {missing:.1%} below its target"
            return "rebalance_buys", 2 * missing + 0.5 * quality, tags, reason
        if quality >= self.planner.opportunity_quality:
            tags = ("quality", "opportunity")
            return "opportunity_buys", quality, tags, f"its quality is {quality:.2f}"
        return None

    def _size(self, candidate: Candidate) -> Decimal:
        least = self.bench.drafting.least_trade(candidate)
        value = max(least, multiply(self.total, exact(self.planner.trade_share)))
        lots = max(self.bench.whole_lots(candidate, value), candidate.lot_size)
        if self.bench.drafting.value_base(candidate, lots) < least:
            lots += candidate.lot_size
        held = self.bench.drafting.value_base(candidate, candidate.quantity)
        bought = self.bench.drafting.value_base(candidate, lots)
        # Fees make the account smaller; a hundredth is more than any purchase costs here.
        most = multiply(self.total, exact(self.planner.largest_position * 0.99))
        return lots if held + bought <= most else ZERO


def _loss(candidate: Candidate, facts: SecurityFacts) -> float:
    if candidate.quantity <= ZERO or not facts.average_cost or candidate.price is None:
        return 0.0
    return float(1 - candidate.price / facts.average_cost)
