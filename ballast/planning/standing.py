"""How good a state of an account is, by the one score that is used before, between and after the steps of a plan."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal

import numpy as np

from ballast.money import ZERO
from ballast.planning.case import PlanningCase
from ballast.planning.problem import held, priced, problem_of
from ballast.planning.search import COMPONENTS, Evaluation, evaluate
from ballast.planning.search.problem import Problem

_NOTHING = np.full((1, 1), -1, dtype=np.int32)


@dataclass(frozen=True)
class Standing:
    """The end-state score of a state, 0 to 1 less the penalty for costs, and its parts, each about 0 to 1."""

    score: float
    components: Mapping[str, float]
    tracking: float | None


@dataclass(frozen=True)
class Judge:
    """Judges states of one case."""

    case: PlanningCase
    problem: Problem

    @classmethod
    def of(cls, case: PlanningCase) -> Judge:
        """Return the judge of a case; raises ProblemError if the account is worth nothing."""
        return cls(case, problem_of(case, []))

    def now(self) -> Standing:
        """Judge the account as it is."""
        return _standing(evaluate(self.problem, _NOTHING, engine="arrays"), ZERO, self.problem)

    def after(self, orders: Mapping[str, Decimal], cash: Decimal, spent: Decimal) -> Standing:
        """Judge the account once orders are carried out.

        Parameters
        ----------
        orders : mapping of str to Decimal
            Signed quantities by symbol.
        cash : Decimal
            What is left of it in base currency, taxes set aside already deducted.
        spent : Decimal
            Fees and taxes in base currency, for the penalty.
        """
        drafting = self.case.drafting
        values = [
            drafting.value_base(c, c.quantity + orders.get(c.symbol, ZERO))
            for c in priced(self.case)
        ]
        owed = sum((value for value in values if value < ZERO), ZERO)
        state = replace(
            self.problem,
            holdings=held(self.case, values),
            cash=float(cash + owed - self.case.account.owed),
        )
        return _standing(evaluate(state, _NOTHING, engine="arrays"), spent, state)


def _standing(found: Evaluation, spent: Decimal, problem: Problem) -> Standing:
    penalty = problem.cost_penalty * float(spent) / problem.total
    parts = {name: float(part) for name, part in zip(COMPONENTS, found.components[0], strict=True)}
    tracking = float(found.tracking[0])
    return Standing(
        float(found.score[0]) - penalty, parts, tracking if np.isfinite(tracking) else None
    )
