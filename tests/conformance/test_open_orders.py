"""The paper broker, and one with faults around it, do with open orders what every broker must do."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from ballast.money import ZERO
from ballast.trading.orders import OrderIntent
from resources.brokers.faults_broker import FaultyBroker
from resources.brokers.paper import PaperBroker
from resources.brokers.paper_orders import FillTerms
from resources.brokers.protocol import OrderStatus
from resources.store import Store
from tests.conformance.open_order_conformance import OpenBench, OpenOrderConformance
from tests.conformance.test_paper import paper_bench
from tests.resources.brokers.papers import market, portfolio


class TestPaperBroker(OpenOrderConformance):
    @pytest.fixture
    def venue(self, store: Store) -> OpenBench:
        return _venue(store)


class TestFaultyBroker(OpenOrderConformance):
    @pytest.fixture
    def venue(self, store: Store) -> OpenBench:
        venue = _venue(store)
        inside = venue.bench.broker
        assert isinstance(inside, PaperBroker)
        broker = FaultyBroker(inside, (), market(), portfolio().base_currencies)
        return replace(venue, bench=replace(venue.bench, broker=broker))


def _venue(store: Store) -> OpenBench:
    bench = paper_bench(store)
    broker = bench.broker
    assert isinstance(broker, PaperBroker)

    def leave_open(intent: OrderIntent, until: date) -> OrderStatus:
        return broker.submit(intent, FillTerms(ZERO, until))

    return OpenBench(bench, leave_open)
