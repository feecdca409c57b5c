"""The trades that bring one account to its target weights.

Targets are shares of the account's value after the plan's own fees; if they and the cash reserve exceed it together,
all targets shrink alike. Gaps are closed in whole lots, largest first, sales before exchanges before purchases, and no
trade goes beyond its target by more than the fees of the plan.

A trade is justified if it closes at least one lot of a gap that is still there after its own fee, can be paid, leaves
the reserve and is worth its cost. The plan grows until nothing more is justified, judged as if it had been carried out
already. Planning again after it was carried out therefore finds nothing to do.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal

from ballast.money import ZERO, divide
from ballast.planning.account import Account, Candidate
from ballast.planning.draft import Draft, Drafting, Trade, price
from ballast.planning.lots import most_lots, whole_lots
from ballast.trading.costs import Costs
from ballast.trading.exchange import Exchange

# Each pass closes gaps that the fees of the one before have opened; two or three are ever needed.
_MOST_PASSES = 20


@dataclass(frozen=True)
class AccountPlan:
    """What to do with one account, and what it leads to; amounts in base currency."""

    account: Account
    status: str
    reason: str
    value_before: Decimal | None = None
    reserve: Decimal | None = None
    fees: Decimal | None = None
    cash_before: Decimal | None = None
    cash_after: Decimal | None = None
    sales: tuple[Trade, ...] = ()
    exchanges: tuple[Exchange, ...] = ()
    purchases: tuple[Trade, ...] = ()

    @property
    def steps(self) -> int:
        """Number of steps."""
        return len(self.sales) + len(self.exchanges) + len(self.purchases)


def plan_account(account: Account, costs: Costs, *, maximum_trades: int) -> AccountPlan:
    """Plan one account.

    Returns
    -------
    AccountPlan
        Status `planned`, `at_target`, `blocked` (the account may not be planned) or `unknown` (a holding has no price,
        so that the account's value is unknown); only `planned` has steps.

    Raises
    ------
    MissingRateError
        If a currency in use has no exchange rate.
    """
    return plan_with(Drafting(account, costs), maximum_trades=maximum_trades)


def plan_with(drafting: Drafting, *, maximum_trades: int) -> AccountPlan:
    """Plan one account as `plan_account` does, with the taxes and the slippage that its drafts take account of."""
    return unplannable(drafting.account) or _Planner(drafting, maximum_trades).plan()


def unplannable(account: Account) -> AccountPlan | None:
    """Return the outcome of an account that cannot be planned, with the reason; None for one that can."""
    if account.blocked_because is not None:
        return AccountPlan(account, "blocked", account.blocked_because)
    unpriced = [c.symbol for c in account.candidates if c.price is None and c.quantity != ZERO]
    if not unpriced:
        return None
    names = ", ".join(sorted(unpriced))
    return AccountPlan(
        account, "unknown", f"no price is known for {names}, so neither is the value"
    )


def plan_of(drafting: Drafting, draft: Draft, *, otherwise: str) -> AccountPlan:
    """Return a draft as a plan: its steps in order, and what they lead to.

    Parameters
    ----------
    otherwise : str
        Why there is nothing to do, if the draft is empty.
    """
    account = drafting.account
    cash = drafting.total(account.cash)
    held = sum((drafting.value_base(c, c.quantity) for c in account.candidates), ZERO)
    trades = drafting.trades(draft)
    plan = AccountPlan(
        account=account,
        status="planned",
        reason="",
        value_before=cash + held + account.committed,
        reserve=drafting.reserve(draft.value),
        fees=drafting.fees(trades, draft.funding.exchanges),
        cash_before=cash,
        cash_after=draft.cash,
        sales=tuple(trade for trade in trades if trade.quantity < ZERO),
        exchanges=draft.funding.exchanges,
        purchases=tuple(trade for trade in trades if trade.quantity > ZERO),
    )
    if not plan.steps:
        return replace(plan, status="at_target", reason=otherwise)
    steps = "1 step" if plan.steps == 1 else f"{plan.steps} steps"
    return replace(plan, reason=f"{steps} towards the targets")


@dataclass(frozen=True)
class _Planner:
    drafting: Drafting
    maximum_trades: int

    def plan(self) -> AccountPlan:
        reason = "every gap is smaller than one lot, not worth its cost, or beyond the cash at hand"
        return plan_of(self.drafting, self._search(), otherwise=reason)

    def _search(self) -> Draft:
        nothing = self.drafting.draft({})
        # What the first pass pays in fees is not there for its purchases: the second makes them that much smaller.
        estimate = self._grow(nothing, nothing.value)
        draft = self._grow(nothing, estimate.value)
        for _ in range(_MOST_PASSES):
            grown = self._grow(draft, draft.value)
            if grown is draft:
                break
            draft = grown
        return draft

    def _grow(self, draft: Draft, ceiling: Decimal) -> Draft:
        """Add the trades that are justified after a draft: sales, then purchases, the largest gaps first."""
        gaps = self._gaps(draft)
        for candidate, gap in gaps:
            if gap < ZERO:
                draft = self._with_sale(draft, candidate)
        for candidate, gap in gaps:
            if gap > ZERO:
                draft = self._with_purchase(draft, candidate, ceiling)
        return draft

    def _gaps(self, draft: Draft) -> list[tuple[Candidate, Decimal]]:
        """Target minus value in base currency, largest first; ties by symbol."""
        gaps = [
            (c, self.drafting.target(c, draft.value) - self.drafting.value_base(c, draft.held(c)))
            for c in self.drafting.account.candidates
            if c.price is not None and not c.is_blocked
        ]
        return sorted(gaps, key=lambda pair: (-abs(pair[1]), pair[0].symbol))

    def _with_sale(self, draft: Draft, candidate: Candidate) -> Draft:
        held = draft.held(candidate)
        target = self.drafting.target(candidate, draft.value)
        excess = self.drafting.value_base(candidate, held) - target
        if not candidate.allow_sell or excess <= ZERO or self._is_full(draft, candidate):
            return draft

        def leaves_the_target(lots: int) -> bool:
            left = held - lots * candidate.lot_size
            return self.drafting.value_base(candidate, left) >= target

        most = min(whole_lots(max(held, ZERO), candidate), self._lots_worth(excess, candidate) + 1)
        lots = most_lots(leaves_the_target, most)
        return self._joined(draft, candidate, -lots * candidate.lot_size)

    def _with_purchase(self, draft: Draft, candidate: Candidate, ceiling: Decimal) -> Draft:
        held = draft.held(candidate)
        gap = self.drafting.target(candidate, draft.value) - self.drafting.value_base(
            candidate, held
        )
        if not candidate.allow_buy or gap <= ZERO or self._is_full(draft, candidate):
            return draft

        def stays_within_the_target_and_the_cash(lots: int) -> bool:
            quantity = lots * candidate.lot_size
            after = self.drafting.after(draft, candidate, quantity)
            target = self.drafting.target(candidate, min(after.value, ceiling))
            return self.drafting.value_base(
                candidate, held + quantity
            ) <= target and self.drafting.is_funded(after)

        def leaves_the_others_funded(lots: int) -> bool:
            extended = self._extended(draft, candidate, lots * candidate.lot_size)
            return self.drafting.is_funded(extended)

        most = self._lots_worth(gap, candidate) + 1
        if not self._is_sensible(draft, candidate, most * candidate.lot_size):
            return draft
        lots = most_lots(stays_within_the_target_and_the_cash, most)
        if lots and not leaves_the_others_funded(lots):
            # One exchange in place of two may cost a cent more, which matters where a trade costs nothing else.
            lots = most_lots(leaves_the_others_funded, lots)
        return self._joined(draft, candidate, lots * candidate.lot_size)

    def _lots_worth(self, amount: Decimal, candidate: Candidate) -> int:
        native = self.drafting.from_base(amount, candidate.currency)
        return whole_lots(divide(native, price(candidate)), candidate)

    def _is_full(self, draft: Draft, candidate: Candidate) -> bool:
        return candidate.symbol not in draft.orders and len(draft.orders) >= self.maximum_trades

    def _is_sensible(self, draft: Draft, candidate: Candidate, quantity: Decimal) -> bool:
        """Say whether an order, or what it adds to the one for the same security, is worth its cost."""
        ordered = draft.orders.get(candidate.symbol, ZERO)
        if ordered * quantity < ZERO:
            return self.drafting.is_sensible(candidate, quantity)
        return self.drafting.is_sensible(candidate, ordered + quantity)

    def _joined(self, draft: Draft, candidate: Candidate, quantity: Decimal) -> Draft:
        if quantity == ZERO or not self._is_sensible(draft, candidate, quantity):
            return draft
        extended = self._extended(draft, candidate, quantity)
        return extended if self.drafting.is_funded(extended) else draft

    def _extended(self, draft: Draft, candidate: Candidate, quantity: Decimal) -> Draft:
        orders = {s: q for s, q in draft.orders.items() if s != candidate.symbol}
        ordered = draft.orders.get(candidate.symbol, ZERO) + quantity
        if self.drafting.is_sensible(candidate, ordered):
            orders[candidate.symbol] = ordered
        return self.drafting.draft(orders)
