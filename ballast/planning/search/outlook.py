"""What a plan may come to: the whole portfolio after it, revalued under joint scenarios."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ballast.planning.search.effects import Effects, effects_of, features_of
from ballast.planning.search.kernel import CASH, DIVIDEND, GROUPS, MERIT, TOTAL, Rules
from ballast.planning.search.problem import F64, I32, Problem
from ballast.planning.search.scenarios import Scenarios
from ballast.planning.search.vectorised import scored

# Sequences at a time, so that a scenario of each of them fits the processor's cache.
_CHUNK = 16


@dataclass(frozen=True, eq=False)
class Outlook:
    """Distribution per sequence over the scenarios.

    Parameters
    ----------
    mean, percentile_5, percentile_1, expected_shortfall, worst : array of s
        Change of the value of everything, costs and taxes of the plan included, as a share of the value now. The
        expected shortfall is the mean of the worst 5 % of the scenarios (at least one).
    loss_probability : array of s
        Share of the scenarios in which the value falls.
    score_mean, score_percentile_10, score_least : array of s
        End-state score of the revalued portfolio.
    robust_score : array of s
        0.4 × least + 0.3 × percentile 10 + 0.3 × mean of the scores.
    changes, scores : array of (s, scenarios), optional
        All of them, if asked for.
    """

    mean: F64
    percentile_5: F64
    percentile_1: F64
    expected_shortfall: F64
    worst: F64
    loss_probability: F64
    score_mean: F64
    score_percentile_10: F64
    score_least: F64
    robust_score: F64
    changes: F64 | None = None
    scores: F64 | None = None


def outlook(
    problem: Problem, sequences: I32, scenarios: Scenarios, *, keep_all: bool = False
) -> Outlook:
    """Revalue cash and every holding after each sequence under each scenario.

    A sequence changes the value and each sum of the score by what its trades add under that scenario, so the sums of
    the holdings now are made once. Infeasible sequences get figures like others; ask `evaluate` which they are.

    Parameters
    ----------
    sequences : array of (s, k)
        Trades, padded with -1; a row of -1 is doing nothing.
    scenarios : Scenarios
        Of the same securities.
    keep_all : bool
        Return every change and score too.

    Returns
    -------
    Outlook
        Percentiles are observed values: of N sorted values the one at place ⌊share × N⌋.
    """
    effects = effects_of(problem)
    growth = 1.0 + scenarios.returns.T
    before, added = _sums(problem, effects, growth)
    changes = np.empty((len(sequences), growth.shape[1]))
    scores = np.empty_like(changes)
    for first in range(0, len(sequences), _CHUNK):
        part = slice(first, first + _CHUNK)
        sums = np.repeat(before[None, :, :], len(sequences[part]), axis=0)
        for column in sequences[part].T:
            sums += added.take(column, axis=0, mode="wrap")
        changes[part] = sums[:, 0] / problem.total - 1.0
        scores[part] = _scores(effects.rules, sums)
    ordered, ranked = np.sort(changes, axis=1), np.sort(scores, axis=1)
    count = growth.shape[1]
    score_mean, least, tenth = ranked.mean(axis=1), ranked[:, 0], ranked[:, count // 10]
    return Outlook(
        mean=ordered.mean(axis=1),
        percentile_5=ordered[:, count // 20],
        percentile_1=ordered[:, count // 100],
        expected_shortfall=ordered[:, : max(1, count // 20)].mean(axis=1),
        worst=ordered[:, 0],
        loss_probability=(ordered < 0.0).mean(axis=1),
        score_mean=score_mean,
        score_percentile_10=tenth,
        score_least=least,
        robust_score=0.4 * least + 0.3 * tenth + 0.3 * score_mean,
        changes=changes if keep_all else None,
        scores=scores if keep_all else None,
    )


def _sums(problem: Problem, effects: Effects, growth: F64) -> tuple[F64, F64]:
    """Return total, merit, yield and groups under each scenario: before, and what each trade adds.

    Arrays of (sums, scenarios) and (m + 1, sums, scenarios); the last trade is the padding.
    """
    features = features_of(problem)
    features[:, TOTAL] = 1.0
    of_holdings = [TOTAL, MERIT, DIVIDEND, *range(GROUPS, features.shape[1])]
    before = np.zeros((len(of_holdings), growth.shape[1]))
    for held, feature, grown in zip(problem.holdings, features, growth, strict=True):
        before += feature[of_holdings, None] * (held * grown)
    before[0] += problem.cash
    added = np.zeros((problem.trades + 1, *before.shape))
    grown = problem.trade_value[:, None] * growth[problem.trade_security]
    added[:-1] = features[problem.trade_security][:, of_holdings, None] * grown[:, None, :]
    # What a purchase takes from cash, and the penalty for costs, grow with nothing.
    added[:-1, 0] += effects.trades[:-1, CASH, None]
    spent = problem.trade_cost + problem.trade_tax
    added[:-1, 1] -= problem.cost_penalty * spent[:, None]
    return before, added


def _scores(rules: Rules, sums: F64) -> F64:
    """Return the scores of sums, an array of (s, sums, scenarios); where nothing is left, nothing is scored."""
    total = sums[:, 0]
    something = np.where(total > 0.0, total, np.inf)
    groups = np.moveaxis(sums[:, 3:], 1, 0)
    score, _, _ = scored(rules, something, sums[:, 1], sums[:, 2], groups)
    return np.where(total > 0.0, score, 0.0)
