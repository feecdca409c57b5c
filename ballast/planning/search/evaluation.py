"""What each of many sequences leads to."""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

import numpy as np

from ballast.planning.search import vectorised
from ballast.planning.search.components import COMPONENTS, components_of
from ballast.planning.search.effects import (
    DIVERSIFICATION_SHARE,
    DIVIDEND_SHARE,
    QUALITY_SHARE,
    effects_of,
)
from ballast.planning.search.problem import F64, I32, I64, Flags, Problem, ProblemError
from ballast.planning.search.tracking import tracking_error

__all__ = ["COMPONENTS", "Engine", "Evaluation", "chosen_engine", "evaluate"]

Engine = Literal["arrays", "compiled"]

# From here on loading the compiled loop takes less time than it saves.
_WORTH_LOADING = 1_000_000
_COMPILED = "ballast.planning.search.compiled"


@dataclass(frozen=True, eq=False)
class Evaluation:
    """Results per sequence, in the order of the sequences; what a person looks at is worked out when asked for.

    Parameters
    ----------
    feasible : array of s
        All sales fit what is held, no security is traded twice, something is left, and after a purchase the reserve is.
    score : array of s
        End-state score less the penalty for costs; neither rounded nor cut off, so that it ranks.
    cash, total, cost, tax : array of s
        Cash and everything after the sequence; fees and taxes paid; base currency.
    problem : Problem
    sequences : array of (s, k)
        What was evaluated.
    """

    feasible: Flags
    score: F64
    cash: F64
    total: F64
    cost: F64
    tax: F64
    problem: Problem
    sequences: I32

    def __len__(self) -> int:
        return len(self.score)

    def __getitem__(self, rows: I64 | Flags | slice) -> Evaluation:
        """Return some of the rows."""
        chosen = {name: getattr(self, name)[rows] for name in _PER_ROW}
        return replace(self, **chosen)

    @cached_property
    def nothing(self) -> float:
        """The score when nothing is done."""
        effects = effects_of(self.problem)
        return float(vectorised.figures(effects, effects.start[None, :]).score[0])

    @cached_property
    def improvement(self) -> F64:
        """Score less the score when nothing is done."""
        return self.score - self.nothing

    @cached_property
    def components(self) -> F64:
        """The parts named in `COMPONENTS`, an array of (s, 6), each about 0 to 1, not yet weighted."""
        return components_of(self.problem, self.sequences)

    @cached_property
    def portfolio_score(self) -> F64:
        """Score of the end state as a portfolio (0 to 100), not rounded."""
        shares = np.array([DIVERSIFICATION_SHARE, DIVIDEND_SHARE, QUALITY_SHARE])
        return np.asarray(100.0 * (self.components[:, 1:4] * shares).sum(axis=1))

    @cached_property
    def turnover(self) -> F64:
        """Half of what is bought and sold, as a share of the total before."""
        amounts = np.append(np.abs(self.problem.trade_value), 0.0)
        traded = amounts.take(self.sequences, mode="wrap").sum(axis=1)
        return np.asarray(0.5 * traded / self.problem.total)

    @cached_property
    def tracking(self) -> F64:
        """Distance from the wanted weights; nan where no weights are wanted.

        A volatility where a covariance is known, else the active share; without meaning where a security is traded
        twice.
        """
        return tracking_error(self.problem, self.sequences, self.total)


_PER_ROW = ("feasible", "score", "cash", "total", "cost", "tax", "sequences")


def evaluate(
    problem: Problem, sequences: I32, *, engine: Engine | None = None, threads: int = 1
) -> Evaluation:
    """Evaluate sequences of trades: sales first, then purchases; cash is part of the total, costs are taken from it.

    Parameters
    ----------
    sequences : array of (s, k)
        Indices of trades, padded with -1 (anywhere). The order within a row changes nothing but the last bits.
    engine : {"arrays", "compiled"}, optional
        Both give the same bits. By default the compiled loop if it is loaded or worth loading.
    threads : int
        How many threads share the rows in the compiled loop; worth it from some ten thousand rows on.

    Returns
    -------
    Evaluation
        Score = a·Σw·TR + b·P + c·Σw·LP + d·Σw·ST + e·0.5 - f·(costs + taxes) ÷ total, with weights over the total
        after costs and taxes, cash included (docs/search.md). Cash itself scores nothing.

    Raises
    ------
    ProblemError
        If a sequence names a trade that there is not.
    """
    sequences = np.ascontiguousarray(sequences, dtype=np.int32)
    if sequences.size and (sequences.min() < -1 or sequences.max() >= problem.trades):
        raise ProblemError(
            "A sequence names a trade that there is not.",
            where=f"{problem.trades} trades",
            remedy="Number the trades from 0, and pad with -1.",
        )
    effects = effects_of(problem)
    if chosen_engine(engine, len(sequences)) == "compiled":
        from ballast.planning.search import compiled as loop

        feasible, figures = loop.evaluate(effects, problem.trade_security, sequences, threads)
    else:
        feasible, figures = vectorised.evaluate(effects, problem.trade_security, sequences)
    return Evaluation(feasible, *figures, problem=problem, sequences=sequences)


def chosen_engine(engine: Engine | None, sequences: int) -> Engine:
    """Return the engine asked for, else the compiled loop if it is loaded or worth loading."""
    if engine is not None:
        return engine
    return "compiled" if _COMPILED in sys.modules or sequences >= _WORTH_LOADING else "arrays"
