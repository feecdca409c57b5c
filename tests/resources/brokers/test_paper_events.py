"""What happens to a paper account without an order: splits, dividends, and cash that is paid in or out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import polars as pl
import pytest

from ballast.books.broker_events import CashMovement, Fill, SplitEvent
from ballast.errors import OrderRefusedError
from ballast.tables import CorporateActions, polars_schema
from resources.brokers.paper_rules import Movement, corporate_action
from resources.market_data.recorded import RecordedMarketData
from tests.resources.brokers.papers import (
    APPLES,
    NewStore,
    book_of,
    event,
    held,
    market,
    order,
    paper,
)

LAST = date(2020, 8, 20)
SPLIT = date(2020, 8, 31)


def test_apple_splits_four_for_one_and_keeps_its_cost(new_store: NewStore) -> None:
    broker = paper(new_store(), APPLES)
    (before,) = broker.positions("america", SPLIT - timedelta(days=1))
    (after,) = broker.positions("america", SPLIT)
    assert (before.quantity, after.quantity) == (40, 160)
    assert before.average_price is not None
    assert after.average_price is not None
    assert abs(after.average_price * 4 - before.average_price) < Decimal("0.000001")
    splits = [
        e for e in broker.cash_movements_since("america", None, SPLIT) if isinstance(e, SplitEvent)
    ]
    at = datetime(2020, 8, 31, 8, tzinfo=UTC)
    assert splits == [SplitEvent("split:AAPL:2020-08-31", "america", "AAPL", Decimal(120), at)]
    fills = broker.fills_since("america", None, SPLIT)
    assert [fill.quantity for fill in fills if isinstance(fill, Fill)] == [40]


def test_a_dividend_is_paid_on_the_shares_held_before_its_ex_date(new_store: NewStore) -> None:
    # AAPL paid 0.82 dollars a share (before the split) on 7 August 2020.
    bought_on_the_day = [*APPLES, event(4, date(2020, 8, 7), "buy", "AAPL", "10")]
    broker = paper(new_store(), bought_on_the_day)
    events = broker.cash_movements_since("america", None, date(2020, 8, 7))
    dividends = [e for e in events if isinstance(e, CashMovement) and e.kind == "dividend"]
    assert [(e.movement_id, e.currency, e.amount) for e in dividends] == [
        ("dividend:AAPL:2020-08-07", "USD", Decimal("32.80"))
    ]


def test_no_dividend_is_paid_on_what_was_sold_before(new_store: NewStore) -> None:
    sold = [*APPLES, event(4, date(2020, 8, 6), "sell", "AAPL", "40")]
    broker = paper(new_store(), sold)
    events = broker.cash_movements_since("america", None, date(2020, 8, 7))
    assert {e.kind for e in events if isinstance(e, CashMovement)} == {"deposit"}


def test_an_order_of_the_evening_earns_the_split_of_a_later_day(new_store: NewStore) -> None:
    broker = paper(new_store(), APPLES)
    broker.submit(order("1", "sell", "AAPL", "30", date(2020, 8, 28)))
    assert held(broker, SPLIT) == {"AAPL": 40}


def test_cash_may_be_moved_even_beyond_the_balance(new_store: NewStore) -> None:
    broker = paper(new_store(), APPLES)
    broker.move_cash("america", "USD", Decimal(-60_000), LAST, "out")
    assert broker.balances("america", LAST)["USD"] < 0
    (moved,) = [
        e
        for e in broker.cash_movements_since("america", None, LAST)
        if isinstance(e, CashMovement) and e.movement_id == "out"
    ]
    assert (moved.kind, moved.amount) == ("withdrawal", Decimal(-60_000))


def test_a_repeated_reference_moves_nothing_whatever_else_it_says(new_store: NewStore) -> None:
    store = new_store()
    broker = paper(store, APPLES)
    broker.move_cash("america", "EUR", Decimal(5), LAST, "gift")
    broker.positions("america", LAST + timedelta(days=1))
    book = book_of(store)
    # Also when the account has moved on meanwhile: the movement is there, so there is nothing to refuse.
    broker.move_cash("america", "EUR", Decimal(5), LAST, "gift")
    broker.move_cash("america", "USD", Decimal(7), LAST + timedelta(days=1), "gift")
    assert book_of(store) == book


def test_cash_is_not_moved_in_the_past(new_store: NewStore) -> None:
    broker = paper(new_store(), APPLES)
    broker.positions("america", LAST)
    with pytest.raises(OrderRefusedError, match="moved beyond"):
        broker.move_cash("america", "EUR", Decimal(5), LAST - timedelta(days=1), "gift")


@pytest.mark.parametrize(("currency", "amount"), [("EUR", 0), ("XXX", 5), ("AAPL", 5)])
def test_nothing_and_unknown_currencies_are_not_moved(
    new_store: NewStore, currency: str, amount: int
) -> None:
    broker = paper(new_store(), APPLES)
    with pytest.raises(OrderRefusedError, match="cannot be paid"):
        broker.move_cash("america", currency, Decimal(amount), LAST, "gift")


_AT = datetime(2020, 8, 31, 8, tzinfo=UTC)


@pytest.mark.parametrize(
    ("ratio", "before", "change"),
    [("4", "40", "120"), ("1.5", "15", "7"), ("0.125", "100", "-88"), ("0.125", "7", "-7")],
)
def test_a_split_leaves_whole_shares(ratio: str, before: str, change: str) -> None:
    action = {"kind": "split", "symbol": "AAPL", "ex_date": SPLIT, "ratio": Decimal(ratio)}
    moved = corporate_action(action, {"AAPL": Decimal(before)}, _AT, market())
    assert moved == [Movement("split:AAPL:2020-08-31", _AT, "split", "AAPL", Decimal(change))]


def test_a_dividend_is_paid_to_the_cent_in_the_currency_of_the_security() -> None:
    action = {"kind": "dividend", "symbol": "AAPL", "ex_date": SPLIT, "amount": Decimal("0.8251")}
    moved = corporate_action(action, {"AAPL": Decimal(3)}, _AT, market())
    assert [(m.commodity, m.quantity) for m in moved] == [("USD", Decimal("2.48"))]


def test_a_security_that_is_not_held_has_no_corporate_action() -> None:
    action = {"kind": "split", "symbol": "AAPL", "ex_date": SPLIT, "ratio": Decimal(4)}
    assert corporate_action(action, {"AAPL": Decimal(0)}, _AT, market()) == []
    assert corporate_action(action, {"MSFT": Decimal(1)}, _AT, market()) == []


class _SplitAndDividend(RecordedMarketData):
    """On 10 August 2020 Apple splits two for one and pays a dollar per new share."""

    def corporate_actions(self, symbols: Sequence[str], first: date, last: date) -> pl.DataFrame:
        rows = [
            {"kind": "dividend", "amount": Decimal(1), "ratio": None},
            {"kind": "split", "amount": None, "ratio": Decimal(2)},
        ]
        same = {"symbol": "AAPL", "ex_date": date(2020, 8, 10), "source": "test"}
        frame = pl.DataFrame([same | row for row in rows], schema=polars_schema(CorporateActions))
        return frame.filter(pl.col("ex_date").is_between(first, last))


def test_a_dividend_on_the_day_of_a_split_is_per_share_of_the_new_count(
    new_store: NewStore,
) -> None:
    invented = replace(market(), source=_SplitAndDividend())
    broker = replace(paper(new_store(), APPLES), market=invented)
    events = broker.cash_movements_since("america", None, date(2020, 8, 10))
    dividends = [e for e in events if isinstance(e, CashMovement) and e.kind == "dividend"]
    assert [e.amount for e in dividends] == [Decimal(80)]
    assert held(broker, date(2020, 8, 10)) == {"AAPL": 80}


def test_an_account_without_an_opening_history_has_corporate_actions_too(
    new_store: NewStore,
) -> None:
    broker = paper(new_store(), [])
    broker.move_cash("america", "USD", Decimal(50_000), LAST, "start")
    broker.submit(order("1", "buy", "AAPL", "40", LAST))
    assert held(broker, SPLIT) == {"AAPL": 160}
