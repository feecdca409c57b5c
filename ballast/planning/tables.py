"""Plans as tables: one row per step with its reason, one row per account with its outcome."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import polars as pl

from ballast.money import ZERO, multiply
from ballast.planning.best_plan import BestPlan
from ballast.planning.draft import Trade
from ballast.planning.narratives import exchange_reason, plan_narrative, step_narrative
from ballast.planning.search import ProblemError
from ballast.planning.standing import Judge, Standing
from ballast.tables import Plans, Recommendations, polars_schema
from ballast.trading.exchange import Exchange

Row = dict[str, object]
# More sets than a column of 64 bits can count are counted as so many.
_MOST_COUNTED = 2**63 - 1


def recommendations_table(plans: Sequence[BestPlan]) -> pl.DataFrame:
    """Return the steps of all plans as `Recommendations`."""
    rows = [row for plan in plans for row in _steps(plan)]
    frame = pl.DataFrame(rows, schema=polars_schema(Recommendations))
    return Recommendations.validate(frame.sort("account_id", "step"))


def plans_table(plans: Sequence[BestPlan]) -> pl.DataFrame:
    """Return one `Plans` row per account."""
    rows = [_outcome(plan) for plan in plans]
    return Plans.validate(pl.DataFrame(rows, schema=polars_schema(Plans)).sort("account_id"))


def _outcome(best: BestPlan) -> Row:
    plan, case = best.plan, best.case
    found = None if best.searched is None else best.searched.found
    before, after = _score(best.before), _score(best.after)
    can_be_planned = plan.value_before is not None
    return {
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
        "taxes": best.taxes if can_be_planned else None,
        "regime": plan.account.regime,
        "objective": case.planner.objective,
        "score_before": before,
        "score_after": after,
        "sets_searched": 0 if found is None else min(found.sets, _MOST_COUNTED),
        "sets_feasible": 0 if found is None else min(found.feasible, _MOST_COUNTED),
        "depth": 0 if found is None else found.depth,
        "is_proved": best.is_proved,
        "narrative": (
            plan_narrative(plan, best.chosen, before, after) if can_be_planned else plan.reason
        ),
        "portfolio_hash": case.portfolio_hash,
        "settings_hash": case.settings_hash,
        "allocation_hash": case.allocation_hash,
        "inputs_hash": case.inputs_hash,
    }


def _steps(best: BestPlan) -> list[Row]:
    plan, case = best.plan, best.case
    if not plan.steps:
        return []
    account, rates = plan.account, case.market.rates
    base = account.base_currency
    progress = _Progress(best)
    rows: list[Row] = []
    actions: tuple[Trade | Exchange, ...] = (*plan.sales, *plan.exchanges, *plan.purchases)
    for action in actions:
        before = progress.score
        facts = progress.take(action)
        if isinstance(action, Trade):
            facts |= _trade_facts(action, best)
        else:
            facts |= _exchange_facts(action)
            facts["value_base"] = rates.convert(action.from_amount, action.from_currency, base)
        step = len(rows) + 1
        rows.append(
            {
                "recommendation_id": f"{account.account_id}:{account.session}:{case.inputs_hash}:{step}",
                "account_id": account.account_id,
                "session": account.session,
                "step": step,
                "score_before": before,
                "score_after": progress.score,
                "portfolio_hash": case.portfolio_hash,
                "inputs_hash": case.inputs_hash,
                **facts,
            }
        )
    return rows


class _Progress:
    """Carries out a plan step by step: the cash and the score after each."""

    def __init__(self, best: BestPlan) -> None:
        self.best = best
        self.cash = best.plan.cash_before or ZERO
        self.spent = self.taxes = ZERO
        self.orders: dict[str, Decimal] = {}
        try:
            self.judge: Judge | None = Judge.of(best.case)
        except ProblemError:
            self.judge = None
        self.score = _score(best.before)

    def take(self, action: Trade | Exchange) -> Row:
        """Take a step; returns the cash after it."""
        case = self.best.case
        base, rates = case.account.base_currency, case.market.rates
        if isinstance(action, Trade):
            currency = action.candidate.currency
            self.cash += rates.convert(action.cash, currency, base)
            self.spent += rates.convert(action.fee, currency, base)
            self.taxes += self.best.tax(action)
            self.orders[action.candidate.symbol] = action.quantity
        else:
            arriving = rates.convert(action.to_amount, action.to_currency, base)
            leaving = rates.convert(action.from_amount + action.fee, action.from_currency, base)
            self.cash += arriving - leaving
            self.spent += rates.convert(action.fee, action.from_currency, base)
        if self.judge is not None:
            spent = self.spent + self.taxes
            self.score = self.judge.after(self.orders, self.cash - self.taxes, spent).score
        return {"cash_after_base": self.cash}


def _trade_facts(trade: Trade, best: BestPlan) -> Row:
    plan, case, candidate = best.plan, best.case, trade.candidate
    rates, base = case.market.rates, case.account.base_currency
    price = candidate.price or ZERO
    total = plan.value_before or ZERO

    def weight(quantity: Decimal, value: Decimal) -> float | None:
        held = rates.convert(multiply(quantity, price), candidate.currency, base)
        return float(held / value) if value > ZERO else None

    before = weight(candidate.quantity, total)
    after = weight(candidate.quantity + trade.quantity, total - (plan.fees or ZERO))
    chosen = best.chosen.get(candidate.symbol)
    reason = _reason(trade, before, after) if chosen is None else chosen.reason
    return {
        "side": "buy" if trade.quantity > ZERO else "sell",
        "symbol": candidate.symbol,
        "quantity": abs(trade.quantity),
        "price": price,
        "currency": candidate.currency,
        "value_base": rates.convert(trade.value, candidate.currency, base),
        "fee": trade.fee,
        "tax": best.tax(trade),
        "weight_before": before,
        "weight_after": after,
        "target_weight": float(candidate.target),
        "category": None if chosen is None else chosen.category,
        "tags": None if chosen is None else ", ".join(chosen.tags),
        "priority": None if chosen is None else chosen.priority,
        "reason": reason,
        "narrative": step_narrative(trade, case, plan, chosen, reason, after),
    }


def _reason(trade: Trade, before: float | None, after: float | None) -> str:
    """Say why a trade that is no opportunity by itself belongs to a plan that closes every gap."""
    target = float(trade.candidate.target)
    if target == 0.0:
        return "it is not among the targets of this account"
    where = "below" if trade.quantity > ZERO else "above"
    weight = "its weight" if before is None or after is None else f"at {before:.1%} it"
    return f"{weight} is {where} the target of {target:.1%}"


def _exchange_facts(exchange: Exchange) -> Row:
    reason = exchange_reason(exchange)
    return {
        "side": "exchange",
        "symbol": exchange.pair,
        "quantity": exchange.from_amount,
        "price": exchange.rate,
        "currency": exchange.from_currency,
        "fee": exchange.fee,
        "weight_before": None,
        "weight_after": None,
        "target_weight": None,
        "category": None,
        "tags": None,
        "priority": None,
        "tax": None,
        "reason": reason,
        "narrative": f"Exchange {exchange.from_amount:,.2f} {exchange.from_currency}: {reason}.",
    }


def _score(standing: Standing | None) -> float | None:
    return None if standing is None else standing.score
