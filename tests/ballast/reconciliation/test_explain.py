"""Every difference has a cause with evidence, or is unexplained; what remains is exact."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import get_args

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ballast.books.broker_events import BrokerEvent, ConversionEvent, TransferEvent
from ballast.reconciliation.causes import CAUSES, Cause
from ballast.settings import ReconciliationSettings
from tests.ballast.builders import D, day, dividend
from tests.ballast.builders import split as split_action
from tests.ballast.reconciliation.accounts import (
    Account,
    at_hour,
    cash,
    exchange,
    fill,
    order,
    split,
)

# Each example compares, explains and matches all lots.
whole_accounts = settings(max_examples=12, deadline=None)
EXACT = ReconciliationSettings(cash_tolerance=D("0.01"))
OUTSIDE = TransferEvent("t1", "a", "CCC", D(7), at_hour(1), D(650), "USD", day(-30))
SPUN_OFF = ConversionEvent("m1", "a", "spin_off", "AAA", D(0), "CCC", D(2), D("0.1"), at_hour(1))
BOUGHT = fill(1, "CCC", "5", "100")
BY_HAND = replace(BOUGHT, client_order_id=None)
LIQUIDATED = fill(1, "AAA", "-10", "48", kind="liquidation", client_order_id=None)

# What happened, what was booked, and what the difference is called: where the broker tells what happened.
TOLD: dict[str, tuple[list[BrokerEvent], list[BrokerEvent], Cause]] = {
    "a fill is missing": ([BOUGHT], [], "missed_fill"),
    "a trade by hand is missing": ([BY_HAND], [], "manual_trade"),
    "a liquidation is missing": ([LIQUIDATED], [], "broker_liquidation"),
    "a fill is booked twice": (
        [BOUGHT],
        [BOUGHT, replace(BOUGHT, fill_id="f1b")],
        "duplicate_fill",
    ),
    "a part of a fill": ([BOUGHT], [replace(BOUGHT, quantity=D(3))], "partial_fill"),
    "the other sign": ([BOUGHT], [replace(BOUGHT, quantity=D(-5))], "wrong_sign"),
    "a slightly other price": ([BOUGHT], [replace(BOUGHT, price=D("100.50"))], "slippage"),
    "quite another price": ([BOUGHT], [replace(BOUGHT, price=D(106))], "gap"),
    "another commission": ([BOUGHT], [replace(BOUGHT, fee=D(6))], "fee"),
    "what never happened": ([], [fill(2, "CCC", "4", "99")], "unknown_booking"),
    "a fee": ([cash(1, "fee", "-12.5")], [], "fee"),
    "a dividend": ([cash(1, "dividend", "8.10", symbol="AAA")], [], "dividend"),
    "a dividend of another amount": (
        [cash(1, "dividend", "8.10", symbol="AAA")],
        [cash(1, "dividend", "4.05", symbol="AAA")],
        "dividend",
    ),
    "a tax": ([cash(1, "withholding_tax", "-1.22", symbol="AAA")], [], "withholding_tax"),
    "interest": ([cash(1, "interest", "3.33")], [], "interest"),
    "a deposit": ([cash(1, "deposit", "500")], [], "deposit_or_withdrawal"),
    "an exchange": ([exchange(1, "1250", "1000")], [], "fx_conversion"),
    "a split": ([split(1, "AAA", "10")], [], "split"),
    "a spin-off": ([SPUN_OFF], [], "corporate_action"),
    "a transfer": ([OUTSIDE], [], "transfer"),
    "an assignment": ([fill(1, "OPT", "3", "0", kind="assignment", fee=D(0))], [], "assignment"),
    "an exercise": ([fill(1, "OPT", "3", "0", kind="exercise", fee=D(0))], [], "exercise"),
    "an expiry": ([fill(1, "OPT", "3", "0", kind="expiry", fee=D(0))], [], "expiry"),
    "a correction": ([cash(1, "adjustment", "2.5")], [], "broker_correction"),
}

# The same where the broker tells nothing and other evidence has to do.
INFERRED: dict[str, tuple[Account, Cause]] = {
    "an order that was filled": (
        Account(broker=[BOUGHT], orders=[order(1, "buy", "CCC", "5")]),
        "missed_fill",
    ),
    "an order of which a part is booked": (
        Account(
            broker=[BOUGHT], booked=[replace(BOUGHT, quantity=D(3), fill_id="g")],
            orders=[order(1, "buy", "CCC", "5")],
        ),
        "partial_fill",
    ),
    "units against cash without an order": (Account(broker=[BY_HAND]), "manual_trade"),
    "two bookings of the same": (
        Account(broker=[BOUGHT], booked=[BOUGHT, replace(BOUGHT, fill_id="f1b")]),
        "duplicate_fill",
    ),
    "a booking with the other sign": (
        Account(
            broker=[replace(BOUGHT, quantity=D(-5))], booked=[BOUGHT],
            orders=[order(1, "sell", "CCC", "5", state="rejected")],
        ),
        "wrong_sign",
    ),
    "a split of the calendar": (
        Account(broker=[split(1, "AAA", "10")], actions=[split_action("AAA", day(0), "2")]),
        "split",
    ),
    "a dividend of the calendar": (
        Account(broker=[cash(1, "dividend", "20")], actions=[dividend("BBB", day(0), "1")]),
        "dividend",
    ),
    "two balances at the rate": (Account(broker=[exchange(1, "1251", "1000")]), "fx_conversion"),
    "a small amount of cash": (Account(broker=[cash(1, "fee", "-2.20")]), "rounding"),
    "nothing that accounts for it": (Account(broker=[cash(1, "fee", "-77.70")]), "unexplained"),
}  # fmt: skip


def causes(account: Account) -> set[str]:
    """Return the causes of the quantities and balances that differ."""
    table = account.explain().table
    return set(table.filter(pl.col("explained").is_not_null())["cause"])


@pytest.mark.parametrize("what", TOLD)
def test_what_the_broker_tells_is_named(what: str) -> None:
    broker, booked, cause = TOLD[what]
    account = Account(broker=broker, booked=booked, settings=EXACT)
    explained = account.explain()
    assert causes(account) == {cause}
    assert explained.remainders == {}
    assert explained.lines["evidence"].null_count() == 0


@pytest.mark.parametrize("what", INFERRED)
def test_what_other_evidence_tells_is_named(what: str) -> None:
    account, cause = INFERRED[what]
    explained = replace(account, tells=False, settings=EXACT).explain()
    summed = explained.table.filter(pl.col("explained").is_not_null())
    assert set(summed["cause"]) == {cause}
    assert (explained.lines["evidence"].null_count() == 0) == (cause != "unexplained")


def test_cash_that_has_not_settled_is_named_and_nothing_is_proposed() -> None:
    sold = fill(1, "AAA", "-10", "55", settled_on=day(2))
    settled_later = replace(sold, proceeds=D(0))
    account = Account(broker=[settled_later], booked=[sold], tells=False)
    assert causes(account) == {"pending_settlement"}
    assert account.resolve() == []


def test_costs_and_equity_follow_from_what_else_differs() -> None:
    table = Account(broker=[fill(1, "AAA", "5", "80")]).explain().table
    differing = table.filter(pl.col("outcome") != "matched")
    by_field = dict(differing.filter(item="AAA").select("field", "cause").iter_rows())
    assert by_field == {"average_cost": "consequence", "quantity": "missed_fill"}


def test_every_cause_is_reachable() -> None:
    tested = {cause for _, _, cause in TOLD.values()} | {cause for _, cause in INFERRED.values()}
    assert tested | {"pending_settlement", "consequence"} == set(get_args(Cause)) == set(CAUSES)


def test_a_difference_of_two_events_has_two_lines() -> None:
    account = Account(broker=[BOUGHT, cash(2, "fee", "-3.21")])
    lines = account.explain().lines.filter(item="USD")
    assert dict(lines.select("cause", "amount").iter_rows()) == {
        "missed_fill": D(-501),
        "fee": D("-3.21"),
    }


def test_what_evidence_leaves_over_stays_unexplained_to_the_cent() -> None:
    account = Account(broker=[BOUGHT], unseen={"USD": "-123.45"})
    row = account.explain().table.filter(item="USD", field="cash").row(0, named=True)
    assert row["cause"] == "unexplained"
    assert (row["explained"], row["unexplained"]) == (D(-501), D("-123.45"))


def test_a_clue_that_only_makes_a_difference_smaller_proves_nothing() -> None:
    account = Account(
        broker=[cash(1, "dividend", "19")], actions=[dividend("BBB", day(0), "1")], tells=False
    )
    assert causes(account) == {"unexplained"}


def renamed(event: BrokerEvent, number: int) -> BrokerEvent:
    """Give an event an id of its own."""
    name = next(f for f in ("fill_id", "movement_id", "event_id") if hasattr(event, f))
    return replace(event, **{name: f"e{number}"})  # type: ignore[arg-type]


EVENTS = [renamed(event, n) for n, (told, _, _) in enumerate(TOLD.values()) for event in told]
events = st.lists(st.sampled_from(EVENTS), max_size=6, unique_by=repr)
strays = st.dictionaries(
    st.sampled_from(["USD", "EUR", "AAA", "CCC"]), st.integers(-50, 50).map(str), max_size=3
)


@whole_accounts
@given(events, events, strays, st.booleans())
def test_lines_and_remainder_add_up_to_the_difference_exactly(
    broker: list[BrokerEvent], booked: list[BrokerEvent], unseen: dict[str, str], tells: bool
) -> None:
    explained = Account(broker, booked, tells=tells, unseen=unseen, settings=EXACT).explain()
    sums = explained.lines.group_by("account_id", "item").agg(pl.col("amount").sum())
    differing = explained.table.filter(pl.col("explained").is_not_null())
    joined = differing.join(sums, on=["account_id", "item"], how="left")
    assert joined.filter(pl.col("amount").ne_missing(pl.col("difference"))).is_empty()
    assert differing.filter(
        pl.col("explained") + pl.col("unexplained") != pl.col("difference")
    ).is_empty()
    untold = explained.lines.filter(pl.col("evidence").is_null())
    assert set(untold["cause"]) <= {"unexplained"}


@whole_accounts
@given(events, st.randoms(use_true_random=False))
def test_the_order_of_events_is_irrelevant(broker: list[BrokerEvent], random: object) -> None:
    shuffled = list(broker)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    one, other = Account(broker).explain(), Account(shuffled).explain()
    assert one.lines.equals(other.lines)
    assert one.table.equals(other.table)


def test_ten_to_the_last_digit() -> None:
    account = Account(unseen={"CCC": "0.00000001"})
    assert account.explain().remainders["a", "CCC"] == Decimal("0.00000001")
