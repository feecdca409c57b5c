"""The logs of the guards: complete, and the same twice adds nothing."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from ballast.guards.closing import Close
from ballast.trading.orders import OrderIntent
from resources.brokers.protocol import OrderStatus
from resources.guards import CLOSED, FAILED, GUARD, ORDERED, GuardBook
from resources.orders import OrderBook
from resources.recommendations import RecommendationBook
from resources.store import Store

SESSION, LATER = date(2024, 3, 5), date(2024, 3, 6)
CLOSE = Close(
    "one.drawdown-start.A", "one", "drawdown", "drawdown-start", "A", "sell", Decimal(5), "It fell."
)


def snapshot(equity: str | None, session: date = SESSION) -> dict[str, object]:
    amounts = dict.fromkeys(("balance", "peak", "drawdown", "open_profit"))
    value = None if equity is None else Decimal(equity)
    return {"account_id": "one", "session": session, "equity": value, "positions": 3, **amounts}


def alert(kind: str = "warning") -> dict[str, object]:
    return {
        "alert_id": f"one.drawdown.{kind}.drawdown-start", "account_id": "one", "session": SESSION,
        "guard": "drawdown", "kind": kind, "threshold": Decimal(15), "measured": Decimal("15.2"),
        "action": "told", "positions": 3,
    }  # fmt: skip


def test_the_same_session_twice_adds_nothing_and_a_correction_is_kept_beside(store: Store) -> None:
    book = GuardBook(store)
    assert book.log([snapshot("100"), snapshot(None, LATER)], [alert()]) == 3
    assert book.log([snapshot("100"), snapshot(None, LATER)], [alert()]) == 0
    assert book.log([snapshot("101")], [alert("execution")]) == 2
    found = book.snapshots("one")
    assert found["equity"].to_list() == [Decimal(100), Decimal(101), None]
    assert book.snapshots("two").is_empty()
    assert book.drawdown_alerts()["kind"].to_list() == ["execution", "warning"]


def test_a_fall_that_lasts_over_sessions_is_logged_once(store: Store) -> None:
    book = GuardBook(store)
    book.log([], [alert()])
    book.log([], [alert() | {"session": LATER, "measured": Decimal("16.4")}])
    assert book.drawdown_alerts()["session"].to_list() == [SESSION]


def test_the_close_log_keeps_every_attempt_and_repeats_nothing(store: Store) -> None:
    book = GuardBook(store)
    for _ in range(2):
        book.record(CLOSE, SESSION, FAILED, detail="the line is dead")
    book.record(CLOSE, LATER, ORDERED, client_order_id="one.drawdown-start.A.2")
    book.record(CLOSE, LATER, CLOSED, client_order_id="one.drawdown-start.A.2")
    log = book.close_log("one")
    assert log["state"].to_list() == [FAILED, ORDERED, CLOSED]
    assert log["detail"].to_list() == ["the line is dead", None, None]
    assert log["quantity"].to_list() == [Decimal(5)] * 3
    assert set(log["reason"]) == {"It fell."}
    assert book.states() == {CLOSE.close_id: CLOSED}
    assert book.states("two") == {}


def test_advice_that_is_no_longer_given_is_dismissed_and_may_return(store: Store) -> None:
    book, advice = GuardBook(store), RecommendationBook(store)
    rows = [recommendation("A"), recommendation("B")]
    book.propose("one", rows)
    book.propose("one", rows[:1])
    assert [row["symbol"] for row in advice.of("one", GUARD)] == ["A"]
    assert [row["symbol"] for row in advice.of("one", GUARD, "dismissed")] == ["B"]
    book.propose("two", [])
    book.propose("one", rows)
    assert [row["symbol"] for row in advice.of("one", GUARD)] == ["A", "B"]
    book.propose("one", [])
    assert advice.of("one", GUARD) == []


def test_the_orders_of_a_session_are_counted_by_the_moment_they_were_written(store: Store) -> None:
    orders = OrderBook(store)
    for number, session in enumerate((SESSION, SESSION, LATER)):
        intent = OrderIntent(
            client_order_id=f"one.plan.{number}", account_id="one", origin="plan",
            origin_id=f"plan-{session}", session=session, side="buy", symbol="A",
            quantity=Decimal(1),
        )  # fmt: skip
        orders.place(intent, Filler())
    sent = GuardBook(store).sent_orders(SESSION)
    assert sent["decision"].to_list() == [f"plan-{SESSION}"] * 2
    assert sent["sent_at"].null_count() == 0
    assert GuardBook(store).sent_orders(date(2020, 1, 1)).is_empty()


def recommendation(symbol: str) -> dict[str, object]:
    return {
        "recommendation_id": f"one.{symbol}", "account_id": "one", "origin": GUARD,
        "origin_id": "drawdown-start", "session": SESSION, "step": 1, "side": "sell",
        "symbol": symbol, "quantity": Decimal(1), "reason": "It fell.", "weight_before": None,
        "weight_after": None, "inputs_hash": "hash", "status": "pending",
    }  # fmt: skip


class Filler:
    """A broker that fills everything."""

    def submit(self, order: OrderIntent) -> OrderStatus:
        return OrderStatus(order.client_order_id, "filled")

    def cancel(self, account_id: str, client_order_id: str) -> OrderStatus:
        return OrderStatus(client_order_id, "rejected")

    def status(self, account_id: str, client_order_id: str) -> OrderStatus | None:
        return None
