"""The proposal for one account: from the facts of its securities to weights, with everything that was tried.

What cannot be judged (no fresh price, no expected return, too short a history) is left out with its reason; if it is
held, it keeps its weight and the rest shares what remains.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import dropwhile

import numpy as np
import polars as pl

from ballast.planning.targets.attempts import Attempt
from ballast.planning.targets.blend import Answers, blended, fitted, in_steps, without_crumbs
from ballast.planning.targets.bounds import investable_share, weight_bounds
from ballast.planning.targets.covariance import (
    correlation_of,
    high_correlations,
    shared_returns,
    shrunk_covariance,
    volatility_of,
)
from ballast.planning.targets.group_constraints import GroupLimit, group_constraints, limits_of
from ballast.planning.targets.hierarchical import hierarchical_risk_parity
from ballast.planning.targets.limits import Limits, Matrix, Vector
from ballast.planning.targets.mean_variance import (
    LEVELS,
    MeanVariance,
    Securities,
    frontier_points,
    mean_variance,
)
from ballast.settings.groups import GroupSettings
from ballast.settings.optimiser import OptimiserSettings

_NOTHING = 1e-9


@dataclass(frozen=True)
class TargetCase:
    """Everything that decides the proposal for an account.

    Parameters
    ----------
    facts : pl.DataFrame
        One row per security, in any order: symbol, country, industry, is_blocked, current_weight, lot_weight,
        allow_buy, allow_sell, minimum_weight, maximum_weight, expected_return, return_reason.
    levels : pl.DataFrame
        symbol, session, level: what an investment in the base currency is worth, up to the session.
    account_value : float, optional
        In base currency, cash included; None when a part of it is unknown.
    reserve_share, reserve_floor : float
        Cash to keep as a share, and at least, in base currency.
    previous : mapping of str to float
        Weights that were published for the session before; empty when there are none.
    """

    account_id: str
    facts: pl.DataFrame
    levels: pl.DataFrame
    account_value: float | None
    reserve_share: float
    reserve_floor: float
    previous: Mapping[str, float]


@dataclass(frozen=True)
class Risk:
    """What was estimated of the securities that take part, in the order of their symbols."""

    symbols: tuple[str, ...]
    expected_returns: Vector
    covariance: Matrix
    observations: int
    shrinkage: float


@dataclass(frozen=True)
class Proposal:
    """The weights proposed for an account, and how they came about.

    Parameters
    ----------
    facts : pl.DataFrame
        Those of the case, sorted by symbol, with lower, upper and effect.
    weights : mapping of str to float
        Proposed share of the account per security, of what is kept as well; empty when there is no proposal.
    answers : Answers
        Of each method, in the order of `risk.symbols`.
    left_out : mapping of str to str
        Why a security has no proposed weight, or keeps its own.
    attempts : tuple of Attempt
        In the order in which they were made.
    """

    account_id: str
    facts: pl.DataFrame
    weights: Mapping[str, float]
    answers: Answers
    left_out: Mapping[str, str]
    groups: tuple[GroupLimit, ...]
    attempts: tuple[Attempt, ...]
    risk: Risk | None
    frontier: tuple[Vector, ...] = ()
    correlations: tuple[tuple[str, str, float], ...] = ()


def propose(
    case: TargetCase,
    settings: OptimiserSettings,
    countries: Sequence[GroupSettings],
    industries: Sequence[GroupSettings],
    *,
    sessions_per_year: float,
) -> Proposal:
    """Return the proposal for an account.

    Returns
    -------
    Proposal
        Without weights where none could be found; the last attempt says why.
    """
    facts = weight_bounds(case.facts.sort("symbol"), maximum_weight=settings.maximum_weight)
    value = case.account_value
    if value is None or value <= 0:
        reason = "the value of the account is " + ("unknown" if value is None else "not positive")
        return _nothing(case, facts, {}, reason)
    left_out = _unusable(facts)
    usable = facts.filter(~pl.col("symbol").is_in(list(left_out)))
    shared = shared_returns(
        case.levels.filter(pl.col("symbol").is_in(usable["symbol"].implode())),
        lookback=settings.lookback,
        minimum=settings.minimum_history,
        sessions_per_year=sessions_per_year,
    )
    left_out |= dict(shared.left_out)
    left_out |= dict.fromkeys(
        sorted(set(usable["symbol"]) - set(shared.symbols) - set(left_out)), "no returns are known"
    )
    left_out = dict(sorted(left_out.items()))
    if not shared.symbols:
        return _nothing(case, facts, left_out, "no security has an expected return and a history")
    covariance, shrinkage = shrunk_covariance(shared.values)
    taking_part = facts.filter(pl.col("symbol").is_in(shared.symbols))
    risk = Risk(
        shared.symbols,
        taking_part["expected_return"].to_numpy(),
        covariance * shared.spans_per_year,
        len(shared.values),
        shrinkage,
    )
    facts = _with_kept(facts, left_out)
    kept = dict(facts.filter(pl.col("effect") == "kept").select("symbol", "upper").iter_rows())
    investable = investable_share(case.reserve_share, case.reserve_floor, value)
    budget, attempts = _budget(taking_part, investable, kept)
    in_groups = facts.filter(pl.col("symbol").is_in([*shared.symbols, *kept]))
    groups = group_constraints(
        in_groups, countries, industries, settings, budget + sum(kept.values())
    )
    limits = Limits(
        taking_part["lower"].to_numpy(),
        taking_part["upper"].to_numpy(),
        budget,
        limits_of(groups, kept, shared.symbols),
    )
    current = taking_part["current_weight"].clip(lower_bound=0.0).to_numpy()
    start = current
    if settings.turnover_from == "previous" and case.previous:
        start = np.array([case.previous.get(symbol, 0.0) for symbol in shared.symbols])
    securities = Securities(risk.expected_returns, risk.covariance, start)
    weights, answers, kept_to, made = _solved(securities, limits, current, settings)
    proposed = {} if weights is None else dict(zip(shared.symbols, weights.tolist(), strict=True))
    pairs = high_correlations(
        shared.symbols, correlation_of(covariance), settings.correlation_alert
    )
    return Proposal(
        case.account_id,
        facts,
        proposed | kept if proposed else {},
        answers,
        left_out,
        tuple(groups),
        (*attempts, *made),
        risk,
        tuple(frontier_points(securities, kept_to, settings.frontier_points)),
        tuple(pairs),
    )


def _unusable(facts: pl.DataFrame) -> dict[str, str]:
    """Say which securities cannot be judged at all, and why."""
    reason = (
        pl.when("is_blocked")
        .then(pl.lit("no fresh price"))
        .when(pl.col("expected_return").is_null())
        .then(pl.col("return_reason"))
    )
    return dict(
        facts.select("symbol", reason=reason).filter(pl.col("reason").is_not_null()).iter_rows()
    )


def _with_kept(facts: pl.DataFrame, left_out: Mapping[str, str]) -> pl.DataFrame:
    """Fix the weight of what is held and cannot be judged."""
    is_kept = pl.col("symbol").is_in(list(left_out)) & (pl.col("current_weight") > 0)
    return facts.with_columns(
        *(
            pl.when(is_kept).then("current_weight").otherwise(name).alias(name)
            for name in ("lower", "upper")
        ),
        effect=pl.when(is_kept).then(pl.lit("kept")).otherwise("effect"),
    )


def _budget(
    taking_part: pl.DataFrame, investable: float, kept: Mapping[str, float]
) -> tuple[float, list[Attempt]]:
    """Return what the securities add up to: what may be invested and is not kept, as far as their bounds allow."""
    wanted = max(investable - sum(kept.values()), 0.0)
    least, most = float(taking_part["lower"].sum()), float(taking_part["upper"].sum())
    detail = f"{investable:.2%} may be invested, {sum(kept.values()):.2%} of it stays as it is"
    if wanted < least:
        return least, [Attempt("budget", "adjusted", f"{detail}; bounds keep {least:.2%}")]
    if wanted > most:
        return most, [Attempt("budget", "adjusted", f"{detail}; bounds allow {most:.2%}")]
    return wanted, [Attempt("budget", "used", detail)]


def _solved(
    securities: Securities, limits: Limits, current: Vector, settings: OptimiserSettings
) -> tuple[Vector | None, Answers, Limits, list[Attempt]]:
    """Return the weights, what each method said, the limits that were met, and the attempts."""
    if limits.budget <= _NOTHING:
        detail = "nothing is left to invest"
        attempt = Attempt("budget", "adjusted", detail)
        return fitted(current, limits), Answers(None, None), limits, [attempt]
    found = mean_variance(securities, limits, settings)
    hierarchical, attempt = _hierarchical(securities, limits)
    answers = Answers(found.weights, hierarchical)
    weights, kept_to, blending = blended(answers, _levels_from(found, limits), settings)
    attempts = [*found.attempts, attempt, *blending]
    if weights is None:
        return None, answers, kept_to, attempts
    weights, giving_up = without_crumbs(weights, kept_to, settings.cutoff)
    weights, stepping = in_steps(weights, current, kept_to, settings)
    return weights, answers, kept_to, [*attempts, *giving_up, *stepping]


def _hierarchical(securities: Securities, limits: Limits) -> tuple[Vector | None, Attempt]:
    if len(securities.start) < 2:
        reason = "needs two securities with a history"
        return None, Attempt("hierarchical", "failed", reason)
    shares = hierarchical_risk_parity(securities.covariance)
    detail = "risk parity, scaled into the bounds"
    return fitted(shares, limits), Attempt("hierarchical", "used", detail)


def _levels_from(found: MeanVariance, limits: Limits) -> list[tuple[str, Limits]]:
    """Return the levels of limits from the one that mean-variance met on."""
    levels = {"full": limits, "halved": limits.halved(), "none": limits.without_groups()}
    if not len(limits.groups.lower):
        return [("none", limits)]
    first = found.level or LEVELS[0]
    return [(level, levels[level]) for level in dropwhile(lambda level: level != first, LEVELS)]


def _nothing(
    case: TargetCase, facts: pl.DataFrame, left_out: Mapping[str, str], reason: str
) -> Proposal:
    attempt = Attempt("inputs", "failed", reason)
    return Proposal(case.account_id, facts, {}, Answers(None, None), left_out, (), (attempt,), None)


def volatilities(risk: Risk) -> dict[str, float]:
    """Return the volatility per year of each security that takes part."""
    return dict(zip(risk.symbols, volatility_of(risk.covariance).tolist(), strict=True))
