"""The trades that bring one account to its target weights.

Targets are shares of the account's value after the plan's own fees; if they and the cash reserve exceed it together,
all targets shrink alike. Gaps are closed in whole lots without overshooting, largest first, sales before exchanges
before purchases. Because the value after fees is what targets refer to, planning again after the plan was executed
finds every gap smaller than one lot.
"""

from __future__ import annotations

import bisect
from dataclasses import dataclass, replace
from decimal import Decimal

from ballast.money import ZERO, divide, floor_to_multiple, multiply, scale, to_cents
from ballast.planning.account import Account, Candidate
from ballast.trading.costs import Costs
from ballast.trading.exchange import Exchange, Funding, fund

_FEE_ROUNDS = 8
_NO_PAIRS: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Trade:
    """A sale (negative quantity) or purchase, with its value and fee in the security's currency."""

    candidate: Candidate
    quantity: Decimal
    value: Decimal
    fee: Decimal
    gap_base: Decimal

    @property
    def cash(self) -> Decimal:
        """Effect on cash in the security's currency."""
        return (-self.value if self.quantity > ZERO else self.value) - self.fee


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
    if account.blocked_because is not None:
        return AccountPlan(account, "blocked", account.blocked_because)
    unpriced = [c.symbol for c in account.candidates if c.price is None and c.quantity != ZERO]
    if unpriced:
        return AccountPlan(
            account,
            "unknown",
            f"no price is known for {', '.join(unpriced)}, so neither is the value",
        )
    worker = _Planner(account, costs, maximum_trades)
    return worker.plan()


