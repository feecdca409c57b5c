"""Plans as tables: one row per step with its reason, one row per account with its outcome."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal

import polars as pl

from ballast.market.exchange_rates import Rates
from ballast.money import ZERO, multiply
from ballast.planning.draft import Trade
from ballast.planning.plan import AccountPlan
from ballast.tables import Plans, Recommendations, polars_schema
from ballast.trading.exchange import Exchange

Row = dict[str, object]


def recommendations_table(
    plans: Sequence[AccountPlan], rates: Rates, hashes: Mapping[str, str]
) -> pl.DataFrame:
    """Return the steps of all plans as `Recommendations`.

    Parameters
    ----------
    hashes : mapping of str to str
        Inputs hash per account.
    """
    rows = [row for plan in plans for row in _steps(plan, rates, hashes[plan.account.account_id])]
    frame = pl.DataFrame(rows, schema=polars_schema(Recommendations))
    return Recommendations.validate(frame.sort("account_id", "step"))


def plans_table(plans: Sequence[AccountPlan], hashes: Mapping[str, str]) -> pl.DataFrame:
    """Return one `Plans` row per account."""
    rows = [
        {
            "account_id": plan.account.account_id,
            "session": plan.account.session,
            "status": plan.status,
            "reason": plan.reason,
            "steps": plan.steps,
            "base_currency": plan.account.base_currency,
            "value_before": plan.value_before,
            "reserve": plan.reserve,
            "cash_before": plan.cash_before,
            "cash_after": plan.cash_after,
            "fees": plan.fees,
            "regime": plan.account.regime,
            "inputs_hash": hashes[plan.account.account_id],
        }
        for plan in plans
    ]
    return Plans.validate(pl.DataFrame(rows, schema=polars_schema(Plans)).sort("account_id"))


def _steps(plan: AccountPlan, rates: Rates, inputs_hash: str) -> list[Row]:
    account = plan.account
    base = account.base_currency
    cash = plan.cash_before or ZERO
    rows: list[Row] = []
    actions: tuple[Trade | Exchange, ...] = (*plan.sales, *plan.exchanges, *plan.purchases)
    for action in actions:
        if isinstance(action, Trade):
            cash += rates.convert(action.cash, action.candidate.currency, base)
            facts = _trade_facts(action, plan, rates)
        else:
            arriving = rates.convert(action.to_amount, action.to_currency, base)
            leaving = rates.convert(action.from_amount + action.fee, action.from_currency, base)
            cash += arriving - leaving
            facts = _exchange_facts(action, base, rates)
        step = len(rows) + 1
        rows.append(
            {
                "recommendation_id": f"{account.account_id}:{account.session}:{inputs_hash}:{step}",
                "account_id": account.account_id,
                "session": account.session,
                "step": step,
                "cash_after_base": cash,
                "inputs_hash": inputs_hash,
                **facts,
            }
        )
    return rows


def _trade_facts(trade: Trade, plan: AccountPlan, rates: Rates) -> Row:
    candidate, base = trade.candidate, plan.account.base_currency
    price = candidate.price or ZERO
    total = plan.value_before or ZERO

    def weight(quantity: Decimal, value: Decimal) -> float | None:
        held = rates.convert(multiply(quantity, price), candidate.currency, base)
        return float(held / value) if value > ZERO else None

    before = weight(candidate.quantity, total)
    after = weight(candidate.quantity + trade.quantity, total - (plan.fees or ZERO))
    return {
        "side": "buy" if trade.quantity > ZERO else "sell",
        "symbol": candidate.symbol,
        "quantity": abs(trade.quantity),
        "price": price,
        "currency": candidate.currency,
        "value_base": rates.convert(trade.value, candidate.currency, base),
        "fee": trade.fee,
        "weight_before": before,
        "weight_after": after,
        "target_weight": float(candidate.target),
        "reason": _trade_reason(trade, before, after),
    }


def _trade_reason(trade: Trade, before: float | None, after: float | None) -> str:
    target = float(trade.candidate.target)
    if target == 0.0:
        return "Not among the targets of this account: sell it."
    where = "below" if trade.quantity > ZERO else "above"
    if before is None or after is None:
        return f"Its weight is {where} the target of {target:.1%}."
    return (
        f"At {before:.1%} it is {where} the target of {target:.1%}; this brings it to {after:.1%}."
    )


def _exchange_facts(exchange: Exchange, base: str, rates: Rates) -> Row:
    return {
        "side": "exchange",
        "symbol": exchange.pair,
        "quantity": exchange.from_amount,
        "price": exchange.rate,
        "currency": exchange.from_currency,
        "value_base": rates.convert(exchange.from_amount, exchange.from_currency, base),
        "fee": exchange.fee,
        "weight_before": None,
        "weight_after": None,
        "target_weight": None,
        "reason": (
            f"Brings {exchange.to_amount:,.2f} {exchange.to_currency}"
            " that the steps after it need beyond what is there."
        ),
    }
