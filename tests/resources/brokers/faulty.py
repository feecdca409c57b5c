"""Brokers with faults, around the paper broker on the recorded market."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from functools import cache
from typing import Any, cast

import polars as pl

from ballast.books.broker_events import BrokerEvent
from resources.brokers.faults import Fault, FaultKind
from resources.brokers.faults_broker import FaultyBroker
from resources.brokers.paper_market import PaperMarket
from resources.brokers.protocol import Broker
from resources.market_data.recorded import RecordedMarketData
from tests.resources.brokers.papers import market, portfolio

OPTION = "AAPL 18SEP20 440 P"
METHODS = {"america": "fifo", "europe": "average"}


def faulty(broker: Broker, *script: Fault) -> FaultyBroker:
    """A broker with faults; its market lists an option beside the recorded securities."""
    bases = portfolio().base_currencies
    return FaultyBroker(broker, script, market_with_option(), bases, METHODS)


def remembering(broker: Broker) -> Broker:
    """A broker whose past is over, asked no question twice."""
    return cast(Broker, Remembering(broker))


class Remembering:
    """Answers again what was answered before."""

    def __init__(self, broker: Broker) -> None:
        self.name = broker.name
        self._broker = broker
        self._answers: dict[tuple[object, ...], Any] = {}

    def __getattr__(self, question: str) -> Callable[..., Any]:
        def ask(*about: object) -> Any:
            key = (question, *about)
            if key not in self._answers:
                self._answers[key] = getattr(self._broker, question)(*about)
            return self._answers[key]

        return ask


@cache
def market_with_option() -> PaperMarket:
    """The recorded market and an option that nobody quotes."""
    known = market()
    listed = {**known.currencies_by_symbol, OPTION: "USD"}
    return replace(known, source=Listing((OPTION,)), currencies_by_symbol=listed)


@dataclass(frozen=True)
class Listing:
    """The recorded prices, which say nothing of some further securities."""

    unquoted: Sequence[str]

    def bars(self, symbols: Sequence[str], first: date, last: date) -> pl.DataFrame:
        return RecordedMarketData().bars(self._recorded(symbols), first, last)

    def corporate_actions(self, symbols: Sequence[str], first: date, last: date) -> pl.DataFrame:
        return RecordedMarketData().corporate_actions(self._recorded(symbols), first, last)

    def _recorded(self, symbols: Sequence[str]) -> list[str]:
        return [symbol for symbol in symbols if symbol not in self.unquoted]


def fault(kind: FaultKind, session: date, account: str = "america", **facts: Any) -> Fault:
    """A fault; numbers may be given as text."""
    numbers = ("quantity", "price", "amount", "other_amount", "factor", "basis_share")
    exact = {name: Decimal(value) if name in numbers else value for name, value in facts.items()}
    return Fault(
        exact.pop("fault_id", f"{kind}-{account}-{session}"), account, session, kind, **exact
    )


def everything(broker: Any, account: str, session: date) -> dict[str, object]:
    """Every answer of a broker about an account."""
    return {
        "positions": sorted(broker.positions(account, session), key=repr),
        "balances": {c: a for c, a in broker.balances(account, session).items() if a},
        "lots": broker.lots(account, session),
        "equity": broker.equity(account, session),
        "fills": broker.fills_since(account, None, session),
        "movements": broker.cash_movements_since(account, None, session),
        "activity": broker.activity(account, session),
        "open orders": broker.open_orders(account),
    }


def coming(broker: Any, account: str, session: date) -> list[BrokerEvent]:
    """Everything that comes in, as the import asks for it."""
    return [
        *broker.fills_since(account, None, session),
        *broker.cash_movements_since(account, None, session),
    ]


def changed(before: dict[str, object], after: dict[str, object]) -> set[str]:
    """Names of the answers that differ."""
    return {name for name in before if before[name] != after[name]}


def of_symbol(told: Sequence[Any] | None, symbol: str) -> list[Any]:
    """The positions or lots of one security."""
    return [each for each in told or () if each.symbol == symbol]
