"""Plans judged on what may happen: the whole account, with the plan and without it, under joint scenarios.

Prices move in the currency of their quotation; exchange rates stay.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import polars as pl

from ballast.planning.best_plan import BestPlan
from ballast.planning.carried_out import carried_out
from ballast.planning.problem import priced
from ballast.planning.search.outlook import outlook
from ballast.planning.search.problem import F64, Problem
from ballast.planning.search.scenarios import (
    SHOCKS,
    Scenarios,
    bootstrapped,
    shocks,
    simulated,
    worst_days,
)
from ballast.tables import PlanScenarios, polars_schema

# A month ahead, with the heavy tails of daily returns.
SESSIONS_AHEAD = 21
_SESSIONS_PER_YEAR = 252
_DEGREES_OF_FREEDOM = 5.0
_FEWEST_DAYS = 60
_WORST_DAYS = 10
_PLANS = ("recommended", "nothing")


def scenarios_table(
    plans: Sequence[BestPlan], returns: pl.DataFrame, index_symbol: str
) -> pl.DataFrame:
    """Return how the value of each account would change within 21 sessions, as `PlanScenarios`.

    Parameters
    ----------
    returns : pl.DataFrame
        `DailyReturns` of securities and of the index, known at the end of the session.
    index_symbol : str
        Whose worst days are lived through once more.

    Returns
    -------
    pl.DataFrame
        Sources: `model` (1,000 paths of a multivariate Student-t from volatilities and correlations), `history` (1,000
        paths of joint blocks of days), `worst days` of the index, and one row per shock. A source without inputs has
        no row; a security without returns on the days of the past moves as the mean of the others.
    """
    rows = [row for plan in plans for row in _rows(plan, returns, index_symbol)]
    frame = pl.DataFrame(rows, schema=polars_schema(PlanScenarios))
    return PlanScenarios.validate(frame.sort("account_id", maintain_order=True))


def joint_returns(
    returns: pl.DataFrame, symbols: Sequence[str], index_symbol: str
) -> tuple[F64, F64]:
    """Return daily returns of securities on the days of an index, oldest first, and those of the index.

    Days are left out on which fewer than half of the securities have a return. What is unknown is the mean of what is
    known of that day, so that no day is calm only because nobody looked.
    """
    wanted = returns.filter(
        pl.col("daily_return").is_not_null() & pl.col("subject").is_in([*symbols, index_symbol])
    )
    wide = wanted.pivot("subject", index="session", values="daily_return").sort("session")
    if index_symbol not in wide.columns:
        return np.empty((0, len(symbols))), np.empty(0)
    missing = [pl.lit(None, pl.Float64).alias(s) for s in symbols if s not in wide.columns]
    own = wide.filter(pl.col(index_symbol).is_not_null()).with_columns(missing)
    values = own.select(symbols).to_numpy().astype(np.float64)
    is_known = np.isfinite(values)
    enough = is_known.mean(axis=1) >= 0.5 if len(symbols) else np.zeros(len(values), dtype=bool)
    values, is_known = values[enough], is_known[enough]
    mean = np.where(is_known, values, 0.0).sum(axis=1) / np.maximum(is_known.sum(axis=1), 1)
    filled = np.where(is_known, values, mean[:, None])
    return filled, own[index_symbol].to_numpy().astype(np.float64)[enough]


def _rows(best: BestPlan, returns: pl.DataFrame, index_symbol: str) -> Iterator[dict[str, object]]:
    if best.before is None:
        return
    problem, whole = carried_out(best)
    symbols = [candidate.symbol for candidate in priced(best.case)]
    sequences = np.concatenate([whole, np.full_like(whole, -1)])
    history, index = joint_returns(returns, symbols, index_symbol)
    for scenarios in _sources(problem, history, index):
        found = outlook(problem, sequences, scenarios)
        for place, plan in enumerate(_PLANS):
            yield {
                "account_id": best.case.account.account_id,
                "source": scenarios.name,
                "plan": plan,
                "scenarios": len(scenarios.returns),
                "mean": float(found.mean[place]),
                "worst_5_percent": float(found.percentile_5[place]),
                "worst_1_percent": float(found.percentile_1[place]),
                "expected_shortfall": float(found.expected_shortfall[place]),
                "probability_of_loss": float(found.loss_probability[place]),
                "robust_score": float(found.robust_score[place]),
            }


def _sources(problem: Problem, history: F64, index: F64) -> Iterator[Scenarios]:
    if problem.covariance is not None:
        daily = problem.covariance / _SESSIONS_PER_YEAR
        drawn = simulated(daily, sessions=SESSIONS_AHEAD, degrees_of_freedom=_DEGREES_OF_FREEDOM)
        yield Scenarios("model", drawn.returns)
    if len(history) >= _FEWEST_DAYS:
        drawn = bootstrapped(history, sessions=SESSIONS_AHEAD)
        yield Scenarios("history", _with_cash(drawn.returns))
        worst = worst_days(history, index, count=_WORST_DAYS)
        yield Scenarios(worst.name, _with_cash(worst.returns))
    for size in SHOCKS:
        fallen = shocks(problem.securities - 1, [size])
        yield Scenarios(f"all {size:+.0%}", _with_cash(fallen.returns))


def _with_cash(returns: F64) -> F64:
    """Add the last holding of the problem, which is cash that is not to be spent: it stays what it is."""
    return np.pad(returns, ((0, 0), (0, 1)))
