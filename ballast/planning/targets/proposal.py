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
from ballast.planning.targets.bounds import investable_share, weight_bounds, with_minimums_within
from ballast.planning.targets.covariance import correlation_of, high_correlations
from ballast.planning.targets.estimate import Risk, estimate
from ballast.planning.targets.group_constraints import GroupLimit, group_constraints, limits_of
from ballast.planning.targets.hierarchical import hierarchical_risk_parity
from ballast.planning.targets.limits import Limits, Vector
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
    unknown : str, optional
        What is not known and must be, so that there is no proposal.
    """

    account_id: str
    facts: pl.DataFrame
    levels: pl.DataFrame
    account_value: float | None
    reserve_share: float
    reserve_floor: float
    previous: Mapping[str, float]
    unknown: str | None = None


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
    if case.unknown is not None:
        return _nothing(case, facts, {}, case.unknown)
    if value is None or value <= 0:
        reason = "the value of the account is " + ("unknown" if value is None else "not positive")
        return _nothing(case, facts, {}, reason)
    risk, left_out = estimate(facts, case.levels, settings, sessions_per_year=sessions_per_year)
    if risk is None:
        return _nothing(case, facts, left_out, "no security has an expected return and a history")
    facts = _with_kept(facts, left_out)
    kept = dict(facts.filter(pl.col("effect") == "kept").select("symbol", "upper").iter_rows())
    investable = investable_share(case.reserve_share, case.reserve_floor, value)
    facts, attempts = _with_minimums(facts, risk.symbols, investable, kept)
    taking_part = facts.filter(pl.col("symbol").is_in(risk.symbols))
    budget, budgeting = _budget(taking_part, investable, kept)
    attempts += budgeting
    in_groups = facts.filter(pl.col("symbol").is_in([*risk.symbols, *kept]))
    groups = group_constraints(
        in_groups, countries, industries, settings, budget + sum(kept.values())
    )
    limits = Limits(
        taking_part["lower"].to_numpy(),
        taking_part["upper"].to_numpy(),
        budget,
        limits_of(groups, kept, risk.symbols),
    )
    current = taking_part["current_weight"].clip(lower_bound=0.0).to_numpy()
    securities = Securities(
        risk.expected_returns, risk.covariance, _start(case, risk.symbols, current, settings)
    )
    weights, answers, kept_to, made = _solved(securities, limits, current, settings)
    proposed = {} if weights is None else dict(zip(risk.symbols, weights.tolist(), strict=True))
    correlation = correlation_of(risk.covariance)
    return Proposal(
        case.account_id,
        facts,
        proposed | kept if proposed else {},
        answers,
        left_out,
        tuple(groups),
        (Attempt("history", "used", risk.in_words), *attempts, *made),
        risk,
        tuple(frontier_points(securities, kept_to, settings.frontier_points)),
        tuple(high_correlations(risk.symbols, correlation, settings.correlation_alert)),
    )


def _start(
    case: TargetCase, symbols: Sequence[str], current: Vector, settings: OptimiserSettings
) -> Vector:
    """Return the weights that turnover is measured from."""
    if settings.turnover_from == "current" or not case.previous:
        return current
    return np.array([case.previous.get(symbol, 0.0) for symbol in symbols])


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


def _with_minimums(
    facts: pl.DataFrame, symbols: Sequence[str], investable: float, kept: Mapping[str, float]
) -> tuple[pl.DataFrame, list[Attempt]]:
    """Scale down minimum weights that would take from the reserve."""
    share = max(investable - sum(kept.values()), 0.0)
    facts, factor = with_minimums_within(facts, symbols, share)
    if factor == 1:
        return facts, []
    detail = (
        f"minimum weights ask for more than the {share:.2%} that may be invested in them, so that what need not be held"
        f" is scaled to {factor:.0%}"
    )
    return facts, [Attempt("minimums", "adjusted", detail)]


def _budget(
    taking_part: pl.DataFrame, investable: float, kept: Mapping[str, float]
) -> tuple[float, list[Attempt]]:
    """Return what the securities add up to: what may be invested and is not kept, as far as their bounds allow."""
    wanted = max(investable - sum(kept.values()), 0.0)
    least, most = float(taking_part["lower"].sum()), float(taking_part["upper"].sum())
    detail = f"{investable:.2%} may be invested, {sum(kept.values()):.2%} of it stays as it is"
    if wanted < least - _NOTHING:
        return least, [Attempt("budget", "adjusted", f"{detail}; bounds keep {least:.2%}")]
    if wanted > most:
        return most, [Attempt("budget", "adjusted", f"{detail}; bounds allow {most:.2%}")]
    return max(wanted, least), [Attempt("budget", "used", detail)]


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
