"""The paper broker on the recorded market passes the suite that every broker must pass."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from ballast.settings import LotMethod
from resources.store import Store
from tests.conformance.bench import Bench, Listed
from tests.conformance.broker_conformance import BrokerConformance
from tests.resources.brokers.papers import market, paper

_SESSIONS = (date(2020, 8, 18), date(2020, 8, 19), date(2020, 8, 20))


class TestPaperBroker(BrokerConformance):
    @pytest.fixture
    def bench(self, store: Store) -> Bench:
        return paper_bench(store)


class TestPaperBrokerWithLots(BrokerConformance):
    @pytest.fixture
    def bench(self, store: Store) -> Bench:
        return paper_bench(store, "fifo")


def paper_bench(store: Store, method: LotMethod = "average") -> Bench:
    """The account `europe` of the demonstration, towards the end of its time."""
    broker = replace(paper(store), lot_methods={"europe": method})

    def pay_in(currency: str, amount: Decimal, session: date, reference: str) -> None:
        broker.move_cash("europe", currency, amount, session, reference)

    return Bench(
        broker=broker,
        account_id="europe",
        sessions=_SESSIONS,
        securities=[_listed("AAPL"), _listed("0700.HK")],
        pair=("EUR", "USD"),
        pay_in=pay_in,
        value=_value,
    )


def _listed(symbol: str) -> Listed:
    price = market().close(symbol, _SESSIONS[-1])
    return Listed(symbol, market().currency(symbol), market().lot_size(symbol), price)


def _value(positions: dict[str, Decimal], cash: dict[str, Decimal], session: date) -> Decimal:
    rates = market().rates(session)
    value = sum((amount * rates.rate(name, "EUR") for name, amount in cash.items()), Decimal(0))
    for symbol, quantity in positions.items():
        rate = rates.rate(market().currency(symbol), "EUR")
        value += quantity * market().close(symbol, session) * rate
    return value
