"""Tables of the wanted weights: what the optimiser proposes, within which limits, and how it came to it."""

from __future__ import annotations

import dataframely as dy

from ballast.tables import columns

TARGET_SOURCES = ("configured", "optimiser", "previous", "held")


class TargetWeights(dy.Schema):
    """Wanted share of each account's value per security."""

    account_id = columns.key("Account")
    symbol = columns.key("Security")
    target_weight = dy.Float64(
        nullable=False, min=0.0, max=1.0, metadata={"description": "Wanted share of account value"}
    )
    source = columns.text(
        "configured, optimiser, previous (weights published before) or held (what is held stays)",
        nullable=True,
    )
    current_weight = columns.number("Share of account value at the end of the session")
    expected_return = columns.number("Expected return per year; null when unknown")
    lower = columns.number("Least weight allowed; null where the optimiser set no bounds")
    upper = columns.number("Greatest weight allowed; null where the optimiser set no bounds")


class OptimisedWeights(dy.Schema):
    """What the optimiser proposes for each account beside what is configured, with the facts that it used."""

    account_id = columns.key("Account")
    symbol = columns.key("Security")
    optimised_weight = columns.number("Proposed share of account value; null when there is none")
    configured_weight = columns.number("Configured share; null where none is configured")
    current_weight = columns.number("Share of account value; null when it is unknown")
    mean_variance_weight = columns.number("What mean-variance alone proposes")
    hierarchical_weight = columns.number("What hierarchical risk parity alone proposes")
    lower = columns.number("Least weight allowed")
    upper = columns.number("Greatest weight allowed")
    expected_return = columns.number("Expected return per year, costs deducted")
    growth = columns.number("Yearly growth of the price over five years, else ten")
    dividend_yield = columns.number("Dividends of a year over the price")
    volatility = columns.number("Standard deviation of the return per year, shrunk")
    reason = columns.text("Why it has no proposed weight, or keeps its own", nullable=True)


class WeightConstraints(dy.Schema):
    """The limits that bind a proposal: securities that cannot move freely, and groups."""

    account_id = columns.key("Account")
    kind = dy.String(
        primary_key=True,
        regex=r"^(security|country|industry)$",
        metadata={"description": "security, country or industry"},
    )
    name = columns.key("Security or group")
    effect = columns.text(
        "locked, kept, buy only, sell only, sell limited, keeps a lot, bounded, or group"
    )
    target = columns.number("Wanted share of the group")
    lower = columns.number("Least share of account value", nullable=False)
    upper = columns.number("Greatest share of account value", nullable=False)
    weight = columns.number("Proposed share; null when there is no proposal")
    is_reachable = columns.flag("Whether the limits allow the target; true where there is none")
    note = columns.text("What was adjusted, and why", nullable=True)


class EfficientFrontier(dy.Schema):
    """Risk and expected return: the frontier, the securities, and the portfolios to compare. Per unit invested."""

    account_id = columns.key("Account")
    kind = dy.String(
        primary_key=True,
        regex=r"^(frontier|security|current|configured|proposed)$",
        metadata={"description": "frontier, security, current, configured or proposed"},
    )
    label = columns.key("Number of the point, or security, or name of the portfolio")
    volatility = columns.number("Standard deviation of the return per year", nullable=False)
    expected_return = columns.number("Expected return per year", nullable=False)


class OptimiserSteps(dy.Schema):
    """What was tried for a proposal, in its order, and what came of it."""

    account_id = columns.key("Account")
    step = columns.count("Number of the step, from 1", primary_key=True)
    part = columns.text("What was computed")
    level = columns.text("Limits of groups: full, halved or none", nullable=True)
    objective = columns.text("Objective of mean-variance", nullable=True)
    outcome = dy.String(
        nullable=False,
        regex=r"^(used|adjusted|failed)$",
        metadata={"description": "used; adjusted (used, but not as it was asked for); failed"},
    )
    detail = columns.text("What came of it; for what failed, why")


class HighCorrelations(dy.Schema):
    """Pairs of securities that move together, or against each other."""

    account_id = columns.key("Account")
    one = columns.key("Security, first by name")
    other = columns.key("Security")
    correlation = columns.number("Correlation of the returns in base currency", nullable=False)