@dataclass(frozen=True)
class _Planner:
    account: Account
    costs: Costs
    maximum_trades: int

    def plan(self) -> AccountPlan:
        account = self.account
        cash = sum(
            (self._to_base(amount, currency) for currency, amount in account.cash.items()), ZERO
        )
        value = cash + sum((self._value_base(c) for c in account.candidates), ZERO)
        sales, purchases, funding = self._settle_fees(value)
        fees = self._fees(sales, purchases, funding)
        plan = AccountPlan(
            account=account,
            status="planned",
            reason="",
            value_before=value,
            reserve=self._reserve(value - fees),
            fees=fees,
            cash_before=cash,
            cash_after=self._total(funding.balances),
            sales=sales,
            exchanges=funding.exchanges,
            purchases=purchases,
        )
        if plan.steps:
            return replace(plan, reason=f"{plan.steps} steps towards the targets")
        reason = "every gap is smaller than one lot, not worth its cost, or beyond the cash at hand"
        return replace(plan, status="at_target", reason=reason)

    def _settle_fees(self, value: Decimal) -> tuple[tuple[Trade, ...], tuple[Trade, ...], Funding]:
        """Repeat until the fees assumed are the fees of the plan; fees settle because lots are whole."""
        fees = ZERO
        for _ in range(_FEE_ROUNDS):
            sales, purchases, funding = self._trades(value - fees)
            found = self._fees(sales, purchases, funding)
            if found == fees:
                break
            fees = found
        return sales, purchases, funding

    def _trades(self, value: Decimal) -> tuple[tuple[Trade, ...], tuple[Trade, ...], Funding]:
        reserve = self._reserve(value)
        gaps = self._gaps(value, reserve)
        sales = tuple(
            trade
            for candidate, gap in gaps
            if gap < ZERO and (trade := self._sale(candidate, -gap)) is not None
        )[: self.maximum_trades]
        purchases: tuple[Trade, ...] = ()
        funding = self._funding(sales, purchases)
        for candidate, gap in gaps:
            if gap <= ZERO or len(sales) + len(purchases) >= self.maximum_trades:
                continue
            trade = self._purchase(candidate, gap, sales, purchases, reserve)
            if trade is not None:
                purchases = (*purchases, trade)
                funding = self._funding(sales, purchases)
        return sales, purchases, funding

    def _reserve(self, value: Decimal) -> Decimal:
        share = multiply(value, self.account.reserve_share)
        return max(share, self.account.reserve_floor, ZERO)

    def _gaps(self, value: Decimal, reserve: Decimal) -> list[tuple[Candidate, Decimal]]:
        """Target minus current value in base currency, largest first; ties by symbol."""
        candidates = self.account.candidates
        wanted = sum((multiply(c.target, value) for c in candidates), ZERO)
        investable = max(value - reserve, ZERO)
        fits = wanted <= investable
        gaps = []
        for candidate in candidates:
            target = multiply(candidate.target, value)
            if not fits:
                target = scale(target, investable, wanted)
            gaps.append((candidate, target - self._value_base(candidate)))
        return sorted(gaps, key=lambda pair: (-abs(pair[1]), pair[0].symbol))

    def _sale(self, candidate: Candidate, excess: Decimal) -> Trade | None:
        if not candidate.allow_sell or candidate.is_blocked or candidate.quantity <= ZERO:
            return None
        held = floor_to_multiple(candidate.quantity, candidate.lot_size)
        wanted = self._lots_within(candidate, excess)
        quantity = held if candidate.target == ZERO else min(held, wanted)
        trade = self._trade(candidate, -quantity, excess)
        return trade if trade is not None and self._is_sensible(trade) else None

    def _purchase(
        self,
        candidate: Candidate,
        gap: Decimal,
        sales: tuple[Trade, ...],
        purchases: tuple[Trade, ...],
        reserve: Decimal,
    ) -> Trade | None:
        """Return the largest purchase that fits the gap, the cash and the reserve."""
        if not candidate.allow_buy or candidate.is_blocked:
            return None

        def purchase(lots: int) -> Trade | None:
            trade = self._trade(candidate, candidate.lot_size * lots, gap)
            if trade is None or not self._is_affordable(sales, (*purchases, trade), reserve):
                return None
            return trade

        most = int(self._lots_within(candidate, gap) / candidate.lot_size)
        lots = bisect.bisect_left(range(1, most + 1), True, key=lambda n: purchase(n) is None)
        best = purchase(lots) if lots else None
        return best if best is not None and self._is_sensible(best) else None

    def _trade(self, candidate: Candidate, quantity: Decimal, gap: Decimal) -> Trade | None:
        if quantity == ZERO or candidate.price is None:
            return None
        value = to_cents(multiply(abs(quantity), candidate.price))
        fee = self.costs.trade_fee(value, candidate.currency)
        return Trade(candidate, quantity, value, fee, gap)

    def _is_sensible(self, trade: Trade) -> bool:
        currency = trade.candidate.currency
        return trade.value >= self.costs.minimum_trade(currency) and self.costs.is_worthwhile(
            trade.value, currency
        )

    def _is_affordable(
        self, sales: tuple[Trade, ...], purchases: tuple[Trade, ...], reserve: Decimal
    ) -> bool:
        funding = self._funding(sales, purchases)
        return not funding.uncovered and self._total(funding.balances) >= reserve

    def _funding(self, sales: tuple[Trade, ...], purchases: tuple[Trade, ...]) -> Funding:
        balances = dict(self.account.cash)
        for trade in (*sales, *purchases):
            currency = trade.candidate.currency
            balances[currency] = balances.get(currency, ZERO) + trade.cash
        return fund(balances, self.costs, self.account.base_currency, _NO_PAIRS)

    def _fees(
        self, sales: tuple[Trade, ...], purchases: tuple[Trade, ...], funding: Funding
    ) -> Decimal:
        trades = sum(
            (self._to_base(t.fee, t.candidate.currency) for t in (*sales, *purchases)), ZERO
        )
        exchanges = sum((self._to_base(e.fee, e.from_currency) for e in funding.exchanges), ZERO)
        return trades + exchanges

    def _lots_within(self, candidate: Candidate, amount_base: Decimal) -> Decimal:
        if candidate.price is None:
            return ZERO
        native = self.costs.rates.needed(
            amount_base, self.account.base_currency, candidate.currency
        )
        return floor_to_multiple(divide(native, candidate.price), candidate.lot_size)

    def _value_base(self, candidate: Candidate) -> Decimal:
        if candidate.price is None or candidate.quantity == ZERO:
            return ZERO
        return self._to_base(multiply(candidate.quantity, candidate.price), candidate.currency)

    def _to_base(self, amount: Decimal, currency: str) -> Decimal:
        return self.costs.rates.convert(amount, currency, self.account.base_currency)

    def _total(self, balances: dict[str, Decimal]) -> Decimal:
        return sum((self._to_base(amount, currency) for currency, amount in balances.items()), ZERO)
