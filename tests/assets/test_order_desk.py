"""The one path of every order: judged on what is published, in the store and at the broker, then sent once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from assets.order_desk import BLOCKED, OrderDesk, Placed
from ballast.errors import BrokerUnavailableError
from ballast.guards.kill_switch import EVERYTHING
from ballast.trading.gate import LAYERS
from ballast.trading.modes import LIVE_VARIABLE
from resources.brokers.protocol import Broker, OrderStatus
from resources.orders import OrderBookMovedError
from tests.assets.desks import PAPER, desk_on, order
from tests.demonstration import SESSION
from tests.live_day import LIVE, MORNING, wake_up

Open = Callable[..., OrderDesk]


@pytest.fixture
def opened(researched: Path, tmp_path: Path) -> Open:
    def open_desk(*changes: tuple[str, str]) -> OrderDesk:
        return desk_on(tmp_path, researched, *(changes or (PAPER,)))

    return open_desk


def held(desk: OrderDesk) -> Mapping[str, Decimal]:
    paper = desk.run.workspace.paper
    return {p.symbol: p.quantity for p in paper.positions("europe", SESSION)}


def judgements(desk: OrderDesk, name: str) -> pl.DataFrame:
    answers = desk.run.workspace.gate_log.table(SESSION)
    return answers.filter(pl.col("client_order_id") == f"europe.{name}.1")


def stopping(desk: OrderDesk, name: str) -> set[str]:
    """The layers that stopped an order when it was last judged."""
    said = judgements(desk, name).filter(pl.col("attempt") == pl.col("attempt").max())
    return set(said.filter(pl.col("verdict") == "block")["layer"])


def trip(desk: OrderDesk, scope: str = EVERYTHING) -> None:
    desk.run.workspace.kill_switch.trip(
        scope, reason="a rumour", requested_by="me", session=SESSION, run_id="trip"
    )


def test_an_order_that_passes_is_filled_once_and_every_answer_is_kept(opened: Open) -> None:
    desk = opened()
    before = held(desk)["ASML.AS"]
    first = desk.place(order("mine", "sell", "ASML.AS", "2"))
    assert (first.state, first.stopped_by) == ("filled", None)
    assert desk.place(order("mine", "sell", "ASML.AS", "2")) == first
    assert held(desk)["ASML.AS"] == before - 2
    said = judgements(desk, "mine")
    assert said["layer"].to_list() == list(LAYERS)
    assert "block" not in said["verdict"]


def test_a_stopped_order_leaves_its_answers_and_no_order(opened: Open) -> None:
    desk = opened()
    placed = desk.place(order("mine", "sell", "ASML.AS", "100000"))
    assert placed.stopped_by == "position"
    assert "are held" in str(placed.detail)
    assert desk.run.workspace.orders.table().is_empty()
    assert judgements(desk, "mine").filter(pl.col("verdict") == "block").height == 1
    # The same answers again are not worth another row.
    desk.place(order("mine", "sell", "ASML.AS", "100000"))
    assert judgements(desk, "mine").height == len(LAYERS)
    trip(desk)
    desk.place(order("mine", "sell", "ASML.AS", "100000"))
    assert judgements(desk, "mine")["attempt"].unique().sort().to_list() == [1, 2]


def test_funds_are_reserved_order_by_order(opened: Open) -> None:
    desk = opened()
    cash = desk.run.workspace.paper.balances("europe", SESSION)["EUR"]
    price = desk.facts._quotes["KPN.AS"].price
    most = int(cash * Decimal("0.6") / price)
    first = desk.place(order("first", "buy", "KPN.AS", str(most)))
    assert first.stopped_by in {None, "funds"}
    afterwards = desk.place(order("second", "buy", "INGA.AS", str(most)))
    assert afterwards.stopped_by == "funds"


def test_research_mode_and_an_unconfirmed_live_mode_send_nothing(
    opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    intent = order("mine", "sell", "ASML.AS", "2")
    research = opened(('mode = "research"', 'mode = "research"')).place(intent)
    assert (research.stopped_by, research.state) == ("mode", BLOCKED)
    monkeypatch.delenv(LIVE_VARIABLE, raising=False)
    wake_up(monkeypatch)
    refused = opened(*LIVE).place(intent)
    assert refused.stopped_by == "mode"
    assert refused.detail is not None
    assert f"{LIVE_VARIABLE}=europe" in refused.detail
    monkeypatch.setenv(LIVE_VARIABLE, "america")
    assert opened(*LIVE).place(intent).stopped_by == "mode"
    monkeypatch.setenv(LIVE_VARIABLE, "america, europe")
    assert opened(LIVE[0]).place(intent).detail == (
        "Live mode trades on today's prices; remove sessions.last from the portfolio file."
    )
    assert opened(*LIVE).place(intent).state == "filled"
    wake_up(monkeypatch, MORNING + timedelta(days=3))
    late = opened(*LIVE).place(order("late", "sell", "AD.AS", "2"))
    assert late.stopped_by == "mode"
    assert "is over" in str(late.detail)


def test_what_a_person_did_after_the_run_began_counts_for_the_rest_of_the_run(
    opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(LIVE_VARIABLE, "europe")
    often = ("limit_frequency = false", "limit_frequency = true")
    wake_up(monkeypatch)
    desk = opened(*LIVE, often)
    assert desk.facts.clock.moment == MORNING
    wake_up(monkeypatch, MORNING + timedelta(seconds=5))
    assert OrderDesk(desk.run).place(order("theirs", "sell", "ASML.AS", "1")).state == "filled"
    wake_up(monkeypatch, MORNING + timedelta(seconds=20))
    assert desk.place(order("ours", "sell", "ASML.AS", "1", origin="plan")).state == BLOCKED
    assert stopping(desk, "ours") == {"frequency", "position", "duplicate"}
    # And when its exchange has closed, the run does not think that it is still open.
    wake_up(monkeypatch, MORNING.replace(hour=16))
    desk.place(order("late", "sell", "AD.AS", "1"))
    assert "market_hours" in stopping(desk, "late")


def test_an_order_from_before_the_gate_counts_on_its_own_day(opened: Open) -> None:
    often = ("limit_frequency = false", "limit_frequency = true")
    desk = opened(PAPER, often)
    old = order("old", "sell", "ASML.AS", "1", session=SESSION.replace(year=2019))
    desk.run.workspace.orders.place(old, Filling())
    assert desk.place(order("new", "sell", "ASML.AS", "1")).state == "filled"


def test_cash_that_open_purchases_may_take_is_held_back_at_the_worst_price(opened: Open) -> None:
    slippage = ("limit_frequency = false", 'slippage = "0.05"\nlimit_frequency = false')
    desk = opened(PAPER, slippage)
    desk.run.workspace.orders.write(order("open", "buy", "UNA.AS", "100", price=Decimal(50)))
    facts = desk.facts.of(order("new", "buy", "KPN.AS", "1"))
    assert facts.reserved is not None
    assert facts.reserved["EUR"] >= Decimal(5250)
    # One that nobody can price holds everything back.
    unknown = order("odd", "buy", "NOBODY.AS", "1")
    desk.run.workspace.orders.write(unknown)
    assert desk.facts.of(order("new", "buy", "KPN.AS", "1")).reserved is None
    assert desk.place(order("new", "buy", "KPN.AS", "1")).stopped_by == "funds"


def test_an_order_that_was_surely_not_sent_is_dropped_where_nobody_waits_for_it(
    opened: Open,
) -> None:
    desk = opened()
    book = desk.run.workspace.orders
    for number, origin in enumerate(("emergency", "guard", "plan", "person")):
        intent = order(f"{origin}-{number}", "sell", "ASML.AS", "1", origin=origin)
        book.write(intent)
    assert desk.settle("europe") == []
    states = dict(book.table().select("origin", "state").iter_rows())
    assert states == {
        "emergency": "cancelled", "guard": "cancelled", "plan": "cancelled", "person": "intent",
    }  # fmt: skip
    # Somebody who clears what is stuck drops that, too.
    assert desk.settle("europe", unsent_too=True) == []
    assert book.unresolved("europe") == []


def test_an_order_whose_cancellation_was_asked_for_before_it_arrived_is_not_sent_again(
    opened: Open,
) -> None:
    desk = opened()
    broker = flaky(desk, "before")
    intent = order("mine", "sell", "ASML.AS", "2")
    desk.place(intent)
    book = desk.run.workspace.orders
    assert book.cancel(intent, desk.run.workspace.broker("europe"), "no").state == "submitted"
    assert desk.place(intent).state == "unknown"
    assert broker.submissions == 0
    assert [placed.state for placed in desk.settle("europe")] == ["unknown"]


def test_an_order_decided_before_another_was_placed_is_decided_again(opened: Open) -> None:
    desk = opened()
    seen = desk.run.workspace.orders.revision("europe")
    desk.place(order("first", "sell", "ASML.AS", "1"))
    with pytest.raises(OrderBookMovedError):
        desk.place(order("second", "sell", "AAPL", "1"), decided_on=seen)
    assert desk.run.workspace.orders.progress("europe.second.1") is None


def test_the_kill_switch_stops_between_two_orders_and_after_its_reset_lets_pass(
    opened: Open,
) -> None:
    desk = opened()
    assert desk.place(order("first", "sell", "ASML.AS", "1")).state == "filled"
    trip(desk, "europe")
    stopped = desk.place(order("second", "sell", "AAPL", "1"))
    assert stopped.stopped_by == "kill_switch"
    assert "a rumour" in str(stopped.detail)
    desk.run.workspace.kill_switch.reset(
        "europe", reason="looked", requested_by="me", session=SESSION, run_id="reset"
    )
    assert desk.place(order("second", "sell", "AAPL", "1")).state == "filled"


def test_a_book_that_was_not_reconciled_is_not_traded(opened: Open) -> None:
    desk = opened()
    yesterday = replace(desk.run, session=SESSION.replace(day=19))
    of_yesterday = order("mine", "sell", "ASML.AS", "1", session=yesterday.session)
    assert OrderDesk(yesterday).place(of_yesterday).state == BLOCKED
    answers = desk.run.workspace.gate_log.table(yesterday.session)
    (reason,) = answers.filter(pl.col("layer") == "account")["reason"]
    assert "not been reconciled" in reason


@dataclass
class Flaky:
    """A broker whose answers can be lost, before or after they did something."""

    inside: Broker
    lost: list[str] = field(default_factory=list)
    submissions: int = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inside, name)

    def submit(self, intent: Any) -> OrderStatus:
        trouble = self.lost.pop(0) if self.lost else ""
        if trouble == "before":
            raise BrokerUnavailableError("no answer", where="submit", remedy="Ask.")
        self.submissions += 1
        status = self.inside.submit(intent)
        if trouble == "after":
            raise BrokerUnavailableError("no answer", where="submit", remedy="Ask.")
        return status


class Filling:
    """A broker that says that every order was filled."""

    def submit(self, intent: Any) -> OrderStatus:
        return OrderStatus(intent.client_order_id, "filled")

    def status(self, account_id: str, client_order_id: str) -> OrderStatus | None:
        raise AssertionError("nobody asks about an order that was filled at once")

    def cancel(self, account_id: str, client_order_id: str) -> OrderStatus:
        raise AssertionError("nobody asks about an order that was filled at once")


def flaky(desk: OrderDesk, *lost: str) -> Flaky:
    broker = Flaky(desk.run.workspace.brokers["europe"], list(lost))
    desk.run.workspace.brokers["europe"] = broker
    return broker


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_timeout_is_unknown_until_the_broker_says_what_became_of_it(
    opened: Open, moment: str
) -> None:
    desk = opened()
    broker = flaky(desk, moment)
    before = held(desk)["ASML.AS"]
    intent = order("mine", "sell", "ASML.AS", "2")
    assert desk.place(intent) == Placed(intent.client_order_id, "unknown", "no answer")
    # Nothing else of the security is sent meanwhile.
    assert desk.place(order("other", "sell", "ASML.AS", "1")).state == BLOCKED
    assert "duplicate" in stopping(desk, "other")
    assert desk.place(intent).state == "filled"
    assert held(desk)["ASML.AS"] == before - 2
    assert broker.submissions == 1


def test_an_order_that_never_arrived_is_judged_again_before_it_is_sent_again(
    opened: Open,
) -> None:
    desk = opened()
    broker = flaky(desk, "before")
    intent = order("mine", "sell", "ASML.AS", "2")
    desk.place(intent)
    trip(desk)
    assert desk.place(intent).stopped_by == "kill_switch"
    assert broker.submissions == 0


def test_an_order_that_arrived_is_learned_about_although_the_switch_was_tripped_since(
    opened: Open,
) -> None:
    desk = opened()
    flaky(desk, "after")
    intent = order("mine", "sell", "ASML.AS", "2")
    desk.place(intent)
    trip(desk)
    assert desk.place(intent).state == "filled"


def test_what_never_arrived_is_given_up_when_its_session_is_over(opened: Open) -> None:
    desk = opened()
    flaky(desk, "before")
    old = order("old", "sell", "ASML.AS", "2", session=SESSION.replace(day=19))
    desk.run.workspace.orders.write(
        order("unsent", "sell", "AAPL", "1", session=SESSION.replace(day=19))
    )
    with pytest.raises(BrokerUnavailableError):
        desk.run.workspace.orders.place(old, desk.run.workspace.broker("europe"))
    assert desk.settle("europe") == []
    states = desk.run.workspace.orders.table()["state"].to_list()
    assert states == ["expired", "expired"]


def test_an_order_that_another_process_wrote_meanwhile_is_seen(
    opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = opened()
    gathered = type(desk.facts).of
    rivals = [order("rival", "sell", "ASML.AS", "1")]

    def interrupted(facts: Any, intent: Any) -> Any:
        found = gathered(facts, intent)
        if rivals:
            desk.run.workspace.orders.write(rivals.pop())
        return found

    monkeypatch.setattr(type(desk.facts), "of", interrupted)
    assert desk.place(order("mine", "sell", "ASML.AS", "2")).state == BLOCKED
    assert "duplicate" in stopping(desk, "mine")
    assert desk.run.workspace.orders.table()["client_order_id"].to_list() == ["europe.rival.1"]
