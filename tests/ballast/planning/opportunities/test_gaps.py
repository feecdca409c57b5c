"""Opportunities of an account with targets, at the borders of their rules."""

from __future__ import annotations

from decimal import Decimal

import pytest

from ballast.planning.case import SecurityFacts
from ballast.planning.opportunities import Opportunity, opportunities
from ballast.settings import PlannerSettings
from ballast.trading.sales import SaleLot
from tests.ballast.planning.accounts import account, candidate
from tests.ballast.planning.opportunities.cases import case_of


def _only(found: list[Opportunity]) -> Opportunity:
    (opportunity,) = found
    return opportunity


def test_a_purchase_closes_the_gap_in_whole_lots_its_cost_included() -> None:
    facts = account(candidate("A", target=Decimal("0.5")), cash={"EUR": Decimal(10_000)})
    found = _only(opportunities(case_of(facts)))
    # 5,000 pay for 49 at 100 with fees of 11.80, not for 50.
    assert (found.quantity, found.value, found.fee) == (49, 4900, Decimal("11.80"))
    assert (found.category, found.priority) == ("rebalance_buys", 50.0)
    assert found.reason == "at 0.0% it is below the target of 50.0%"


def test_a_sale_brings_a_holding_down_to_its_target_and_an_unwanted_one_to_nothing() -> None:
    facts = account(
        candidate("A", quantity=Decimal(70), target=Decimal("0.5")),
        candidate("B", quantity=Decimal(30)),
    )
    found = {o.symbol: o for o in opportunities(case_of(facts))}
    assert (found["A"].quantity, found["B"].quantity) == (-20, -30)
    assert found["B"].reason == "it is not among the targets of this account"


@pytest.mark.parametrize(("target", "is_found"), [("0.055", False), ("0.056", True)])
def test_a_gap_at_the_minimum_is_left_alone(target: str, is_found: bool) -> None:
    facts = account(
        candidate("A", quantity=Decimal(50), target=Decimal(target)),
        cash={"EUR": Decimal(95_000)},
    )
    assert bool(opportunities(case_of(facts))) is is_found


def test_preference_raises_the_priority_of_a_purchase_and_lowers_that_of_a_sale() -> None:
    facts = account(
        candidate("A", quantity=Decimal(60), target=Decimal("0.4")),
        candidate("B", target=Decimal("0.2")),
        cash={"EUR": Decimal(4_000)},
    )
    liked = [SecurityFacts("A", preference=2.0), SecurityFacts("B", preference=2.0)]
    found = {o.symbol: o.priority for o in opportunities(case_of(facts, *liked))}
    assert found == {"A": pytest.approx(10.0), "B": pytest.approx(40.0)}


def test_more_of_what_costs_less_than_was_paid_is_averaging_down() -> None:
    facts = account(
        candidate("A", quantity=Decimal(10), target=Decimal("0.5")), cash={"EUR": Decimal(9_000)}
    )
    dearer = SecurityFacts("A", average_cost=Decimal(101))
    assert _only(opportunities(case_of(facts, dearer))).category == "averaging_down"
    cheaper = SecurityFacts("A", average_cost=Decimal(100))
    assert _only(opportunities(case_of(facts, cheaper))).category == "rebalance_buys"


def test_what_the_windfall_rule_would_sell_is_profit_taken() -> None:
    facts = account(
        candidate("A", quantity=Decimal(70), target=Decimal("0.5")), cash={"EUR": Decimal(3_000)}
    )
    windfall = SecurityFacts(
        "A", windfall_share=0.4, windfall_score=1.0, windfall_reason="it doubled"
    )
    found = _only(opportunities(case_of(facts, windfall)))
    assert (found.category, found.tags) == ("profit_taking", ("windfall", "profit_taking"))
    assert found.reason.endswith("; it doubled")


def test_the_tax_is_on_the_gain_of_the_lots_that_are_used_up_and_a_loss_is_not_credited() -> None:
    facts = account(
        candidate("A", quantity=Decimal(30)),
        candidate("B", quantity=Decimal(30)),
        candidate("C", target=Decimal("0.001")),
    )
    lots = (SaleLot(Decimal(10), Decimal(40)), SaleLot(Decimal(20), Decimal(90)))
    losing = (SaleLot(Decimal(30), Decimal(140)),)
    found = {
        o.symbol: o.tax
        for o in opportunities(
            case_of(facts, SecurityFacts("A", lots=lots), SecurityFacts("B", lots=losing))
        )
    }
    assert found == {"A": Decimal("0.25") * (3000 - 400 - 1800), "B": 0}


def test_a_purchase_beyond_the_cash_is_offered_whole_if_sales_can_pay_and_in_part() -> None:
    facts = account(
        candidate("A", quantity=Decimal(80), target=Decimal("0.3")),
        candidate("B", target=Decimal("0.6")),
        cash={"EUR": Decimal(2_000)},
    )
    cost_known = SecurityFacts("A", lots=(SaleLot(Decimal(80), Decimal(100)),))
    found = [o for o in opportunities(case_of(facts, cost_known)) if o.symbol == "B"]
    assert [(o.quantity, o.is_part) for o in found] == [(59, False), (19, True)]
    stopped = SecurityFacts("A", no_sale="held too short")
    found = [o for o in opportunities(case_of(facts, stopped)) if o.symbol == "B"]
    assert [o.quantity for o in found] == [19]


def test_what_is_stopped_is_named_with_the_reason() -> None:
    facts = account(candidate("A", target=Decimal("0.5")), cash={"EUR": Decimal(10_000)})
    cooling = SecurityFacts("A", no_purchase="it was bought on 2020-08-01")
    assert _only(opportunities(case_of(facts, cooling))).stopped_by == "it was bought on 2020-08-01"


def test_what_is_sold_short_is_neither_covered_nor_added_to() -> None:
    facts = account(
        candidate("A", quantity=Decimal(-10), target=Decimal("0.5")), cash={"EUR": Decimal(9_000)}
    )
    assert "sold short" in (_only(opportunities(case_of(facts))).stopped_by or "")


def test_what_has_no_price_or_a_stale_one_is_no_opportunity() -> None:
    facts = account(
        candidate("A", target=Decimal("0.5"), price=None),
        candidate("B", target=Decimal("0.5"), is_blocked=True),
        cash={"EUR": Decimal(10_000)},
    )
    assert opportunities(case_of(facts)) == []


def test_a_trade_that_costs_too_much_is_no_opportunity() -> None:
    facts = account(candidate("A", target=Decimal("0.5")), cash={"EUR": Decimal(400)})
    assert opportunities(case_of(facts)) == []
    patient = PlannerSettings(minimum_gap=0.0)
    assert opportunities(case_of(facts, planner=patient)) == []


def test_a_purchase_in_another_currency_bears_the_exchange() -> None:
    facts = account(
        candidate("A", currency="USD", target=Decimal("0.5")), cash={"EUR": Decimal(10_000)}
    )
    rates = {"EUR/USD": Decimal(2), "USD/EUR": Decimal("0.5")}
    found = _only(opportunities(case_of(facts, rates=rates)))
    assert found.quantity == 99
    # 2 EUR + 0.2 % and 0.05 % of 9,900 USD at two dollars a euro.
    assert found.fee == 2 + (Decimal("19.80") + Decimal("4.95")) / 2
