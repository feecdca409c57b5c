"""What the planner is told of each account: scores, lots, what may not be traded and why, and open orders."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import polars as pl
import pytest

from ballast.configuration import parse, securities_table
from ballast.planning.account import Account
from ballast.planning.best_plan import best_plan
from ballast.planning.case import PlanningCase
from ballast.planning.cases import Published, cases_of
from ballast.tables import (
    Correlations,
    Orders,
    PositionScores,
    RealisedGains,
    RiskMetrics,
    SecurityScores,
    TaxLots,
)
from tests.ballast.builders import Row, at, table
from tests.ballast.planning.accounts import SESSION, account, candidate

_PORTFOLIO = parse(
    """
    [[accounts]]
    id = "one"
    lot_method = "hifo"
    targets = { "A" = 0.3, "B" = 0.2 }
    [[accounts]]
    id = "two"
    objective = "targets"
    targets = { "A" = 0.5 }
    [[securities]]
    symbol = "^GSPC"
    name = "Index"
    exchange = "XNYS"
    currency = "USD"
    kind = "index"
    [[securities]]
    symbol = "A"
    name = "Alpha"
    exchange = "XAMS"
    currency = "EUR"
    country = "Netherlands"
    preference = 2.0
    [[securities]]
    symbol = "B"
    name = "Beta"
    exchange = "XAMS"
    currency = "EUR"
    country = "France"
    allow_buy = false
    """,
    where="test",
)


def _account(name: str = "one", **facts: object) -> Account:
    usual = account(
        candidate("A", quantity=Decimal(10), target=Decimal("0.3")),
        candidate("B", quantity=Decimal(5), target=Decimal("0.2"), allow_buy=False),
        cash={"EUR": Decimal(1000)},
    )
    return replace(usual, account_id=name, **facts)  # type: ignore[arg-type]


def _published(**tables: pl.DataFrame) -> Published:
    usual = {
        "securities": securities_table(_PORTFOLIO),
        "security_scores": table(SecurityScores, []),
        "position_scores": table(PositionScores, []),
        "tax_lots": table(TaxLots, []),
        "risk_metrics": table(RiskMetrics, []),
        "correlations": table(Correlations, []),
        "open_orders": table(Orders, []),
        "realised_gains": table(RealisedGains, []),
    }
    return Published(**(usual | tables), rates={"EUR/EUR": Decimal(1)})


def _case(*accounts: Account, **tables: pl.DataFrame) -> PlanningCase:
    return cases_of(_PORTFOLIO, accounts or (_account(),), _published(**tables))[0]


def _position(**facts: object) -> pl.DataFrame:
    return table(PositionScores, [{"account_id": "one", "symbol": "A"} | facts])


def test_what_is_known_of_a_security_reaches_the_case_and_the_rest_is_unknown() -> None:
    scores = table(
        SecurityScores,
        [{"symbol": "A", "return_score": 0.7, "quality": 0.6, "dividend_yield": 0.0}],
    )
    case = _case(security_scores=scores)
    assert case.facts["A"].name == "Alpha"
    assert case.facts["A"].preference == 2.0
    assert case.facts["A"].return_score == 0.7
    assert case.facts["A"].quality == 0.6
    assert case.facts["A"].dividend_yield == 0.0
    assert case.facts["A"].promise_score is None
    assert case.facts["B"].quality is None


def test_the_quality_in_the_account_comes_before_that_of_the_security() -> None:
    scores = table(SecurityScores, [{"symbol": "A", "quality": 0.6}])
    case = _case(security_scores=scores, position_scores=_position(total=0.8))
    assert case.facts["A"].quality == 0.8


def test_group_targets_are_the_sums_of_the_targets_unless_groups_are_configured() -> None:
    assert _case().group_targets == {"Netherlands": 0.3, "France": 0.2}


@pytest.mark.parametrize(("days", "is_free"), [(29, False), (30, True)])
def test_a_purchase_waits_for_the_cooldown(days: int, is_free: bool) -> None:
    bought = SESSION - timedelta(days=days)
    facts = _case(position_scores=_position(last_bought=bought)).facts["A"]
    assert (facts.no_purchase is None) is is_free
    if not is_free:
        assert f"bought on {bought}" in (facts.no_purchase or "")


@pytest.mark.parametrize(("days", "is_free"), [(89, False), (90, True)])
@pytest.mark.parametrize("side", ["last_bought", "last_sold"])
def test_a_sale_waits_for_the_hold_that_the_gate_asks_for(
    side: str, days: int, is_free: bool
) -> None:
    facts = _case(position_scores=_position(**{side: SESSION - timedelta(days=days)})).facts["A"]
    assert (facts.no_sale is None) is is_free


def test_what_the_scores_forbid_to_sell_is_not_sold() -> None:
    facts = _case(
        position_scores=_position(sell_blocked_by="a loss of 34 %", last_bought=date(2019, 1, 2))
    ).facts["A"]
    assert facts.no_sale == "a loss of 34 %"


def test_a_guard_and_the_portfolio_file_stop_a_side_by_name() -> None:
    guarded = _account()
    first, second = guarded.candidates
    guarded = replace(guarded, candidates=(replace(first, allow_sell=False), second))
    case = _case(guarded)
    assert case.facts["A"].no_sale == "a guard stops sales of it"
    assert case.facts["B"].no_purchase == "the portfolio file does not allow to buy it"


def test_lots_come_in_the_order_in_which_the_account_uses_them_up() -> None:
    lots = table(
        TaxLots,
        [
            {"lot_id": name, "account_id": owner, "symbol": "A", "quantity": Decimal(5),
             "opened_at": at(number), "unit_cost": cost, "currency": currency}
            for number, (name, owner, cost, currency) in enumerate(
                [
                    ("cheap", "one", Decimal(10), "EUR"),
                    ("dear", "one", Decimal(20), "EUR"),
                    ("foreign", "one", Decimal(15), "USD"),
                    ("other", "two", Decimal(99), "EUR"),
                ]
            )
        ],
    )  # fmt: skip
    found = _case(tax_lots=lots).facts["A"].lots
    assert [lot.unit_cost for lot in found] == [Decimal(20), None, Decimal(10)]


def _order(**facts: object) -> Row:
    usual: Row = {
        "client_order_id": "one.p.1", "account_id": "one", "side": "buy", "symbol": "A",
        "quantity": Decimal(4), "filled": Decimal(1), "price": Decimal(50),
        "session": date(2020, 8, 19), "state": "accepted",
    }  # fmt: skip
    return usual | facts


def test_an_open_purchase_keeps_its_cash_and_its_security_waits() -> None:
    case = _case(open_orders=table(Orders, [_order()]))
    # Three units at 50, with a fee of 2.30: part of the value still, but no cash any more.
    assert case.account.cash == {"EUR": Decimal("847.70")}
    assert case.account.committed == Decimal("152.30")
    assert case.drafting.draft({}).value == _case().drafting.draft({}).value
    assert case.facts["A"].no_purchase == case.facts["A"].no_sale
    assert "still open" in (case.facts["A"].no_sale or "")
    assert case.facts["B"].no_sale is None
    assert case.pending == ("buy 3 A (one.p.1)",)
    assert case.portfolio_hash != _case().portfolio_hash


def test_an_open_sale_brings_no_cash_before_it_is_filled() -> None:
    case = _case(open_orders=table(Orders, [_order(side="sell")]))
    assert case.account.cash == {"EUR": Decimal(1000)}
    assert "still open" in (case.facts["A"].no_sale or "")


def test_an_open_exchange_keeps_what_it_gives_away() -> None:
    order = _order(side="exchange", symbol="EUR/USD", quantity=Decimal(500), filled=Decimal(100))
    case = _case(open_orders=table(Orders, [order]))
    assert case.account.cash == {"EUR": Decimal("599.80")}
    assert case.account.committed == Decimal("400.20")


def test_an_open_purchase_that_nobody_can_price_blocks_the_account() -> None:
    order = _order(symbol="UNKNOWN", price=None)
    case = _case(open_orders=table(Orders, [order]))
    assert "one.p.1 will take is unknown" in (case.account.blocked_because or "")
    assert best_plan(case).plan.status == "blocked"


def test_taxes_on_what_was_realised_this_year_are_owed_losses_counted() -> None:
    def gain(amount: str | None, **facts: object) -> Row:
        usual: Row = {
            "account_id": "one", "tax_year": 2020, "currency": "EUR", "disallowed_loss": Decimal(0),
            "gain": None if amount is None else Decimal(amount),
        }  # fmt: skip
        return usual | facts

    rows = [
        gain("1000"), gain("-300"), gain(None), gain("500", tax_year=2019),
        gain("9000", account_id="two"), gain("-100", disallowed_loss=Decimal(100)),
    ]  # fmt: skip
    case = _case(realised_gains=table(RealisedGains, rows))
    assert case.account.owed == Decimal("0.25") * 700
    assert case.drafting.reserve(Decimal(0)) == Decimal(175)
    only_losses = _case(realised_gains=table(RealisedGains, [gain("-300")]))
    assert only_losses.account.owed == 0


def test_what_a_person_dismissed_is_not_planned_while_the_portfolio_is_the_same() -> None:
    held = _case().portfolio_hash

    def planned(portfolio: str) -> PlanningCase:
        published = replace(_published(), dismissed={"one": frozenset({("A", "buy", portfolio)})})
        return cases_of(_PORTFOLIO, [_account()], published)[0]

    assert "dismissed" in (planned(held).facts["A"].no_purchase or "")
    assert planned(held).facts["A"].no_sale is None
    assert planned(held).portfolio_hash == held
    assert planned("another").facts["A"].no_purchase is None


def test_a_holding_that_nobody_saw_traded_is_not_sold() -> None:
    facts = _case(position_scores=_position(is_held=True)).facts["A"]
    assert facts.no_sale == "when it was last traded is unknown"


def test_an_account_may_have_an_objective_of_its_own() -> None:
    one, two = cases_of(_PORTFOLIO, [_account(), _account("two")], _published())
    assert (one.planner.objective, two.planner.objective) == ("score", "targets")


def test_nothing_of_one_account_changes_the_plan_of_another() -> None:
    alone = _case()
    rich = _account("two", cash={"EUR": Decimal(10**6)})
    everything = _published(
        position_scores=table(
            PositionScores,
            [{"account_id": "two", "symbol": "A", "last_bought": SESSION, "total": 0.9}],
        ),
        tax_lots=table(
            TaxLots,
            [
                {"lot_id": "x", "account_id": "two", "symbol": "A", "quantity": Decimal(5),
                 "opened_at": at(1), "unit_cost": Decimal(1), "currency": "EUR"}
            ],
        ),
        open_orders=table(Orders, [_order(account_id="two")]),
    )  # fmt: skip
    beside, _ = cases_of(_PORTFOLIO, [_account(), rich], everything)
    assert beside.inputs_hash == alone.inputs_hash
    assert best_plan(beside).orders == best_plan(alone).orders
