"""A broker with faults that strikes elsewhere passes the suite like the broker inside it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from resources.brokers.faults_broker import FaultyBroker
from resources.store import Store
from tests.conformance.bench import Bench
from tests.conformance.broker_conformance import BrokerConformance
from tests.conformance.test_paper import paper_bench
from tests.resources.brokers.faulty import fault
from tests.resources.brokers.papers import market, portfolio

_ELSEWHERE = (
    fault("lost_fill", date(2020, 8, 18), "america"),
    fault("split", date(2020, 8, 21), "europe", symbol="AAPL", factor="4"),
)


class TestFaultyBrokerElsewhere(BrokerConformance):
    @pytest.fixture
    def bench(self, store: Store) -> Bench:
        bench = paper_bench(store, "fifo")
        bases, methods = portfolio().base_currencies, {"europe": "fifo"}
        broker = FaultyBroker(bench.broker, _ELSEWHERE, market(), bases, methods)
        return replace(bench, broker=broker)
