"""The best set of trades, found by looking at all of them.

Invariants: a set is feasible only if its sales fit what is held, it trades no security twice, and after a purchase the
reserve remains; before and after are measured by the same score, with cash inside the total and costs and taxes taken
from cash; every engine adds the same numbers in the same order, so that results agree bit for bit, whatever the order
of the candidates and the number of threads.
"""

from ballast.planning.search.components import COMPONENTS
from ballast.planning.search.deeper import search_deeper
from ballast.planning.search.evaluation import Evaluation, evaluate
from ballast.planning.search.exhaustive import search
from ballast.planning.search.found import Found, PerTrade
from ballast.planning.search.objectives import Objective, by_objective, pareto
from ballast.planning.search.problem import (
    AGGRESSIVE,
    BALANCED,
    CONSERVATIVE,
    Problem,
    ProblemError,
    Profile,
)

__all__ = [
    "AGGRESSIVE", "BALANCED", "COMPONENTS", "CONSERVATIVE", "Evaluation", "Found", "Objective", "PerTrade", "Problem",
    "ProblemError", "Profile", "by_objective", "evaluate", "pareto", "search",
    "search_deeper",
]  # fmt: skip
