"""The facts of a plan: how they are put together, and the hash that recognises them."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import fields, replace
from datetime import date
from decimal import Decimal

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ballast.configuration import parse, securities_table, target_weights_table
from ballast.planning.account import Account, Candidate, accounts_of
from ballast.tables import Positions, Prices, polars_schema
from tests.ballast.planning.accounts import SESSION, Case, account, candidate, cases

_RATES = {("EUR", "USD"): Decimal("1.1850"), ("USD", "EUR"): Decimal("0.843881856540")}
_ACCOUNT = account(
    candidate("A", quantity=Decimal(3), target=Decimal("0.5")),
    candidate("B", currency="USD", price=Decimal("12.50"), target=Decimal("0.25")),
    cash={"EUR": Decimal(100), "USD": Decimal("-5.25")},
    reserve_share=Decimal("0.03"),
    reserve_floor=Decimal(500),
)
_OTHERS: dict[type, Callable[[object], object]] = {
    str: lambda value: f"{value}x",
    bool: lambda value: not value,
    Decimal: lambda value: Decimal(str(value)) + Decimal("0.00000001"),
    type(None): lambda _: Decimal(1),
}


def _hash(facts: Account, rates: dict[tuple[str, str], Decimal] | None = None) -> str:
    return facts.inputs_hash(_RATES if rates is None else rates, "configuration")


def _with_candidate(**changes: object) -> Account:
    first, second = _ACCOUNT.candidates
    return replace(_ACCOUNT, candidates=(replace(first, **changes), second))  # type: ignore[arg-type]


@pytest.mark.parametrize("name", [field.name for field in fields(Candidate)])
def test_the_hash_changes_with_every_fact_of_a_candidate(name: str) -> None:
    value = getattr(_ACCOUNT.candidates[0], name)
    changed = _with_candidate(**{name: _OTHERS[type(value)](value)})
    assert _hash(changed) != _hash(_ACCOUNT)


@pytest.mark.parametrize(
    "changes",
    [
        {"account_id": "b"},
        {"session": date(2020, 8, 21)},
        {"base_currency": "USD"},
        {"cash": {"EUR": Decimal(100), "USD": Decimal("-5.26")}},
        {"cash": {"EUR": Decimal(100), "GBP": Decimal("-5.25")}},
        {"cash": {"EUR": Decimal(100)}},
        {"candidates": _ACCOUNT.candidates[:1]},
        {"reserve_share": Decimal("0.05")},
        {"reserve_floor": Decimal(0)},
        {"regime": "bear"},
        {"regime": None},
        {"blocked_because": "differences"},
    ],
    ids=str,
)
def test_the_hash_changes_with_every_fact_of_the_account(changes: dict[str, object]) -> None:
    assert _hash(replace(_ACCOUNT, **changes)) != _hash(_ACCOUNT)  # type: ignore[arg-type]


def test_every_fact_of_an_account_is_tested() -> None:
    tested = {
        "account_id", "session", "base_currency", "cash", "candidates", "reserve_share",
        "reserve_floor", "regime", "blocked_because",
    }  # fmt: skip
    assert {field.name for field in fields(Account)} == tested


def test_the_hash_changes_with_rates_and_configuration() -> None:
    assert _hash(_ACCOUNT, _RATES | {("EUR", "USD"): Decimal("1.1851")}) != _hash(_ACCOUNT)
    assert _hash(_ACCOUNT, _RATES | {("EUR", "GBP"): Decimal(1)}) != _hash(_ACCOUNT)
    assert _ACCOUNT.inputs_hash(_RATES, "other") != _hash(_ACCOUNT)


def test_the_hash_is_the_same_in_every_process() -> None:
    # A hash of Python's own would differ from run to run.
    assert _hash(_ACCOUNT) == "fe99598aaa3fc35c"


@settings(max_examples=60, deadline=None)
@given(cases(), st.randoms(use_true_random=False), st.integers(1, 6))
def test_neither_order_nor_the_way_a_number_is_written_changes_the_hash(
    case: Case, shuffler: random.Random, zeros: int
) -> None:
    def longer(value: Decimal) -> Decimal:
        return value.quantize(Decimal(1).scaleb(int(value.as_tuple().exponent) - zeros))

    candidates = [replace(c, quantity=longer(c.quantity)) for c in case.account.candidates]
    cash = [(currency, longer(amount)) for currency, amount in case.account.cash.items()]
    rates = [(pair, longer(rate)) for pair, rate in case.costs.rates.by_pair.items()]
    for items in (candidates, cash, rates):
        shuffler.shuffle(items)  # type: ignore[arg-type]
    same = replace(case.account, candidates=tuple(candidates), cash=dict(cash))
    assert _hash(same, dict(rates)) == _hash(case.account, dict(case.costs.rates.by_pair))


_PORTFOLIO = parse(
    """
    base_currency = "EUR"
    [[accounts]]
    id = "one"
    targets = { "W" = 0.3, "HW" = 0.1 }
    [[accounts]]
    id = "two"
    base_currency = "USD"
    [[securities]]
    symbol = "^GSPC"
    name = "Index"
    exchange = "XNYS"
    currency = "USD"
    kind = "index"
    [[securities]]
    symbol = "W"
    name = "Wanted"
    exchange = "XNYS"
    currency = "USD"
    allow_sell = false
    [[securities]]
    symbol = "HW"
    name = "Held and wanted"
    exchange = "XHKG"
    currency = "HKD"
    lot_size = "100"
    [[securities]]
    symbol = "H"
    name = "Held"
    exchange = "XAMS"
    currency = "EUR"
    allow_buy = false
    """,
    where="test",
)


def _accounts(**changes: object) -> list[Account]:
    prices = pl.DataFrame(
        [
            _price("^GSPC", "3000", blocks=False),
            _price("W", "10.5", blocks=False),
            _price("HW", None, blocks=True),
            _price("H", "7", blocks=True),
        ],
        schema=polars_schema(Prices),
    )
    positions = pl.DataFrame(
        [
            _position("one", "HW", "200"),
            _position("one", "H", "3.5"),
            _position("one", "EUR", "-12.34", is_cash=True),
            _position("two", "USD", "99", is_cash=True),
            _position("elsewhere", "H", "1000"),
        ],
        schema=polars_schema(Positions),
    )
    facts: dict[str, object] = {
        "portfolio": _PORTFOLIO,
        "positions": positions,
        "securities": securities_table(_PORTFOLIO),
        "prices": prices,
        "targets": target_weights_table(_PORTFOLIO),
        "regime": "bear",
        "reserve_share": 0.05,
        "blocked": {"two": "unavailable"},
        "session": SESSION,
    }
    return accounts_of(**(facts | changes))  # type: ignore[arg-type]


def test_a_candidate_is_what_is_held_or_wanted_and_nothing_else() -> None:
    one, two = _accounts()
    zero = Decimal(0)
    assert one.candidates == (
        Candidate(
            "H", "EUR", Decimal(1), Decimal("3.5"), Decimal(7), zero, False, True, is_blocked=True
        ),
        Candidate(
            "HW", "HKD", Decimal(100), Decimal(200), None, Decimal("0.1"), True, True,
            is_blocked=True,
        ),
        Candidate(
            "W", "USD", Decimal(1), zero, Decimal("10.5"), Decimal("0.3"), True, False,
            is_blocked=False,
        ),
    )  # fmt: skip
    assert two.candidates == ()


def test_cash_reserve_and_base_currency_are_those_of_the_account() -> None:
    one, two = _accounts()
    assert (dict(one.cash), dict(two.cash)) == (
        {"EUR": Decimal("-12.34")},
        {"USD": Decimal(99)},
    )
    assert (one.base_currency, two.base_currency) == ("EUR", "USD")
    assert (one.reserve_share, one.reserve_floor, one.regime) == (
        Decimal("0.05"),
        Decimal(500),
        "bear",
    )


def test_a_reason_to_block_reaches_its_account_only() -> None:
    one, two = _accounts()
    assert (one.blocked_because, two.blocked_because) == (None, "unavailable")


def test_an_unknown_regime_stays_unknown() -> None:
    assert [facts.regime for facts in _accounts(regime=None)] == [None, None]


def _price(symbol: str, price: str | None, *, blocks: bool) -> dict[str, object]:
    return {
        "symbol": symbol,
        "currency": "EUR",
        "price": None if price is None else Decimal(price),
        "price_session": None if price is None else SESSION,
        "sessions_old": 0,
        "is_stale": blocks,
        "blocks_planning": blocks,
    }


def _position(
    account_id: str, commodity: str, quantity: str, *, is_cash: bool = False
) -> dict[str, object]:
    return {
        "account_id": account_id,
        "commodity": commodity,
        "is_cash": is_cash,
        "quantity": Decimal(quantity),
        "currency": "EUR",
        "is_price_stale": False,
        "base_currency": "EUR",
    }
