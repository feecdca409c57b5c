"""Proposals as tables, and the weights that each account follows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl

from ballast.configuration import Portfolio, target_weights_table
from ballast.planning.targets.covariance import correlation_of
from ballast.planning.targets.estimate import Risk
from ballast.planning.targets.followed import weights_to_follow
from ballast.planning.targets.limits import Matrix, Vector
from ballast.planning.targets.proposal import Proposal
from ballast.tables import (
    EfficientFrontier,
    HighCorrelations,
    OptimisedWeights,
    OptimiserSteps,
    TargetWeights,
    WeightConstraints,
    polars_schema,
)

# Weights are published without the last bits of their sums.
_DIGITS = 12


def optimised_weights(proposals: Sequence[Proposal], portfolio: Portfolio) -> pl.DataFrame:
    """Return every proposal beside what is configured, as `OptimisedWeights`."""
    configured = {account.id: account.targets for account in portfolio.accounts}
    rows = [
        row
        for proposal in proposals
        for row in _weights_of(proposal, configured[proposal.account_id])
    ]
    return _table(rows, OptimisedWeights, "account_id", "symbol")


def _weights_of(proposal: Proposal, configured: Mapping[str, float]) -> list[dict[str, Any]]:
    risk, answers = proposal.risk, proposal.answers
    symbols = risk.symbols if risk is not None else ()
    mean_variance, hierarchical = (
        dict(zip(symbols, () if answer is None else answer.tolist(), strict=False))
        for answer in (answers.mean_variance, answers.hierarchical)
    )
    volatility = {} if risk is None else risk.volatilities
    failed = None if proposal.weights else proposal.attempts[-1].detail
    return [
        {
            **facts,
            "account_id": proposal.account_id,
            "optimised_weight": _rounded(proposal.weights.get(facts["symbol"])),
            "configured_weight": configured.get(facts["symbol"]),
            "mean_variance_weight": _rounded(mean_variance.get(facts["symbol"])),
            "hierarchical_weight": _rounded(hierarchical.get(facts["symbol"])),
            "volatility": volatility.get(facts["symbol"]),
            "reason": _reason(proposal, facts, failed),
        }
        for facts in proposal.facts.iter_rows(named=True)
    ]


def _reason(proposal: Proposal, facts: Mapping[str, Any], failed: str | None) -> str | None:
    reason: str | None = proposal.left_out.get(facts["symbol"])
    if reason is None:
        return failed or facts["return_reason"]
    return f"keeps its weight: {reason}" if facts["symbol"] in proposal.weights else reason


def weight_constraints(proposals: Sequence[Proposal]) -> pl.DataFrame:
    """Return the securities that cannot move freely and the groups with limits, as `WeightConstraints`."""
    rows: list[dict[str, Any]] = []
    for proposal in proposals:
        bound = proposal.facts.filter(pl.col("effect").is_not_null())
        rows += [
            {
                "account_id": proposal.account_id,
                "kind": "security",
                "name": facts["symbol"],
                "effect": facts["effect"],
                "lower": facts["lower"],
                "upper": facts["upper"],
                "weight": _rounded(proposal.weights.get(facts["symbol"])),
                "is_reachable": True,
                "note": proposal.left_out.get(facts["symbol"]),
            }
            for facts in bound.drop_nulls(["lower", "upper"]).iter_rows(named=True)
        ]
        rows += [
            {
                "account_id": proposal.account_id,
                "kind": group.kind,
                "name": group.name,
                "effect": "group",
                "target": group.target,
                "lower": group.lower,
                "upper": group.upper,
                "weight": _sum(proposal.weights, group.members),
                "is_reachable": group.is_reachable,
                "note": "; ".join(group.notes) or None,
            }
            for group in proposal.groups
        ]
    return _table(rows, WeightConstraints, "account_id", "kind", "name")


def efficient_frontier(proposals: Sequence[Proposal], portfolio: Portfolio) -> pl.DataFrame:
    """Return the frontier of each account, its securities, and its portfolios, as `EfficientFrontier`.

    Portfolios are measured on the securities that take part alone, per unit invested in them.
    """
    configured = {account.id: account.targets for account in portfolio.accounts}
    rows: list[dict[str, Any]] = []
    for proposal in proposals:
        risk = proposal.risk
        if risk is None:
            continue
        current = dict(proposal.facts.select("symbol", "current_weight").iter_rows())
        portfolios = {
            "current": current,
            "configured": configured[proposal.account_id],
            "proposed": proposal.weights,
        }
        points = [
            *(
                ("frontier", f"{number:03d}", weights)
                for number, weights in enumerate(proposal.frontier, 1)
            ),
            *(
                ("security", symbol, unit)
                for symbol, unit in zip(risk.symbols, np.identity(len(risk.symbols)), strict=True)
            ),
            *(
                (kind, kind, np.array([weights.get(symbol) or 0.0 for symbol in risk.symbols]))
                for kind, weights in portfolios.items()
            ),
        ]
        rows += [
            {"account_id": proposal.account_id, "kind": kind, "label": label, **measured}
            for kind, label, weights in points
            if (measured := _measured(weights, risk)) is not None
        ]
    return _table(rows, EfficientFrontier, "account_id", "kind", "label")


def _measured(weights: Vector, risk: Risk) -> dict[str, float] | None:
    total = float(weights.sum())
    if total <= 0:
        return None
    shares = weights / total
    return {
        "volatility": float(np.sqrt(shares @ risk.covariance @ shares)),
        "expected_return": float(shares @ risk.expected_returns),
    }


def optimiser_steps(proposals: Sequence[Proposal]) -> pl.DataFrame:
    """Return what was tried for each proposal, as `OptimiserSteps`."""
    rows = [
        vars(attempt) | {"account_id": proposal.account_id, "step": number}
        for proposal in proposals
        for number, attempt in enumerate(proposal.attempts, 1)
    ]
    return _table(rows, OptimiserSteps, "account_id", "step")


def correlated_pairs(proposals: Sequence[Proposal]) -> pl.DataFrame:
    """Return the pairs that move together, as `HighCorrelations`."""
    rows = [
        {
            "account_id": proposal.account_id,
            "one": one,
            "other": other,
            "correlation": correlation,
        }
        for proposal in proposals
        for one, other, correlation in proposal.correlations
    ]
    return _table(rows, HighCorrelations, "account_id", "one", "other")


def correlation_maps(
    proposals: Sequence[Proposal],
) -> dict[str, tuple[tuple[str, ...], Matrix]]:
    """Return the symbols of each account that take part, and their correlation."""
    return {
        proposal.account_id: (proposal.risk.symbols, correlation_of(proposal.risk.covariance))
        for proposal in proposals
        if proposal.risk is not None
    }


def followed_weights(
    portfolio: Portfolio,
    proposals: Sequence[Proposal],
    positions: pl.DataFrame,
    previous: pl.DataFrame,
) -> pl.DataFrame:
    """Return the weights that each account follows, as `TargetWeights`.

    Parameters
    ----------
    positions : pl.DataFrame
        `Positions` of the session; empty when they are not known.
    previous : pl.DataFrame
        `TargetWeights` of the newest session before this one; empty when there is none.

    Returns
    -------
    pl.DataFrame
        Configured accounts follow their configured weights, those of the optimiser what `weights_to_follow` says.
    """
    by_account = {proposal.account_id: proposal for proposal in proposals}
    rows: list[dict[str, Any]] = target_weights_table(portfolio).to_dicts()
    for account in portfolio.accounts:
        if account.targets_from == "optimiser":
            own = pl.col("account_id") == account.id
            proposal = by_account.get(account.id)
            rows += [
                {
                    "account_id": account.id,
                    "symbol": each.symbol,
                    "target_weight": min(max(_rounded(each.weight) or 0.0, 0.0), 1.0),
                    "source": each.source,
                }
                for each in weights_to_follow(
                    proposal, positions.filter(own), previous.filter(own), positions.height > 0
                )
            ]
    seen = {
        (proposal.account_id, facts["symbol"]): facts
        for proposal in proposals
        for facts in proposal.facts.iter_rows(named=True)
    }
    facts_of = ("current_weight", "expected_return", "lower", "upper")
    for row in rows:
        facts = seen.get((row["account_id"], row["symbol"]), {})
        row |= {name: facts.get(name) for name in facts_of}
    return _table(rows, TargetWeights, "account_id", "symbol")


def _sum(weights: Mapping[str, float], members: Sequence[str]) -> float | None:
    return _rounded(sum(weights.get(name, 0.0) for name in members)) if weights else None


def _rounded(weight: float | None) -> float | None:
    # The zero that is left of a tiny negative number would be written with its sign.
    return None if weight is None else round(weight, _DIGITS) + 0.0


def _table(rows: Sequence[Mapping[str, Any]], schema: Any, *key: str) -> pl.DataFrame:
    frame = pl.DataFrame(rows, schema=polars_schema(schema)) if rows else schema.create_empty()
    return pl.DataFrame(schema.validate(frame.sort(*key)))
