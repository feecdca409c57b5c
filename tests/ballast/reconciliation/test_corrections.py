"""What was corrected once stays corrected, whatever happens next; and no clue breaks what agrees."""

from __future__ import annotations

from dataclasses import replace

import polars as pl
import pytest

from ballast.books.broker_events import BrokerEvent, Cancellation
from ballast.reconciliation.resolve import Proposal, proposed_postings
from ballast.settings import ReconciliationSettings
from tests.ballast.builders import D, day, dividend
from tests.ballast.reconciliation.accounts import (
    SOURCE,
    Account,
    at_hour,
    booked_into,
    cash,
    fill,
    order,
)
from tests.ballast.reconciliation.test_explain import BOUGHT, EXACT, TOLD

FEE = cash(3, "fee", "-7")


def differing(account: Account, ledger: pl.DataFrame) -> list[tuple[object, ...]]:
    table = account.compare(ledger).filter(pl.col("outcome") != "matched")
    return table.select("item", "field").rows()


def booked(account: Account, ledger: pl.DataFrame, proposals: list[Proposal]) -> pl.DataFrame:
    return booked_into(ledger, proposed_postings(proposals))


@pytest.mark.parametrize("what", TOLD)
def test_an_accepted_correction_is_left_alone_when_something_else_differs(what: str) -> None:
    broker, known, _ = TOLD[what]
    before = Account(broker, known, settings=EXACT)
    after = replace(before, broker=[*broker, FEE])
    ledger = before.resolved()
    proposals = after.resolve(ledger)
    assert [each.cause for each in proposals] == ["fee"]
    assert differing(after, booked(after, ledger, proposals)) == []


def test_what_is_accepted_twice_in_a_row_is_two_corrections() -> None:
    account = Account(unseen={"USD": "-100"}, tells=False)
    ledger = account.resolved()
    again = replace(account, unseen={"USD": "-200"})
    (first,), (second,) = account.resolve(), again.resolve(ledger)
    assert first.proposal_id != second.proposal_id
    assert differing(again, booked(again, ledger, [second])) == []


@pytest.mark.parametrize("tells", [True, False])
def test_two_equal_trades_that_both_took_place_are_not_doubted_when_units_go(tells: bool) -> None:
    twice = [fill(n, "CCC", "10", "50", fill_id=f"g{n}") for n in (1, 2)]
    account = Account(twice, twice, tells=tells, unseen={"CCC": "-10"})
    assert {each.cause for each in account.resolve()} == {"unexplained"}
    assert differing(account, account.resolved()) == []


def test_a_trade_that_the_broker_confirms_has_not_the_wrong_sign() -> None:
    account = Account([BOUGHT], [BOUGHT], unseen={"CCC": "-10", "USD": "1000"})
    assert "wrong_sign" not in {each.cause for each in account.resolve()}


def test_an_order_that_may_not_have_been_filled_counts_only_beside_fitting_cash() -> None:
    submitted = [order(1, "buy", "CCC", "5", state="submitted")]
    without = Account(unseen={"CCC": "5"}, orders=submitted, tells=False)
    assert {each.cause for each in without.resolve()} == {"unexplained"}
    paid = Account(broker=[BOUGHT], orders=submitted, tells=False)
    assert {each.cause for each in paid.resolve()} == {"missed_fill"}


def test_of_two_orders_for_the_same_units_one_is_booked_and_one_is_missed() -> None:
    other = replace(BOUGHT, fill_id="g2", client_order_id="o2")
    account = Account(
        [BOUGHT, other], [BOUGHT], tells=False,
        orders=[order(1, "buy", "CCC", "5"), order(2, "buy", "CCC", "5")],
    )  # fmt: skip
    (proposal,) = account.resolve()
    assert (proposal.cause, proposal.evidence) == ("missed_fill", "order o2")


def test_a_dividend_that_is_due_is_not_swallowed_by_a_trade() -> None:
    paid = cash(2, "dividend", "20")
    account = Account(
        [BOUGHT, paid], tells=False, orders=[order(1, "buy", "CCC", "5")],
        actions=[dividend("BBB", day(0), "1")],
    )  # fmt: skip
    assert {each.cause for each in account.resolve()} == {"missed_fill", "dividend"}
    cost = next(p for p in account.resolve() if p.cause == "missed_fill").postings[0]
    assert cost["counter_value"] == 501


def test_a_cancellation_that_comes_late_does_not_take_back_twice() -> None:
    cancelled = Cancellation("k1", BOUGHT, at_hour(2))
    events: list[BrokerEvent] = [BOUGHT, cancelled]
    account = Account(broker=events, booked=[BOUGHT])
    (proposal,) = account.resolve()
    assert (proposal.cause, proposal.postings[0]["source"]) == ("broker_correction", SOURCE)
    resolved = account.resolved()
    assert differing(account, resolved) == []
    late = Account(broker=events, booked=events).ledger
    assert booked_into(resolved, late).equals(resolved)


def test_a_cost_that_becomes_known_is_another_proposal() -> None:
    unknown = Account(unseen={"CCC": "16"}, tells=False)
    known = replace(unknown, unseen_cost={"CCC": "992"})
    assert unknown.resolve()[0].proposal_id != known.resolve()[0].proposal_id


def test_a_basis_in_another_currency_restates_nothing() -> None:
    account = Account(unseen_cost={"AAA": "-100"}, basis_currency="EUR")
    assert not any("basis" in each.description for each in account.resolve())


def test_positions_are_taken_for_rounding_only_where_the_settings_let_them() -> None:
    strict, loose = (
        ReconciliationSettings(accept_rounding_of_positions=flag) for flag in (False, True)
    )
    dust = Account(unseen={"CCC": "0.01"}, tells=False)
    (waits, *_) = replace(dust, settings=strict).resolve()
    (accepted, *_) = replace(dust, settings=loose).resolve()
    assert (waits.cause, waits.accepts_itself) == ("unexplained", False)
    assert (accepted.cause, accepted.accepts_itself) == ("rounding", True)
    large = replace(dust, settings=loose, unseen={"CCC": "0.1"})
    assert not large.resolve()[0].accepts_itself


def test_where_units_came_depends_on_their_own_account_and_item() -> None:
    sold = [fill(1, "AAA", "-4", "55", fee=D(0)), fill(2, "AAA", "4", "60", fee=D(0), fill_id="b")]
    account = Account(
        sold, sold, tells=False, method="average", unseen={"AAA": "5"}, unseen_cost={"AAA": "300"}
    )
    early = account.resolve()[0].postings[0]["occurred_at"]
    lately = account.resolve(agreed_until={"a": day(-1)})[0].postings[0]["occurred_at"]
    own = account.resolve(agreed_until={"a": day(-1)}, agreed_before={("a", "AAA"): None})[
        0
    ].postings[0]["occurred_at"]
    assert early == own < at_hour(0) < lately < sold[0].filled_at
