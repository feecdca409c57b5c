"""Random accounts to plan, and what carrying out their plan leads to."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from decimal import ROUND_FLOOR, Decimal
from fractions import Fraction

from hypothesis import strategies as st

from ballast.planning.account import Account, Candidate
from ballast.planning.draft import Trade
from ballast.planning.plan import AccountPlan, plan_account
from ballast.settings import CostSettings
from ballast.trading.costs import Costs
from tests.ballast.trading.markets import (
    CURRENCIES,
    Venue,
    cents,
    costs_of_a_day,
    in_base,
    prices,
    rates_from,
)

SESSION = date(2020, 8, 20)
_LOTS = (Decimal(1), Decimal(1), Decimal(100), Decimal("0.5"))


@dataclass(frozen=True)
class Case:
    """One account, what trading costs, and the most trades that its plan may have."""

    account: Account
    costs: Costs
    maximum_trades: int = 100


def candidate(symbol: str, **facts: object) -> Candidate:
    """A security in euros at 100 that may be traded and is neither held nor wanted, unless said otherwise."""
    usual = Candidate(
        symbol, "EUR", Decimal(1), Decimal(0), Decimal(100), Decimal(0), True, True, False
    )
    return replace(usual, **facts)  # type: ignore[arg-type]


def account(
    *candidates: Candidate, cash: dict[str, Decimal] | None = None, **facts: object
) -> Account:
    """An account in euros without a reserve, unless said otherwise."""
    usual = Account(
        "a", SESSION, "EUR", cash or {}, candidates, Decimal(0), Decimal(0), "bull", None
    )
    return replace(usual, **facts)  # type: ignore[arg-type]


@st.composite
def _targets(draw: st.DrawFn, count: int) -> list[Decimal]:
    """Weights as a person writes them: some zero, together at most one."""
    parts = draw(st.lists(st.integers(0, 40), min_size=count, max_size=count))
    whole = max(sum(parts), draw(st.sampled_from([1, 50, 100])))
    return [Decimal(str(round(part / whole, 4) if whole > 100 else part / whole)) for part in parts]


@st.composite
def _candidates(draw: st.DrawFn) -> tuple[Candidate, ...]:
    count = draw(st.integers(1, 7))
    currencies = st.sampled_from(draw(st.sampled_from([("EUR",), ("EUR", "USD"), CURRENCIES])))
    found = []
    for number, target in enumerate(draw(_targets(count))):
        lot = draw(st.sampled_from(_LOTS))
        price = draw(prices())
        # Holdings worth up to 40 000 of their currency, some of them no whole number of lots.
        most = min(20_000, int(40_000 / price))
        odd = draw(st.sampled_from([Decimal(0), Decimal(0), Decimal("0.25"), Decimal(7)]))
        quantity = draw(st.one_of(st.just(Decimal(0)), st.integers(1, most + 1).map(Decimal)))
        found.append(
            Candidate(
                symbol=f"S{number}",
                currency=draw(currencies),
                lot_size=lot,
                quantity=quantity + odd,
                price=price,
                target=target,
                allow_buy=draw(st.sampled_from([True, True, True, False])),
                allow_sell=draw(st.sampled_from([True, True, True, False])),
                is_blocked=draw(st.sampled_from([False, False, False, True])),
            )
        )
    if draw(st.booleans()):
        unknown = replace(found[-1], quantity=Decimal(0), price=None, is_blocked=True)
        found[-1] = unknown
    return tuple(found)


@st.composite
def cases(
    draw: st.DrawFn,
    *,
    maximum_trades: st.SearchStrategy[int] | None = None,
    costs: st.SearchStrategy[Costs] | None = None,
) -> Case:
    """Accounts in several currencies, in order or overdrawn, with any mixture of permissions."""
    base = draw(st.sampled_from(["EUR", "EUR", "USD", "HKD"]))
    cash = draw(
        st.dictionaries(
            st.sampled_from(CURRENCIES),
            st.one_of(cents(0, 50_000), cents(0, 500), cents(-5_000, 0)),
            max_size=4,
        )
    )
    # Most accounts have something to invest.
    if draw(st.integers(0, 3)):
        cash[base] = draw(cents(5_000, 100_000))
    drawn = Account(
        account_id="a",
        session=SESSION,
        base_currency=base,
        cash=cash,
        candidates=draw(_candidates()),
        reserve_share=Decimal(draw(st.integers(1, 40))).scaleb(-2),
        reserve_floor=draw(st.sampled_from([Decimal(0), Decimal(500)])),
        regime="bull",
    )
    return Case(
        drawn,
        draw(costs_of_a_day() if costs is None else costs),
        draw(st.just(100) if maximum_trades is None else maximum_trades),
    )


@st.composite
def marginal_cases(draw: st.DrawFn) -> Case:
    """Accounts in euros in which several gaps are one lot, give or take what the fees of a plan amount to."""
    value = draw(st.integers(2_000, 20_000))
    fixed = draw(st.sampled_from([Decimal(2), Decimal(10), Decimal(50)]))
    percent = draw(st.sampled_from([Decimal("0.002"), Decimal("0.01"), Decimal("0.03")]))
    parts = draw(st.lists(st.integers(1, 20), min_size=2, max_size=5))
    whole = sum(parts) + draw(st.sampled_from([0, 5, 20]))
    fee = fixed + percent * value / len(parts)
    cash = Decimal(value)
    found = []
    for number, part in enumerate(parts):
        target = (Decimal(part) / whole).quantize(Decimal("0.001"), rounding=ROUND_FLOOR)
        lots = draw(st.integers(1, 4))
        short = value - fee * draw(st.integers(0, 300)) / 100
        price = max((target * short / lots).quantize(Decimal("0.01")), Decimal("0.01"))
        held = max(lots + draw(st.sampled_from([-2, -1, -1, 0, 1, 1, 2])), 0)
        cash -= held * price
        found.append(candidate(f"S{number}", quantity=Decimal(held), price=price, target=target))
    costs = CostSettings(fixed=fixed, percent=percent, maximum_cost_ratio=Decimal("0.5"))
    reserve = draw(st.sampled_from([Decimal("0.01"), Decimal("0.05"), Decimal("0.20")]))
    drawn = account(*found, cash={"EUR": cash}, reserve_share=reserve)
    return Case(drawn, Costs(costs, rates_from({"EUR": 1})))


def plan_of(case: Case) -> AccountPlan:
    """Plan the account of a case."""
    return plan_account(case.account, case.costs, maximum_trades=case.maximum_trades)


def carry_out(plan: AccountPlan, costs: Costs) -> Venue:
    """Carry out the steps of a plan in order at the prices that it assumed."""
    held = {c.symbol: c.quantity for c in plan.account.candidates}
    venue = Venue(costs, dict(plan.account.cash), held)
    for sale in plan.sales:
        venue.sell(*_order(sale))
    for exchange in plan.exchanges:
        venue.exchange(exchange.from_currency, exchange.to_currency, exchange.from_amount)
    for purchase in plan.purchases:
        venue.buy(*_order(purchase))
    return venue


def afterwards(before: Account, venue: Venue) -> Account:
    """The account as the venue left it."""
    held = tuple(replace(c, quantity=venue.held[c.symbol]) for c in before.candidates)
    return replace(before, cash=dict(venue.cash), candidates=held)


def value_of(account: Account, costs: Costs) -> Fraction:
    """Cash and holdings in base currency, exactly."""
    held = (worth(c, c.quantity, account, costs) for c in account.candidates)
    return cash_of(account, costs) + sum(held, Fraction(0))


def cash_of(account: Account, costs: Costs) -> Fraction:
    """All cash in base currency, exactly."""
    return in_base(account.cash, costs.rates, account.base_currency)


def worth(candidate: Candidate, quantity: Decimal, account: Account, costs: Costs) -> Fraction:
    """A quantity of a security in base currency, exactly."""
    rate = Fraction(costs.rates.rate(candidate.currency, account.base_currency))
    return Fraction(quantity) * Fraction(candidate.price or 0) * rate


def reserve_of(account: Account, value: Fraction) -> Fraction:
    """The cash to keep when the account is worth a value."""
    share = Fraction(account.reserve_share) * value
    return max(share, Fraction(account.reserve_floor), Fraction(0))


def target_of(candidate: Candidate, account: Account, value: Fraction) -> Fraction:
    """The wanted value of a holding: its share, or less where the reserve needs the room."""
    wanted = sum((Fraction(c.target) for c in account.candidates), Fraction(0)) * value
    investable = max(value - reserve_of(account, value), Fraction(0))
    shrunk = investable / wanted if wanted > investable else Fraction(1)
    return Fraction(candidate.target) * value * shrunk


def _order(trade: Trade) -> tuple[str, Decimal, Decimal, str]:
    traded = trade.candidate
    assert traded.price is not None
    return traded.symbol, abs(trade.quantity), traded.price, traded.currency
