"""What a plan does and why, in words; the same plan is always told the same way."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from ballast.money import ZERO
from ballast.planning.case import PlanningCase
from ballast.planning.draft import Trade
from ballast.planning.opportunities import Opportunity
from ballast.planning.plan import AccountPlan
from ballast.trading.exchange import Exchange

# A yield is worth a word from here on.
_NOTABLE_YIELD = 0.03
_NOTABLE_TAX = Decimal(1)


def step_narrative(
    trade: Trade,
    case: PlanningCase,
    plan: AccountPlan,
    chosen: Opportunity | None,
    reason: str,
    weight_after: float | None,
) -> str:
    """Tell one trade: what, how much, why, and for a sale what its proceeds are for.

    Parameters
    ----------
    chosen : Opportunity or None
        What the trade makes use of.
    reason : str
        Why, in a few words.
    weight_after : float or None
        Share of the account's value after the plan.
    """
    candidate, base = trade.candidate, case.account.base_currency
    facts = case.facts[candidate.symbol]
    value = case.value_base(abs(trade.quantity), candidate.price or ZERO, candidate.currency)
    name = f"{facts.name} ({candidate.symbol})" if facts.name else candidate.symbol
    words, tags = f"{value:,.0f} {base} of {name}", () if chosen is None else chosen.tags
    if trade.quantity < ZERO:
        share = float(-trade.quantity / candidate.quantity)
        text = f"Sell {words}, {share:.0%} of the position: {reason}."
        if plan.purchases:
            text += f" The proceeds help to buy {plan.purchases[0].candidate.symbol}."
        tax = case.tax(candidate, trade.quantity)
        if tax >= _NOTABLE_TAX:
            text += f" About {tax:,.0f} {base} of tax on the gain are set aside."
        return text
    if "averaging_down" in tags:
        reason = f"it costs less than was paid for it, and {reason}"
    text = f"Buy {words}: {reason}."
    if weight_after is not None:
        text += f" This brings it to {weight_after:.1%}."
    if facts.dividend_yield is not None and facts.dividend_yield > _NOTABLE_YIELD:
        text += f" It yields {facts.dividend_yield:.1%} a year in dividends."
    return text


def exchange_reason(exchange: Exchange) -> str:
    """Say what an exchange is for."""
    return (
        f"it brings {exchange.to_amount:,.2f} {exchange.to_currency}"
        " that the steps after it need beyond what is there"
    )


def plan_narrative(
    plan: AccountPlan,
    chosen: Mapping[str, Opportunity],
    before: float | None,
    after: float | None,
) -> str:
    """Tell a whole plan: its strategy, its trades with their totals, and what it does to the score.

    Parameters
    ----------
    chosen : mapping of str to Opportunity
        By symbol.
    before, after : float or None
        End-state score between 0 and 1, costs deducted; None where it is not known.
    """
    trades = (*plan.sales, *plan.purchases)
    if not trades:
        return _without_trades(plan)
    count = "one trade" if len(trades) == 1 else f"{len(trades)} trades"
    sides = [
        f"{word} {', '.join(trade.candidate.symbol for trade in side)}"
        for word, side in (("sells", plan.sales), ("buys", plan.purchases))
        if side
    ]
    text = f"{_strategy(plan, chosen)} In {count} it {' and '.join(sides)}."
    return text + _outcome(before, after)


def _without_trades(plan: AccountPlan) -> str:
    if plan.exchanges:
        return "No trade is better than none; the exchanges only cover what is overdrawn."
    return f"Nothing to do: {plan.reason}."


def _strategy(plan: AccountPlan, chosen: Mapping[str, Opportunity]) -> str:
    tags = {tag for opportunity in chosen.values() for tag in opportunity.tags}
    takes_profit, averages = "windfall" in tags, "averaging_down" in tags
    if takes_profit and averages:
        return "The plan takes profit where gains were unusual and buys more of what has fallen."
    if takes_profit:
        return "The plan takes profit where gains were unusual."
    if averages:
        return "The plan buys more of what has fallen below its cost."
    if plan.sales and plan.purchases:
        return "The plan rebalances: it sells what weighs too much to buy what is missing."
    return (
        "The plan puts cash to work."
        if plan.purchases
        else "The plan reduces what weighs too much."
    )


def _outcome(before: float | None, after: float | None) -> str:
    if before is None or after is None:
        return ""
    change = 100 * (after - before)
    span = f"from {100 * before:.1f} to {100 * after:.1f}"
    if change > 0:
        return f" The score rises by {change:.2f} points, {span}."
    if change < 0:
        return f" The score falls by {-change:.2f} points, {span}: the targets ask for it."
    return f" The score stays at {100 * before:.1f}."
