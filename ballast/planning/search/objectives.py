"""What a sequence may be judged by besides the end-state score, and which sequences none other beats in everything."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

import numpy as np

from ballast.planning.search.evaluation import Evaluation
from ballast.planning.search.problem import F64, I64
from ballast.planning.search.ranking import steps


class Objective(StrEnum):
    """A figure that a plan should make large (the score) or small (all others)."""

    END_STATE = "end_state"
    COST = "cost"
    TAX = "tax"
    TURNOVER = "turnover"
    TRACKING_ERROR = "tracking_error"


ALL_OBJECTIVES = tuple(Objective)


def losses(evaluation: Evaluation, objectives: Sequence[Objective]) -> F64:
    """Return an array of (s, objectives) in which less is better; nan where a figure is not known."""
    figures = {
        Objective.END_STATE: -steps(evaluation.score),
        Objective.COST: evaluation.cost,
        Objective.TAX: evaluation.tax,
        Objective.TURNOVER: evaluation.turnover,
        Objective.TRACKING_ERROR: evaluation.tracking,
    }
    return np.stack([figures[objective] for objective in objectives], axis=1)


def by_objective(evaluation: Evaluation, objective: Objective) -> I64:
    """Return the feasible rows, best first by one objective, then by the score, then by their order."""
    rows = np.flatnonzero(evaluation.feasible)
    found = losses(evaluation[rows], (objective, Objective.END_STATE))
    return rows[np.lexsort((rows, found[:, 1], found[:, 0]))].astype(np.int64)


def pareto(evaluation: Evaluation, objectives: Sequence[Objective] = ALL_OBJECTIVES) -> I64:
    """Return the feasible rows that no other row beats: none is as good in every objective and better in one.

    Parameters
    ----------
    objectives : sequence of Objective
        One that is not known for every row (tracking without wanted weights) is left out.

    Returns
    -------
    array of int
        Rows, best end-state score first; of rows that are equal in every objective only the first.
    """
    rows = np.flatnonzero(evaluation.feasible)
    found = losses(evaluation[rows], objectives)
    found = found[:, ~np.isnan(found).any(axis=0)]
    # In lexicographic order a row can only be beaten by one before it, so the first that is left is never beaten.
    order = np.lexsort((rows, *found.T[::-1]))
    left, places = found[order], rows[order]
    kept: list[int] = []
    while len(left):
        kept.append(int(places[0]))
        is_beaten = (left >= left[0]).all(axis=1)
        left, places = left[~is_beaten], places[~is_beaten]
    chosen = np.array(kept, dtype=np.int64)
    return chosen[np.lexsort((chosen, -steps(evaluation.score[chosen])))].astype(np.int64)
