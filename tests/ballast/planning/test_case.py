"""The case of a plan: the hash that recognises it, and its way to text and back."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import fields, replace
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ballast.planning.account import Account, Candidate
from ballast.planning.case import PlanningCase, SecurityFacts, case_from_json
from ballast.settings import CostSettings, PlannerSettings
from ballast.trading.sales import SaleLot
from tests.ballast.planning.accounts import Case, account, candidate, cases
from tests.ballast.planning.scored import planning_case

_RATES = {"EUR/USD": Decimal("1.1850"), "USD/EUR": Decimal("0.843881856540")}
_ACCOUNT = account(
    candidate("A", quantity=Decimal(3), target=Decimal("0.5")),
    candidate("B", currency="USD", price=Decimal("12.50"), target=Decimal("0.25")),
    cash={"EUR": Decimal(100), "USD": Decimal("-5.25")},
    reserve_share=Decimal("0.03"),
    reserve_floor=Decimal(500),
)
_CASE = PlanningCase(
    account=_ACCOUNT,
    securities=(
        SecurityFacts("A", quality=0.25, lots=(SaleLot(Decimal(3), Decimal(90)),)),
        SecurityFacts("B", group="US", dividend_yield=0.02),
    ),
    group_targets={"US": 0.4},
    rates=_RATES,
    costs=CostSettings(),
    planner=PlannerSettings(),
    volatilities={"A": 0.2},
    correlations={"A|B": 0.5},
    configuration="configuration",
)
_OTHERS: dict[type, Callable[[object], object]] = {
    str: lambda value: f"{value}x",
    bool: lambda value: not value,
    Decimal: lambda value: Decimal(str(value)) + Decimal("0.00000001"),
    float: lambda value: float(str(value)) + 1e-9,
    tuple: lambda _: (SaleLot(Decimal(3), None),),
}
# What a fact that is not known may turn into.
_KNOWN: dict[str, object] = {
    "country": "France", "industry": "Banks", "group": "US", "return_score": 0.5,
    "promise_score": 0.5, "stability_score": 0.5, "dividend_yield": 0.01,
    "average_cost": Decimal(1), "windfall_share": 0.2, "windfall_score": 0.4,
    "windfall_reason": "why", "no_purchase": "why", "no_sale": "why",
}  # fmt: skip


def _changed(value: object, name: str) -> object:
    return _KNOWN[name] if value is None else _OTHERS[type(value)](value)


@pytest.mark.parametrize("name", [field.name for field in fields(Candidate)])
def test_the_hash_changes_with_every_fact_of_a_candidate(name: str) -> None:
    first, second = _ACCOUNT.candidates
    other = replace(first, **{name: _changed(getattr(first, name), name)})
    changed = replace(_CASE, account=replace(_ACCOUNT, candidates=(other, second)))
    assert changed.inputs_hash != _CASE.inputs_hash


@pytest.mark.parametrize("name", [field.name for field in fields(SecurityFacts)])
def test_the_hash_changes_with_every_fact_of_a_security(name: str) -> None:
    first, second = _CASE.securities
    other = replace(first, **{name: _changed(getattr(first, name), name)})
    assert replace(_CASE, securities=(other, second)).inputs_hash != _CASE.inputs_hash


_OTHER_ACCOUNTS: list[dict[str, object]] = [
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
    {"committed": Decimal(1)},
    {"owed": Decimal(1)},
]
_OTHER_CASES: list[dict[str, object]] = [
    {"group_targets": {"US": 0.5}},
    {"rates": _RATES | {"EUR/USD": Decimal("1.1851")}},
    {"rates": _RATES | {"EUR/GBP": Decimal(1)}},
    {"costs": CostSettings(fixed=Decimal(3))},
    {"planner": PlannerSettings(depth=4)},
    {"pending": ("buy 1 A",)},
    {"volatilities": {"A": 0.3}},
    {"correlations": None},
    {"slippage": Decimal("0.01")},
    {"single_position": True},
    {"targets_only": True},
    {"code": "2.0"},
    {"configuration": "other"},
]


@pytest.mark.parametrize("changes", _OTHER_ACCOUNTS, ids=str)
def test_the_hash_changes_with_every_fact_of_the_account(changes: dict[str, object]) -> None:
    changed = replace(_CASE, account=replace(_ACCOUNT, **changes))  # type: ignore[arg-type]
    assert changed.inputs_hash != _CASE.inputs_hash


@pytest.mark.parametrize("changes", _OTHER_CASES, ids=str)
def test_the_hash_changes_with_everything_else_that_decides(changes: dict[str, object]) -> None:
    assert replace(_CASE, **changes).inputs_hash != _CASE.inputs_hash  # type: ignore[arg-type]


def test_every_fact_is_tested() -> None:
    named = {name for changes in _OTHER_ACCOUNTS for name in changes}
    assert {field.name for field in fields(Account)} == named
    named = {name for changes in _OTHER_CASES for name in changes}
    assert {field.name for field in fields(PlanningCase)} == named | {"account", "securities"}


def test_holdings_settings_and_targets_have_hashes_of_their_own() -> None:
    richer = replace(_CASE, account=replace(_ACCOUNT, cash={"EUR": Decimal(200)}))
    assert richer.portfolio_hash != _CASE.portfolio_hash
    assert richer.settings_hash == _CASE.settings_hash
    assert richer.allocation_hash == _CASE.allocation_hash
    ordered = replace(_CASE, pending=("buy 1 A",))
    assert ordered.portfolio_hash != _CASE.portfolio_hash
    dearer = replace(_CASE, costs=CostSettings(fixed=Decimal(3)))
    assert dearer.settings_hash != _CASE.settings_hash
    assert dearer.portfolio_hash == _CASE.portfolio_hash
    elsewhere = replace(_CASE, group_targets={"US": 0.5})
    assert elsewhere.allocation_hash != _CASE.allocation_hash
    assert elsewhere.portfolio_hash == _CASE.portfolio_hash


@settings(max_examples=60, deadline=None)
@given(cases(), st.randoms(use_true_random=False), st.integers(1, 6))
def test_neither_order_nor_the_way_a_number_is_written_changes_the_hash(
    drawn: Case, shuffler: random.Random, zeros: int
) -> None:
    def longer(value: Decimal) -> Decimal:
        return value.quantize(Decimal(1).scaleb(int(value.as_tuple().exponent) - zeros))

    case = planning_case(drawn, shuffler)
    candidates = [replace(c, quantity=longer(c.quantity)) for c in case.account.candidates]
    cash = [(currency, longer(amount)) for currency, amount in case.account.cash.items()]
    rates = [(pair, longer(rate)) for pair, rate in case.rates.items()]
    facts = list(case.securities)
    for items in (candidates, cash, rates, facts):
        shuffler.shuffle(items)  # type: ignore[arg-type]
    same = replace(
        case,
        account=replace(case.account, candidates=tuple(candidates), cash=dict(cash)),
        securities=tuple(facts),
        rates=dict(rates),
    )
    assert same.inputs_hash == case.inputs_hash
    assert same.portfolio_hash == case.portfolio_hash


@settings(max_examples=60, deadline=None)
@given(cases(), st.randoms(use_true_random=False))
def test_what_was_written_is_read_back_to_the_last_bit(
    drawn: Case, shuffler: random.Random
) -> None:
    case = planning_case(drawn, shuffler)
    text = case.canonical_json()
    again = case_from_json(text)
    assert again.canonical_json() == text
    assert again.inputs_hash == case.inputs_hash
    assert again.account.cash == case.account.cash
