"""The planner's formulas in straightforward Python, as a peer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ballast.planning.search import Problem


@dataclass
class Plain:
    """The formulas of the specification with dictionaries, one sequence at a time; nothing is rebuilt in between."""

    holdings: Mapping[int, float]
    by_group: Mapping[int, float]
    trades: Sequence[tuple[int, float, float, float]]
    scores: Mapping[int, tuple[float, ...]]
    groups: Sequence[int]
    targets: Sequence[float]
    problem: Problem

    @classmethod
    def of(cls, problem: Problem) -> Plain:
        """Prepare once what all sequences share."""
        holdings = {s: float(v) for s, v in enumerate(problem.holdings) if v > 0.0}
        by_group = dict.fromkeys(range(problem.groups), 0.0)
        for security, value in holdings.items():
            if problem.group[security] >= 0:
                by_group[int(problem.group[security])] += value
        columns = (
            problem.return_score, problem.promise_score, problem.stability_score,
            problem.dividend_yield, problem.quality,
        )  # fmt: skip
        scores = dict(enumerate(zip(*(column.tolist() for column in columns), strict=True)))
        trades = list(
            zip(
                problem.trade_security.tolist(), problem.trade_value.tolist(),
                problem.trade_cost.tolist(), problem.trade_tax.tolist(), strict=True,
            )
        )  # fmt: skip
        return cls(
            holdings, by_group, trades, scores, problem.group.tolist(), problem.group_targets.tolist(), problem,
        )  # fmt: skip

    def evaluate(self, sequence: Sequence[int]) -> tuple[bool, float, float, float]:
        """Return feasibility, score, cash and cost of one sequence."""
        problem, profile = self.problem, self.problem.profile
        holdings, by_group = dict(self.holdings), dict(self.by_group)
        cash, spent, buys, fits = problem.cash, 0.0, False, True
        for trade in sequence:
            security, value, cost, tax = self.trades[trade]
            held = holdings.get(security, 0.0)
            fits = fits and held + value >= -1e-9
            holdings[security] = held + value
            group = self.groups[security]
            if group >= 0:
                by_group[group] += value
            cash -= value + cost + tax
            spent += cost + tax
            buys = buys or value > 0.0
        total = sum(holdings.values()) + cash
        reserve = max(problem.reserve_share * total, problem.reserve_floor)
        feasible = fits and (not buys or cash >= reserve - 1e-7)
        returns = promise = stability = income = quality = 0.0
        for security, value in holdings.items():
            weight = value / total
            scores = self.scores[security]
            returns += weight * scores[0]
            promise += weight * scores[1]
            stability += weight * scores[2]
            income += weight * scores[3]
            quality += weight * scores[4]
        gap = 0.0
        for group, target in enumerate(self.targets):
            gap += abs(by_group[group] / total - target)
        diversification = max(0.0, 100.0 * (1.0 - gap / len(self.targets) / 0.3))
        dividend = min(100.0, 30.0 + 1000.0 * income)
        portfolio = 0.4 * diversification + 0.3 * dividend + 0.3 * 100.0 * quality
        score = (
            profile.expected_return * returns
            + profile.diversification * portfolio / 100.0
            + profile.promise * promise
            + profile.stability * stability
            + profile.opinion * 0.5
        )
        return feasible, score - problem.cost_penalty * spent / total, cash, spent

    def all(self, sequences: Sequence[Sequence[int]]) -> list[tuple[bool, float, float, float]]:
        """Evaluate sequences one by one."""
        return [self.evaluate(sequence) for sequence in sequences]
