"""The limits of the layers, at their borders, and the truth table of the single position."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ballast.settings import TradingSettings
from ballast.trading.gate import Market, OpenOrderFact, PastTrade, Quote, TradingHistory
from tests.ballast.trading.gate.orders import (
    MOMENT,
    SESSION,
    answers,
    blocking,
    facts,
    order,
    verdicts,
)


def trades(*minutes_ago: int, symbol: str = "B", side: str = "buy") -> tuple[PastTrade, ...]:
    return tuple(PastTrade(symbol, side, MOMENT - timedelta(minutes=ago)) for ago in minutes_ago)


@pytest.mark.parametrize(("minutes", "stops"), [(59, True), (60, False), (61, False)])
def test_trades_are_an_hour_apart(minutes: int, stops: bool) -> None:
    assert ("frequency" in blocking(order(), facts(trades=trades(minutes)))) == stops


def test_four_trades_a_day_by_the_calendar_not_by_the_clock() -> None:
    late = datetime(2020, 8, 20, 23, tzinfo=UTC)
    of_today = [late - timedelta(hours=hours) for hours in (3, 6, 9, 12)]
    four = tuple(PastTrade("B", "buy", at) for at in of_today)
    assert blocking(order(), facts(moment=late, trades=four)) == {"frequency"}
    assert blocking(order(), facts(moment=late, trades=four[:3])) == set()
    past_midnight = facts(moment=late + timedelta(hours=2), trades=four)
    assert blocking(order(), past_midnight) == set()


def test_ten_trades_a_week() -> None:
    day = timedelta(days=1)
    ten = tuple(PastTrade("B", "buy", MOMENT - day * (1 + number % 6)) for number in range(10))
    assert blocking(order(), facts(trades=ten)) == {"frequency"}
    assert blocking(order(), facts(trades=ten[:9])) == set()
    # Seven calendar days: what was done a week ago to the day no longer counts.
    week_ago = (*ten[:9], PastTrade("B", "buy", MOMENT - 7 * day))
    assert blocking(order(), facts(trades=week_ago)) == set()


def test_the_limits_of_frequency_can_be_turned_off_and_exchanges_do_not_count() -> None:
    busy = facts(trades=trades(1, 2, 3, 4, 5))
    free = TradingSettings(limit_frequency=False)
    assert blocking(order(), busy, free) == set()
    assert verdicts(order("exchange"), busy)["frequency"] == "not_applicable"


@given(st.lists(st.integers(0, 20_000), max_size=15))
def test_the_order_of_the_trades_is_irrelevant(minutes: list[int]) -> None:
    forwards = answers(order(), facts(trades=trades(*minutes)))["frequency"]
    backwards = answers(order(), facts(trades=trades(*reversed(minutes))))["frequency"]
    assert forwards == backwards


@pytest.mark.parametrize(
    ("exchange", "side", "stops"),
    [
        ("XNYS", "buy", False), ("XNYS", "sell", True), ("XAMS", "buy", False),
        ("XHKG", "buy", True), ("XHKG", "sell", True), ("XTKS", "buy", True), ("XASX", "buy", True),
    ],
)  # fmt: skip
def test_sales_need_an_open_market_and_purchases_where_orders_are_not_queued(
    exchange: str, side: str, stops: bool
) -> None:
    closed = facts(market=Market(exchange, False, "closed"))
    assert ("market_hours" in blocking(order(side), closed)) == stops


@pytest.mark.parametrize(("days", "stops"), [(0, True), (29, True), (30, False)])
def test_a_security_is_not_bought_again_within_thirty_days(days: int, stops: bool) -> None:
    bought = SESSION - timedelta(days=days)
    recently = facts(history=TradingHistory(bought, bought, bought))
    assert ("cooldown" in blocking(order(), recently)) == stops
    assert verdicts(order("sell"), recently)["cooldown"] == "not_applicable"


def test_a_sale_does_not_start_the_cooldown() -> None:
    sold_yesterday = TradingHistory(date(2019, 1, 2), date(2020, 8, 19), date(2019, 1, 2))
    assert blocking(order(), facts(history=sold_yesterday)) == set()


@pytest.mark.parametrize(("days", "stops"), [(1, True), (89, True), (90, False)])
def test_what_was_traded_within_ninety_days_is_not_sold_however_long_it_was_held(
    days: int, stops: bool
) -> None:
    history = TradingHistory(date(2015, 1, 2), SESSION - timedelta(days=days), date(2015, 1, 2))
    found = answers(order("sell"), facts(history=history))["position"]
    assert (found.verdict == "block") == stops
    if stops:
        assert "Held since 2015-01-02" in found.reason


def test_a_holding_without_any_known_trade_is_not_sold_by_plan() -> None:
    assert blocking(order("sell"), facts(history=TradingHistory())) == {"position"}


@pytest.mark.parametrize(
    ("cash", "reserved", "stops"),
    [("1004", "0", False), ("1003.99", "0", True), ("1104", "100", False), ("1104", "101", True)],
)
def test_a_purchase_needs_its_price_and_fee_beside_what_open_orders_will_take(
    cash: str, reserved: str, stops: bool
) -> None:
    known = facts(
        balances={"USD": Decimal(cash), "EUR": Decimal(10_000)},
        reserved={"USD": Decimal(reserved)},
    )
    assert ("funds" in blocking(order(), known)) == stops


@pytest.mark.parametrize(("euros", "stops"), [("500.00", False), ("499.99", True)])
def test_a_purchase_leaves_the_reserve_over_all_currencies(euros: str, stops: bool) -> None:
    known = facts(balances={"USD": Decimal(1004), "EUR": Decimal(euros)})
    assert ("funds" in blocking(order(), known)) == stops
    repair = order("buy", "10", origin="emergency")
    short = facts(balances={"USD": Decimal(1004), "EUR": Decimal(0)}, position=Decimal(-10))
    assert "funds" not in blocking(repair, short)


def test_funds_must_suffice_at_the_worst_price() -> None:
    known = facts(balances={"USD": Decimal(1040), "EUR": Decimal(10_000)})
    assert blocking(order(), known, TradingSettings(slippage=Decimal("0.03"))) == set()
    assert blocking(order(), known, TradingSettings(slippage=Decimal("0.04"))) == {"funds"}


def test_an_exchange_needs_its_amount_and_fee_and_no_reserve() -> None:
    known = facts(balances={"USD": Decimal(14)}, quote=Quote(Decimal("0.9"), "EUR"))
    assert blocking(order("exchange", "10"), known) == set()
    assert blocking(order("exchange", "11"), known) == {"funds"}


@given(st.integers(1, 100), st.integers(0, 100), st.integers(0, 60))
def test_nothing_is_sold_twice_or_beyond_what_is_held(
    quantity: int, held: int, on_sale: int
) -> None:
    open_sale = OpenOrderFact("x", "A", "sell", Decimal(on_sale))
    known = facts(position=Decimal(held), open_orders=(open_sale,) if on_sale else ())
    is_stopped = "position" in blocking(order("sell", str(quantity)), known)
    assert is_stopped == (quantity > held - on_sale)


@pytest.mark.parametrize(("quantity", "stops"), [("100", False), ("150", True), ("50.5", True)])
def test_orders_are_of_whole_lots(quantity: str, stops: bool) -> None:
    known = facts(lot_size=Decimal(100), balances={"USD": Decimal(10**6)})
    assert ("position" in blocking(order("buy", quantity), known)) == stops


@pytest.mark.parametrize(
    ("side", "earlier", "minutes", "stops"),
    [
        ("buy", "buy", 4, True), ("buy", "buy", 5, False), ("buy", "sell", 1, False),
        ("sell", "sell", 119, True), ("sell", "sell", 120, False), ("sell", "buy", 1, False),
    ],
)  # fmt: skip
def test_the_same_order_a_moment_ago_is_a_duplicate(
    side: str, earlier: str, minutes: int, stops: bool
) -> None:
    known = facts(trades=trades(minutes, symbol="A", side=earlier))
    assert ("duplicate" in blocking(order(side), known)) == stops


def test_an_order_is_no_duplicate_of_itself() -> None:
    itself = OpenOrderFact(order().client_order_id, "A", "buy", Decimal(10))
    assert blocking(order(), facts(open_orders=(itself,))) == set()


def test_one_exchange_of_a_pair_is_open_at_a_time() -> None:
    same = OpenOrderFact("x", "USD/EUR", "exchange", Decimal(5))
    other = OpenOrderFact("x", "EUR/USD", "exchange", Decimal(5))
    assert blocking(order("exchange"), facts(open_orders=(same,))) == {"duplicate"}
    assert blocking(order("exchange"), facts(open_orders=(other,))) == set()


@pytest.mark.parametrize(("price", "stops"), [("105", False), ("105.01", True), ("94.99", True)])
def test_a_price_that_has_moved_beyond_the_collar_stops_the_order(price: str, stops: bool) -> None:
    known = facts(quote=Quote(Decimal(price), "USD"))
    assert ("price" in blocking(order(), known)) == stops
    at_any_price = order("sell", price=None)
    assert "price" not in blocking(at_any_price, known)


# P3's rule as a truth table: position, side, quantity, an open order; may it pass?
_TABLE = [
    ("0", "buy", "10", False, True), ("0", "sell", "10", False, True),
    ("10", "buy", "5", False, False), ("10", "buy", "10", False, False),
    ("10", "sell", "10", False, True), ("10", "sell", "5", False, False),
    ("10", "sell", "11", False, False),
    ("-10", "sell", "5", False, False), ("-10", "buy", "10", False, True),
    ("-10", "buy", "5", False, False), ("-10", "buy", "11", False, False),
    ("0", "buy", "10", True, False), ("0", "sell", "10", True, False),
    ("10", "sell", "10", True, False), ("-10", "buy", "10", True, False),
    (None, "buy", "10", False, False), (None, "sell", "10", False, False),
]  # fmt: skip


@pytest.mark.parametrize(("position", "side", "quantity", "is_open", "passes"), _TABLE)
def test_the_truth_table_of_the_single_position(
    position: str | None, side: str, quantity: str, is_open: bool, passes: bool
) -> None:
    other = OpenOrderFact("x", "A", None, Decimal(1))
    known = facts(
        is_single_position=True,
        position=None if position is None else Decimal(position),
        open_orders=(other,) if is_open else (),
    )
    assert (verdicts(order(side, quantity), known)["single_position"] == "pass") == passes


def test_the_single_position_is_a_choice_of_the_account() -> None:
    assert verdicts(order(), facts())["single_position"] == "not_applicable"
    on = verdicts(order("exchange"), facts(is_single_position=True))
    assert on["single_position"] == "not_applicable"
