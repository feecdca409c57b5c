"""Proposals are explicit, reversible and the same in every run; booking them makes the books agree."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ballast.books.broker_events import BrokerEvent, Fill
from ballast.books.positions import quantities
from ballast.reconciliation.basis import held_by_lots
from ballast.reconciliation.opening import average_after
from ballast.reconciliation.resolve import proposed_postings
from ballast.settings import LotMethod, ReconciliationSettings
from tests.ballast.builders import D, day, dividend
from tests.ballast.builders import split as split_action
from tests.ballast.reconciliation.accounts import (
    EXCHANGES,
    OPENING,
    SOURCE,
    Account,
    booked_into,
    cash,
    fill,
    order,
)
from tests.ballast.reconciliation.test_explain import (
    BOUGHT,
    EXACT,
    INFERRED,
    TOLD,
    events,
    strays,
    whole_accounts,
)

CASES = {
    **{what: Account(broker, booked, settings=EXACT) for what, (broker, booked, _) in TOLD.items()},
    **{
        f"{what}, untold": replace(account, tells=False, settings=EXACT)
        for what, (account, _) in INFERRED.items()
    },
}


def differences(account: Account, ledger: pl.DataFrame) -> list[tuple[str, str, str]]:
    table = account.compare(ledger).filter(pl.col("outcome") != "matched")
    return table.select("item", "field", "outcome").rows()


@pytest.mark.parametrize("what", CASES)
def test_booking_the_proposals_makes_the_books_agree(what: str) -> None:
    account = CASES[what]
    assert differences(account, account.ledger) != []
    assert differences(account, account.resolved()) == []


@whole_accounts
@given(events, events, strays, st.booleans(), st.sampled_from(["fifo", "lifo", "hifo", "average"]))
def test_whatever_differs_the_proposals_end_it(
    broker: list[BrokerEvent],
    booked: list[BrokerEvent],
    unseen: dict[str, str],
    tells: bool,
    method: LotMethod,
) -> None:
    account = Account(
        broker, booked, tells=tells, unseen=unseen, settings=EXACT, method=method,
        unseen_cost={symbol: str(90 * int(n)) for symbol, n in unseen.items() if int(n) > 0},
    )  # fmt: skip
    assert differences(account, account.resolved()) == []
    assert account.resolve(account.resolved()) == []


@whole_accounts
@given(events, strays, st.booleans())
def test_a_second_run_proposes_the_same(
    broker: list[BrokerEvent], unseen: dict[str, str], tells: bool
) -> None:
    account = Account(broker, tells=tells, unseen=unseen)
    again = Account(broker[::-1], tells=tells, unseen=unseen)
    assert account.resolve() == again.resolve()
    once = account.resolved()
    assert booked_into(once, proposed_postings(account.resolve())).equals(once)


def test_an_event_that_the_broker_tells_is_booked_under_its_own_name() -> None:
    (proposal,) = Account(broker=[BOUGHT]).resolve()
    late = Account(booked=[BOUGHT])
    assert {row["source"] for row in proposal.postings} == {SOURCE}
    resolved = booked_into(Account(broker=[BOUGHT]).ledger, proposed_postings([proposal]))
    assert resolved.equals(late.ledger)


def test_what_is_inferred_is_an_adjustment_with_the_price_that_the_cash_implies() -> None:
    account = Account(broker=[BOUGHT], orders=[order(1, "buy", "CCC", "5")], tells=False)
    (proposal,) = account.resolve()
    shares, paid = proposal.postings
    assert {row["kind"] for row in proposal.postings} == {"adjustment"}
    assert (shares["commodity"], shares["quantity"], shares["counter_value"]) == ("CCC", 5, 501)
    assert (paid["commodity"], paid["quantity"]) == ("USD", -501)


def test_nothing_that_stands_is_changed_it_is_reversed() -> None:
    account = Account([BOUGHT], [replace(BOUGHT, quantity=D(3))])
    before, after = account.ledger, account.resolved()
    kept = after.filter(pl.col("posting_id").is_in(before["posting_id"].implode()))
    assert kept.equals(before)
    wrong = before.filter(pl.col("commodity") == "CCC")["posting_id"].to_list()
    assert set(wrong) < set(after["reverses"].drop_nulls())


@pytest.mark.parametrize("what", ["a split of the calendar", "a dividend of the calendar"])
def test_a_corporate_action_is_booked_as_what_it_is(what: str) -> None:
    account, cause = INFERRED[what]
    (proposal,) = replace(account, tells=False).resolve()
    assert {row["kind"] for row in proposal.postings} == {cause}


def test_a_basis_that_differs_is_restated_and_nothing_is_sold() -> None:
    account = Account(unseen_cost={"AAA": "-100"})
    (proposal,) = account.resolve()
    (posting,) = proposal.postings
    assert (posting["kind"], posting["quantity"]) == ("basis_restatement", 0)
    assert posting["counter_value"] == -100
    assert quantities(account.resolved()).equals(quantities(account.ledger))


def test_a_reduction_closes_at_the_books_own_cost_and_restates_the_rest() -> None:
    # 150 @ 100 in the books, 100 @ 90 at the broker: sold at 120 the average would stay at 100 with a gain of nobody's.
    opening = [cash(-400, "deposit", "1000000"), fill(-390, "AAA", "150", "100", fee=D(0))]
    account = Account(
        opening=opening, unseen={"AAA": "-50"}, unseen_cost={"AAA": "-6000"}, tells=False
    )
    closed, restated = account.resolve()
    assert [row["counter_value"] for row in closed.postings] == [None]
    held = held_by_lots(EXCHANGES, {"a": "fifo"})(account.resolved(), "AAA")
    assert (held.quantity, held.amount) == (100, 9000)
    assert [row["kind"] for row in restated.postings] == ["basis_restatement"]
    assert differences(account, account.resolved()) == []


def with_unseen(fills: Sequence[Fill], method: LotMethod, units: int, price: Decimal) -> Account:
    """An account whose broker had units of CCC before the fills, of which the books know nothing."""
    unseen = fill(-300, "CCC", str(units), str(price), fee=D(0), fill_id="unseen")
    return Account(
        broker=[unseen, *fills], booked=fills, tells=False, method=method, closes={"AAA": "50"}
    )


def test_units_that_came_before_a_partial_close_are_priced_by_what_is_left() -> None:
    fills = [
        fill(1, "CCC", "20", "52", fee=D(0)),
        fill(2, "CCC", "-7", "137", fee=D(0), fill_id="sale"),
    ]
    account = with_unseen(fills, "average", 16, D(62))
    proposal = next(p for p in account.resolve() if p.postings[0]["commodity"] == "CCC")
    (posting,) = proposal.postings
    assert posting["occurred_at"] < fills[0].filled_at
    assert round(posting["unit_cost"], 6) == 62
    assert differences(account, account.resolved()) == []


@whole_accounts
@given(
    st.lists(
        st.tuples(st.integers(-30, 40).filter(bool), st.integers(1, 200)), min_size=1, max_size=5
    ),
    st.integers(1, 60),
    st.integers(1, 300),
    st.sampled_from(["average", "fifo", "lifo"]),
)
def test_unseen_units_reproduce_the_brokers_average_by_any_lot_method(
    trades: list[tuple[int, int]], units: int, price: int, method: LotMethod
) -> None:
    held, fills = units, []
    for number, (quantity, at_price) in enumerate(trades):
        # Neither the account nor the books' own part of it goes through zero.
        seen = sum(int(each.quantity) for each in fills)
        if held + quantity <= 0 or seen + quantity < 0:
            continue
        held += quantity
        fills.append(
            fill(number, "CCC", str(quantity), str(at_price), fee=D(0), fill_id=f"g{number}")
        )
    account = with_unseen(fills, method, units, D(price))
    assert differences(account, account.resolved()) == []
    if method == "average":
        pairs = [(each.quantity, each.price) for each in fills]
        quantity, value = average_after((D(units), Fraction(price)), pairs)
        held_after = held_by_lots(EXCHANGES, {"a": method})(account.resolved(), "CCC")
        assert abs(Fraction(held_after.amount) - value) < Fraction(1, 1000)
        assert held_after.quantity == quantity


def test_rounding_accepts_itself_and_everything_else_waits() -> None:
    small = Account(broker=[cash(1, "fee", "-2.20")], tells=False)
    (proposal,) = small.resolve()
    assert (proposal.cause, proposal.accepts_itself) == ("rounding", True)
    for what, account in CASES.items():
        if "a small amount" not in what:
            assert not any(each.accepts_itself for each in account.resolve()), what


@pytest.mark.parametrize(
    ("amount", "limit", "is_accepted"),
    [("4.00", "5.00", True), ("6.25", "5.00", True), ("6.26", "5.00", False), ("2", "1", False)],
)
def test_the_limit_of_rounding_is_in_euros(amount: str, limit: str, is_accepted: bool) -> None:
    settings = ReconciliationSettings(rounding_limit=D(limit))
    account = Account(broker=[cash(1, "fee", amount)], tells=False, settings=settings)
    assert [each.accepts_itself for each in account.resolve()] == [is_accepted]


def test_rounding_that_adds_up_waits_for_a_person() -> None:
    account = Account(broker=[cash(1, "fee", "-2.20")], tells=False)
    earlier = {("a", "USD"): D("-4.40")}
    (proposal,) = account.resolve(already_rounded=earlier)
    assert not proposal.accepts_itself
    (other_way,) = account.resolve(already_rounded={("a", "USD"): D("1.50")})
    assert other_way.accepts_itself


def test_rounding_is_accepted_only_where_the_settings_let_it() -> None:
    settings = ReconciliationSettings(accept_rounding_of_cash=False)
    (proposal,) = Account(
        broker=[cash(1, "fee", "-2.20")], tells=False, settings=settings
    ).resolve()
    assert not proposal.accepts_itself


def test_a_position_is_never_taken_for_rounding_by_default() -> None:
    (proposal, *_) = Account(unseen={"CCC": "0.001"}, tells=False).resolve()
    assert (proposal.cause, proposal.accepts_itself) == ("unexplained", False)


def test_a_correction_that_was_taken_back_is_proposed_under_another_name() -> None:
    account = Account(broker=[BOUGHT], tells=False, opening=OPENING)
    first = account.resolve()
    spent = frozenset(each.proposal_id for each in first)
    again = account.resolve(spent=spent)
    assert not spent & {each.proposal_id for each in again}
    assert [each.description for each in again] == [each.description for each in first]


def test_dividends_and_splits_are_told_apart_from_what_is_booked_already() -> None:
    known = cash(1, "dividend", "20", symbol="BBB")
    actions = [dividend("BBB", day(0), "1"), split_action("AAA", day(0), "2")]
    account = Account([known], [known], actions=actions, tells=False)
    assert account.resolve() == []
