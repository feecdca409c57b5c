"""The parts of the end-state score, for the sequences that somebody wants to look at."""

from __future__ import annotations

import numpy as np

from ballast.planning.search.effects import effects_of
from ballast.planning.search.kernel import DIVIDEND, GROUPS, MERIT, TOTAL
from ballast.planning.search.problem import F64, I32, Problem
from ballast.planning.search.vectorised import scored, states

COMPONENTS = ("return", "diversification", "dividend", "quality", "promise", "stability")


def components_of(problem: Problem, sequences: I32) -> F64:
    """Return an array of (s, 6): the parts named in `COMPONENTS`, each about 0 to 1, not yet weighted.

    Parameters
    ----------
    sequences : array of (s, k)
        Trades, padded with -1.
    """
    effects = effects_of(problem)
    columns = states(effects.start, effects.trades, sequences).T
    total = columns[TOTAL]
    linear = (
        problem.return_score, problem.quality, problem.promise_score, problem.stability_score,
    )  # fmt: skip
    parts = np.zeros((problem.trades + 1, len(linear)))
    parts[:-1] = np.stack(linear, axis=1)[problem.trade_security] * problem.trade_value[:, None]
    before = np.array([(problem.holdings * score).sum() for score in linear])
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        _, diversification, dividend = scored(
            effects.rules, total, columns[MERIT], columns[DIVIDEND], columns[GROUPS:]
        )
        expected, quality, promise, stability = states(before, parts, sequences).T / total
    return np.stack([expected, diversification, dividend, quality, promise, stability], axis=1)
